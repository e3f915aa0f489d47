package stack

import "syscall"

// dieWithParent has the kernel kill the process when this one dies without stopping it, so that
// a killed demo or a test that ran out of time leaves no service behind on its port.
func dieWithParent(attributes *syscall.SysProcAttr) { attributes.Pdeathsig = syscall.SIGKILL }
