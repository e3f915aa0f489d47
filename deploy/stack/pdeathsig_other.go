//go:build !linux

package stack

import "syscall"

// dieWithParent does nothing where the kernel cannot. A service that is left behind is named when
// its port is wanted again.
func dieWithParent(*syscall.SysProcAttr) {}
