//go:build linux || darwin

// Package disk asks the operating system about folders, where it can say something of them.
package disk

import "syscall"

// Free is what the disk of a folder has left for this user, in bytes; false when that is not known.
func Free(folder string) (uint64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil || s.Bsize <= 0 {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}

// Writable reports whether this user may make files in a folder, without making one.
func Writable(folder string) bool {
	const write = 2 // W_OK (access(2))
	return syscall.Access(folder, write) == nil
}
