package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
)

// AddressVariable names a server to use instead of starting one.
const AddressVariable = "TEST_DATABASE_URL"

// ErrNone is the error of a machine that has no server, neither installed nor by Docker.
var ErrNone = errors.New("there is no PostgreSQL: set " + AddressVariable +
	", install the server (Debian: apt-get install postgresql; macOS: brew install postgresql), or start Docker")

const (
	administrator = "tianguis"
	startBound    = time.Minute
)

// Server is a running server.
type Server struct {
	Address string // postgres://…, of an administrator of the server
	stop    func()
	own     *own // when it runs from the machine's binaries, and is nobody else's
}

// Stop ends a server that Start has started, and removes its data.
func (s *Server) Stop() {
	if s.stop != nil {
		s.stop()
	}
}

// Start returns the server that TEST_DATABASE_URL names, or starts one. A started server does not
// wait for the disk: its data outlive a killed service and a killed server, but not a power cut.
func Start(ctx context.Context, freePort func(context.Context) (int, error)) (*Server, error) {
	if address := os.Getenv(AddressVariable); address != "" {
		if err := ping(ctx, address); err != nil {
			return nil, fmt.Errorf("%s: %w", AddressVariable, err)
		}
		return &Server{Address: address}, nil
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	if binaries := findBinaries(ctx); binaries != "" {
		return startOwn(ctx, binaries, port)
	}
	if dockerAnswers(ctx) {
		return startContainer(ctx, port)
	}
	return nil, ErrNone
}

// findBinaries is the newest folder that has both initdb and postgres, or "". Debian keeps them off the PATH.
func findBinaries(ctx context.Context) string {
	var folders []string
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		folders = append(folders, strings.TrimSpace(string(out)))
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		folders = append(folders, filepath.Dir(initdb))
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin"} {
		installed, _ := filepath.Glob(pattern)
		folders = append(folders, installed...)
	}
	for _, folder := range folders {
		_, noInit := os.Stat(filepath.Join(folder, "initdb"))
		_, noServer := os.Stat(filepath.Join(folder, "postgres"))
		if noInit == nil && noServer == nil {
			return folder
		}
	}
	return ""
}

func initialize(ctx context.Context, binaries, folder, password string, attributes *syscall.SysProcAttr) error {
	passwordFile := filepath.Join(folder, "password")
	if err := os.WriteFile(passwordFile, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	if attributes.Credential != nil {
		if err := os.Chown(passwordFile, int(attributes.Credential.Uid), int(attributes.Credential.Gid)); err != nil {
			return err
		}
	}
	command := exec.CommandContext(ctx, filepath.Join(binaries, "initdb"),
		"-D", filepath.Join(folder, "data"), "-U", administrator, "-A", "scram-sha-256", "--pwfile", passwordFile,
		"--encoding", "UTF8", "--locale", "C", "--no-sync")
	command.Dir, command.SysProcAttr = folder, attributes
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("make a PostgreSQL database: %w\n%s", err, bytes.TrimSpace(out))
	}
	return os.Remove(passwordFile)
}

func address(password string, port int) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(administrator, password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Path: "/postgres", RawQuery: "sslmode=disable",
	}
	return u.String()
}

func waitReady(ctx context.Context, address string, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, startBound)
	defer cancel()
	for {
		err := ping(ctx, address)
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return errors.New("PostgreSQL ended instead of starting")
		default:
		}
		if clock.Sleep(ctx, clock.System(), 50*time.Millisecond) != nil {
			return fmt.Errorf("PostgreSQL does not get ready within %s: %w", startBound, err)
		}
	}
}

func ping(ctx context.Context, address string) error {
	db, err := database.Open(ctx, address, database.Options{Clock: clock.System(), MaxConns: 1})
	if err != nil {
		return err
	}
	return db.Close()
}
