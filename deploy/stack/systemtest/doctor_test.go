package systemtest

import (
	"encoding/json"
	"errors"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/doctor"
	"tianguis.example/stack"
)

// examined is what a doctor reported, and what it ended with.
type examined struct {
	doctor.Report
	code int
}

func examine(t *testing.T, p *stack.Program) examined {
	t.Helper()
	out, err := p.Run(t.Context(), "doctor", "--json")
	var x examined
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		x.code = ended.ExitCode()
	} else {
		require.NoError(t, err)
	}
	require.NoError(t, json.Unmarshal(out, &x.Report), "%s: %v", out, err)
	return x
}

// check is a check's result.
func (x examined) check(t *testing.T, name string) doctor.Result {
	t.Helper()
	for _, c := range x.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no check %s in %+v", name, x.Checks)
	return doctor.Result{}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		for _, p := range []*stack.Program{w.Payments, w.Marketplace} {
			out, err := p.Run(t.Context(), "doctor")
			t.Logf("%s", out)
			require.NoError(t, err)
		}
	})
}
