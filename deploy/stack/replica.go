package stack

import (
	"errors"
	"maps"
	"path/filepath"
	"strconv"
	"syscall"
)

// Replica is a second process of the same service beside p, on the same database, with that name and
// port. listen names the variable that says where the service listens.
func (p *Program) Replica(name, listen string, port int) *Program {
	env := maps.Clone(p.Env)
	env[listen] = "127.0.0.1:" + strconv.Itoa(port)
	return &Program{
		Name: name, Binary: p.Binary, Arguments: p.Arguments, Env: env,
		Address: "http://localhost:" + strconv.Itoa(port), Health: p.Health,
		Log: filepath.Join(filepath.Dir(p.Log), name+".log"),
	}
}

// Freeze stops the process where it stands (SIGSTOP), as a machine does that is suspended: its connections stay
// open, and nobody answers on them. Thaw lets it go on.
func (p *Program) Freeze() error { return p.signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on, in the belief that no time has passed.
func (p *Program) Thaw() error { return p.signal(syscall.SIGCONT) }

func (p *Program) signal(s syscall.Signal) error {
	if !p.Running() {
		return errors.New(p.Name + " does not run")
	}
	return syscall.Kill(-p.running.process.Pid, s)
}
