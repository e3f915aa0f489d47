package bench

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"tianguis.example/chassis/database"
)

// Machine is where it was measured.
type Machine struct {
	Processors int    `json:"processors"`
	Processor  string `json:"processor,omitempty"` // its model, where the system tells
	System     string `json:"system"`
	Go         string `json:"go"`
	Postgres   string `json:"postgres"`
	Commit     string `json:"commit,omitempty"` // of the repository; with "-dirty" when it was changed since
}

func (r *run) machine(ctx context.Context) Machine {
	m := Machine{Processors: runtime.NumCPU(), Processor: processor(), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	_ = use(ctx, r.postgres.Address, func(db *database.DB) (err error) {
		m.Postgres, err = one[string](ctx, db, "SHOW server_version")
		return err
	})
	command := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty")
	command.Dir = r.Root
	if said, err := command.Output(); err == nil { // a release may come without its history
		m.Commit = strings.TrimSpace(string(said))
	}
	return m
}

// processor is the model that Linux tells.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
