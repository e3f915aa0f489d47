package crashpoint_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/crashpoint"
)

// TestMain is also the program that dies: told a folder, it goes twice around "work".
func TestMain(m *testing.M) {
	if os.Getenv(crashpoint.Variable) == "" {
		os.Exit(m.Run())
	}
	points := crashpoint.FromEnvironment()
	for range 2 {
		_ = points.Do("work", func() error { return nil })
	}
	points.At("end")
}

func run(t *testing.T, folder crashpoint.Folder) error {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), self)
	command.Env = append(os.Environ(), crashpoint.Variable+"="+string(folder))
	return command.Run()
}

func TestPoints_KillOnceAtTheNthTime(t *testing.T) {
	t.Parallel()
	folder := crashpoint.Folder(t.TempDir())
	require.NoError(t, folder.Arm("before work", 2))

	var died *exec.ExitError
	require.ErrorAs(t, run(t, folder), &died)
	status, ok := died.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	require.Equal(t, syscall.SIGKILL, status.Signal())
	reached, err := folder.Trace()
	require.NoError(t, err)
	require.Equal(t, []string{"before work", "after work", "before work"}, reached)
	armed, err := folder.Armed()
	require.NoError(t, err)
	require.False(t, armed)

	require.NoError(t, folder.Clear())
	require.NoError(t, run(t, folder), "the one that is started in its place lives")
	reached, err = folder.Trace()
	require.NoError(t, err)
	require.Equal(t, []string{"before work", "after work", "before work", "after work", "end"}, reached)
}

func TestPoints_AnotherPointIsArmed(t *testing.T) {
	t.Parallel()
	folder := crashpoint.Folder(t.TempDir())
	require.NoError(t, folder.Arm("before rest", 1))
	require.NoError(t, run(t, folder))
	armed, err := folder.Armed()
	require.NoError(t, err)
	require.True(t, armed)
	require.NoError(t, folder.Disarm())
	require.NoError(t, folder.Disarm(), "twice is once")
}

func TestClock_MovesAhead(t *testing.T) {
	t.Parallel()
	folder := crashpoint.Folder(t.TempDir())
	held := clock.NewHeld(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	moved := crashpoint.In(folder).Clock(held)
	require.Equal(t, held.Now(), moved.Now())
	require.NoError(t, folder.MoveAhead(time.Hour))
	require.Equal(t, held.Now().Add(time.Hour), moved.Now())
}
