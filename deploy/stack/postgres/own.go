package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tianguis.example/chassis/clock"
)

// own is a server that runs from the machine's binaries, on a folder that goes away with it.
type own struct {
	binaries   string
	folder     string
	port       int
	attributes *syscall.SysProcAttr
	durable    bool // a commit waits for the disk

	command *exec.Cmd
	log     bytes.Buffer // of this life
	ended   chan struct{}
}

// StartOwn starts a server that nobody else uses, whatever TEST_DATABASE_URL says, so that it may be restarted.
// It returns ErrNone on a machine without the server's binaries.
func StartOwn(ctx context.Context, freePort func(context.Context) (int, error)) (*Server, error) {
	binaries := findBinaries(ctx)
	if binaries == "" {
		return nil, ErrNone
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	return startOwn(ctx, binaries, port)
}

// StartDurable is StartOwn with a server that waits for the disk at each commit, as every one does that is to be trusted with money:
// for measuring. Its data are on a disk.
func StartDurable(ctx context.Context, freePort func(context.Context) (int, error)) (*Server, error) {
	binaries := findBinaries(ctx)
	if binaries == "" {
		return nil, ErrNone
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	o := &own{binaries: binaries, port: port, durable: true}
	return o.start(ctx, onDisk())
}

// onDisk is the folder for temporary files that outlive a restart of the machine (FHS 3.0 section 5.15), or "" where there is none: that of
// others may be in memory, where nothing waits for a disk.
func onDisk() string {
	const folder = "/var/tmp"
	if _, err := os.Stat(folder); err != nil {
		return ""
	}
	return folder
}

func startOwn(ctx context.Context, binaries string, port int) (*Server, error) {
	o := &own{binaries: binaries, port: port}
	return o.start(ctx, "")
}

// start makes a database in a new folder below that one, and starts the server on it.
func (o *own) start(ctx context.Context, below string) (*Server, error) {
	folder, err := os.MkdirTemp(below, "tianguis-postgres-")
	if err != nil {
		return nil, err
	}
	o.folder = folder
	password := rand.Text()
	o.attributes, err = unprivileged(folder)
	if err == nil {
		err = initialize(ctx, o.binaries, folder, password, o.attributes)
	}
	if err == nil {
		err = o.launch()
	}
	if err != nil {
		o.remove()
		return nil, err
	}
	server := &Server{Address: address(password, o.port), stop: o.stop, own: o}
	if err := waitReady(ctx, server.Address, o.ended); err != nil {
		server.Stop()
		return nil, fmt.Errorf("%w\n%s", err, strings.TrimSpace(o.log.String()))
	}
	return server, nil
}

// launch starts the server. A commit is written, though not to the disk unless it is durable, before it is told: so it outlives Crash.
func (o *own) launch() error {
	settings := []string{"-c", "max_connections=300"}
	if !o.durable {
		settings = append(settings, "-c", "fsync=off", "-c", "full_page_writes=off")
	} else {
		settings = append(settings, "-c", "track_commit_timestamp=on") // so that it can be asked when something was committed
	}
	command := exec.Command(filepath.Join(o.binaries, "postgres"), //nolint:noctx // it outlives ctx, and is stopped by stop
		append([]string{"-D", filepath.Join(o.folder, "data"), "-h", "127.0.0.1", "-p", strconv.Itoa(o.port), "-k", o.folder}, settings...)...)
	o.log.Reset()
	command.Dir, command.SysProcAttr = o.folder, o.attributes
	command.Stdout, command.Stderr = &o.log, &o.log
	if err := command.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	ended := make(chan struct{})
	go func() { _ = command.Wait(); close(ended) }()
	o.command, o.ended = command, ended
	return nil
}

// stop ends the server, fast: connections are ended, and what is in hand is undone.
func (o *own) stop() {
	_ = o.command.Process.Signal(syscall.SIGINT)
	timer := clock.System().NewTimer(10 * time.Second)
	defer timer.Stop()
	select {
	case <-o.ended:
	case <-timer.C():
		o.crash()
	}
	o.remove()
}

// crash ends the server at once, without a word to anybody and without a checkpoint (what `pg_ctl stop -m immediate` does).
func (o *own) crash() {
	_ = o.command.Process.Signal(syscall.SIGQUIT)
	<-o.ended
}

func (o *own) remove() { _ = os.RemoveAll(o.folder) }

// ErrNotOwn is the error of a server that others may use, or that runs in a container.
var ErrNotOwn = errors.New("this PostgreSQL is not this program's own, and is not restarted")

// Crash ends a server that StartOwn has started as if it had crashed: every connection breaks, and it has to recover from
// its log. Restart starts it again. Neither is for several goroutines at once.
func (s *Server) Crash() error {
	if s.own == nil {
		return ErrNotOwn
	}
	s.own.crash()
	return nil
}

// Restart starts a server again after Crash, and returns when it answers.
func (s *Server) Restart(ctx context.Context) error {
	if s.own == nil {
		return ErrNotOwn
	}
	if err := s.own.launch(); err != nil {
		return err
	}
	return waitReady(ctx, s.Address, s.own.ended)
}
