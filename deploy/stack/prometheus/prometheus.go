// Package prometheus runs a Prometheus of its own, with the project's alert rules, that scrapes services on this machine. It needs the
// server's program (Debian: prometheus).
package prometheus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"tianguis.example/stack"
)

// ErrNone is the error on a machine without the program.
var ErrNone = errors.New("there is no Prometheus: install it (Debian: prometheus), so that it is on the PATH")

// Config says what a server does.
type Config struct {
	Root  string        // the repository, for its rules
	State string        // the folder of all that it makes
	Every time.Duration // how often it scrapes, and looks at the rules

	Targets map[string][]string // what it scrapes, host:port, by job
}

// Server is one that runs.
type Server struct {
	v1.API
	program *stack.Program
}

// Start starts a server on a free port, and returns when it answers.
func Start(ctx context.Context, c Config) (*Server, error) {
	binary, err := exec.LookPath("prometheus")
	if err != nil {
		return nil, ErrNone
	}
	port, err := stack.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(c.State, "prometheus.yml")
	if err := os.WriteFile(file, []byte(c.yaml()), 0o600); err != nil {
		return nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	client, err := api.NewClient(api.Config{Address: "http://" + address})
	if err != nil {
		return nil, err
	}
	s := &Server{API: v1.NewAPI(client), program: &stack.Program{
		Name: "prometheus", Binary: binary, Address: "http://" + address, Health: "/-/ready", Log: filepath.Join(c.State, "prometheus.log"),
		Arguments: []string{"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(c.State, "data"), "--web.listen-address=" + address},
	}}
	return s, s.program.Start(ctx)
}

// Stop ends it.
func (s *Server) Stop() error { return s.program.Stop() }

// yaml is what deploy/prometheus/prometheus.yml is elsewhere, for replicas that no DNS knows.
func (c Config) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "global: {scrape_interval: %[1]dms, scrape_timeout: %[1]dms, evaluation_interval: %[1]dms}\n", c.Every.Milliseconds())
	fmt.Fprintf(&b, "rule_files: [%q]\nscrape_configs:\n", filepath.Join(c.Root, "deploy", "prometheus", "alerts.yml"))
	for job, targets := range c.Targets {
		fmt.Fprintf(&b, "  - {job_name: %s, static_configs: [{targets: [%s]}]}\n", job, `"`+strings.Join(targets, `", "`)+`"`)
	}
	return b.String()
}
