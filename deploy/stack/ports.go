package stack

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Ports are those that the services listen on, on loopback.
type Ports struct{ Sandbox, Payments, Marketplace int }

// DefaultPorts are those that the documents name.
func DefaultPorts() Ports { return Ports{Sandbox: 4100, Payments: 4001, Marketplace: 8000} }

// FreePorts finds three ports that nobody listens on.
func FreePorts(ctx context.Context) (Ports, error) {
	var found [3]int
	for i := range found {
		port, err := FreePort(ctx)
		if err != nil {
			return Ports{}, err
		}
		found[i] = port
	}
	return Ports{Sandbox: found[0], Payments: found[1], Marketplace: found[2]}, nil
}

// given are the ports that FreePort has found, by number. Whoever got one may have nobody listening on it for a while, as between a kill and a restart.
var given sync.Map

// FreePort finds a port that nobody listens on, and that it has found for nobody before. It looks below the range that systems take the
// ports of outgoing connections from, or one of those could take it before it is used.
func FreePort(ctx context.Context) (int, error) {
	const first, last = 10_000, 32_000
	for range 100 {
		n, err := rand.Int(rand.Reader, big.NewInt(last-first))
		if err != nil {
			return 0, err
		}
		port := first + int(n.Int64())
		if _, taken := given.LoadOrStore(port, true); !taken && canListen(ctx, port) == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d", first, last)
}

func canListen(ctx context.Context, port int) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return listener.Close()
}

// Check returns an error that says in words which of the ports is taken, and by whom.
func (p Ports) Check(ctx context.Context) error {
	for _, wanted := range []struct {
		service string
		port    int
	}{{Sandbox, p.Sandbox}, {Payments, p.Payments}, {Marketplace, p.Marketplace}} {
		if canListen(ctx, wanted.port) == nil {
			continue
		}
		who := "another process"
		if holder := listener(ctx, wanted.port); holder != "" {
			who = holder
		}
		return fmt.Errorf("port %d, which %s needs, is taken by %s.\nStop that, or choose another port: make demo ARGS=\"--%s-port %d\"",
			wanted.port, wanted.service, who, wanted.service, wanted.port+1000)
	}
	return nil
}

// listener names the process that listens on port, "python3 (process 4711)", or returns "" where that
// cannot be found out: the process may be another user's.
func listener(ctx context.Context, port int) string {
	if sockets := listeningSockets(port); len(sockets) > 0 {
		return holderOf(sockets)
	}
	out, err := exec.CommandContext(ctx, "lsof", "-nP", "-iTCP:"+strconv.Itoa(port), "-sTCP:LISTEN", "-Fpc").Output()
	if err != nil {
		return "" // no lsof, or it may not look
	}
	var pid, name string
	for line := range strings.Lines(string(out)) {
		switch value := strings.TrimSpace(line[1:]); line[0] {
		case 'p':
			pid = value
		case 'c':
			name = value
		}
	}
	if pid == "" {
		return ""
	}
	return fmt.Sprintf("%s (process %s)", name, pid)
}

// listeningSockets reads from Linux's /proc/net/tcp{,6} the inodes of the sockets that listen on port.
func listeningSockets(port int) map[string]bool {
	const listening = "0A" // TCP_LISTEN in the kernel's include/net/tcp_states.h
	sockets := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(content)) {
			fields := strings.Fields(line)
			if len(fields) > 9 && fields[3] == listening && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", port)) {
				sockets["socket:["+fields[9]+"]"] = true
			}
		}
	}
	return sockets
}

func holderOf(sockets map[string]bool) string {
	files, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return ""
	}
	for _, file := range files {
		if target, err := os.Readlink(file); err != nil || !sockets[target] {
			continue
		}
		process := filepath.Dir(filepath.Dir(file))
		name, err := os.ReadFile(filepath.Join(process, "comm"))
		if err != nil {
			continue
		}
		return fmt.Sprintf("%s (process %s)", strings.TrimSpace(string(name)), filepath.Base(process))
	}
	return ""
}
