// Package uploads keeps the files that people hand in, outside of the database: on a disk now, behind marketplace.Files.
//
// A file is what its bytes say, whatever it is called: the type is found by looking into it, only types that browsers show without running
// anything are taken, and it goes by an id of ours on the disk. What is not confirmed as a submission's is removed after a day.
package uploads
