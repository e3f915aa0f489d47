// Package uploads keeps the files that people hand in, outside of the database: on a disk now, behind what package web needs of it.
//
// A file is what its bytes say, whatever it is called: the type is found by looking into it, only kinds that browsers show without running
// anything are taken, and it goes by a name of ours on the disk.
package uploads
