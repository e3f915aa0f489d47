package stack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"tianguis.example/chassis/clock"
)

// Program is one service as a process, which can be stopped or killed, and started again.
// Its methods are not for several goroutines at once.
type Program struct {
	Name      string
	Binary    string
	Arguments []string
	Env       map[string]string // all that it gets, beside PATH, HOME and TMPDIR
	Address   string            // where it answers: http://localhost:4001
	Health    string            // the path that answers 200 when it is ready
	Log       string            // the file that its output is added to

	// Through is the command that runs the binary where it lives, such as docker compose exec, when that is not here. Such a
	// program can be Run; it is started and stopped by others.
	Through []string

	running *running
}

// running is one life of a program.
type running struct {
	process *os.Process
	ended   chan struct{}
	err     error // of the process, once ended is closed
}

// How long a service may take to start; a race detector on a busy machine needs most of it.
const startBound = time.Minute

// StopBound is how long a service may take to finish what it has in hand before it is killed: more
// than the 20 s that payments gives its work.
const StopBound = 30 * time.Second

// Start starts the program and returns when it is ready. Its error tells the last lines of its log.
func (p *Program) Start(ctx context.Context) error {
	if err := p.Launch(); err != nil {
		return err
	}
	return p.WaitReady(ctx)
}

// Launch starts the program without waiting for it.
func (p *Program) Launch() error {
	if p.Running() {
		return fmt.Errorf("%s runs already", p.Name)
	}
	if len(p.Through) > 0 {
		return fmt.Errorf("%s is started by others", p.Name)
	}
	if err := p.makeFolder(); err != nil {
		return err
	}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	life, err := begin(p.command(context.Background(), log, p.Arguments...))
	if err != nil {
		_ = log.Close()
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.running = life
	go func() { <-life.ended; _ = log.Close() }()
	return nil
}

// Run runs the program with other arguments, such as "migrate", until it ends, and returns its
// standard output. Its error tells what it wrote to standard error.
func (p *Program) Run(ctx context.Context, arguments ...string) ([]byte, error) {
	if err := p.makeFolder(); err != nil {
		return nil, err
	}
	command := p.command(ctx, nil, arguments...)
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return out, fmt.Errorf("%s %s: %w\n%s", p.Name, strings.Join(arguments, " "), err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// makeFolder makes the folder of the log, which is the program's working folder.
func (p *Program) makeFolder() error { return os.MkdirAll(filepath.Dir(p.Log), 0o700) }

func (p *Program) command(ctx context.Context, output io.Writer, arguments ...string) *exec.Cmd {
	line := slices.Concat(p.Through, []string{p.Binary}, arguments)
	command := exec.CommandContext(ctx, line[0], line[1:]...)
	if len(p.Through) > 0 {
		command.Env = os.Environ() // for docker
	}
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			command.Env = append(command.Env, name+"="+value)
		}
	}
	for name, value := range p.Env {
		command.Env = append(command.Env, name+"="+value)
	}
	command.Dir = filepath.Dir(p.Log)
	command.Stdout, command.Stderr = output, output
	// A group of its own keeps a Ctrl-C at the terminal from reaching the services: the stack
	// stops them itself, in order.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return command
}

// begin starts a command from a thread that lives as long as the process does, because Linux
// kills the process when the *thread* that started it ends (prctl(2), PR_SET_PDEATHSIG).
func begin(command *exec.Cmd) (*running, error) {
	dieWithParent(command.SysProcAttr)
	life := &running{ended: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		life.process = command.Process
		started <- err
		if err == nil {
			life.err = command.Wait()
			close(life.ended)
		}
	}()
	return life, <-started
}

// WaitReady returns when the program answers that it is ready, or with an error when it ended,
// startBound passed, or ctx is done.
func (p *Program) WaitReady(ctx context.Context) error {
	if p.running == nil {
		return fmt.Errorf("%s was not started", p.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	for {
		if p.answers(ctx) {
			return nil
		}
		select {
		case <-p.running.ended:
			return fmt.Errorf("%s ended instead of starting (%w); the end of %s:\n%s", p.Name, p.running.err, p.Log, Tail(p.Log, 15))
		default:
		}
		if err := clock.Sleep(ctx, clock.System(), 20*time.Millisecond); err != nil {
			return fmt.Errorf("%s does not get ready (%w); the end of %s:\n%s", p.Name, err, p.Log, Tail(p.Log, 15))
		}
	}
}

func (p *Program) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Address+p.Health, http.NoBody)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// Running reports whether the process lives.
func (p *Program) Running() bool {
	if p.running == nil {
		return false
	}
	select {
	case <-p.running.ended:
		return false
	default:
		return true
	}
}

// Ended is closed when the process that was last started has ended. It is nil before the first start.
func (p *Program) Ended() <-chan struct{} {
	if p.running == nil {
		return nil
	}
	return p.running.ended
}

// Stop asks the program to end, and kills it when it has not within StopBound. It returns an
// error when the program had to be killed or ended with another code than 0. A program that does
// not run is stopped already.
func (p *Program) Stop() error {
	if !p.Running() {
		return nil
	}
	life := p.running
	_ = syscall.Kill(-life.process.Pid, syscall.SIGTERM)
	timer := clock.System().NewTimer(StopBound)
	defer timer.Stop()
	select {
	case <-life.ended:
	case <-timer.C():
		p.Kill()
		return fmt.Errorf("%s did not stop within %s, and was killed", p.Name, StopBound)
	}
	if life.err != nil {
		return fmt.Errorf("stop %s: %w", p.Name, life.err)
	}
	return nil
}

// Kill ends the program as a power cut would (SIGKILL), and returns when it is gone.
func (p *Program) Kill() {
	if !p.Running() {
		return
	}
	_ = syscall.Kill(-p.running.process.Pid, syscall.SIGKILL)
	<-p.running.ended
}

// Tail is the last lines of a service's log that say more than that a request went well, for an error message.
func Tail(file string, lines int) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	all := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	all = slices.DeleteFunc(all, func(line string) bool {
		return strings.Contains(line, "level=INFO msg=request ") && !strings.Contains(line, "status=4")
	})
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
