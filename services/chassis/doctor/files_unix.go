//go:build linux || darwin

package doctor

import "syscall"

// freeSpace is what the disk of a folder has left for this user, in bytes.
func freeSpace(folder string) (uint64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil || s.Bsize <= 0 {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}

// writable reports whether this user may make files in a folder, without making one.
func writable(folder string) bool {
	const write = 2 // W_OK (access(2))
	return syscall.Access(folder, write) == nil
}
