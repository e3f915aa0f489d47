// Package crashpoint lets a test kill a process at a named point of what it does, and move the process's time on.
//
// Only programs that are built with the tag crashpoints use it, in the files that wire them: neither the rules nor a
// binary that is shipped knows of it. The test and the programs meet in a Folder: the test arms one point there, and the
// process that reaches it disarms it and kills itself (SIGKILL) before its next instruction, so that the process
// that is started in its place lives. What was reached is traced there.
package crashpoint
