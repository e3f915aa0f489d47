package systemtest

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
)

var update = flag.Bool("update", false, "write .env.example and the files in testdata")

const envIntroduction = `# Every setting of the three services, with its default. Each service reads its own from the environment, which counts
# most, and from the file .env in the folder that it is started in, or the one that --config names.
# Variables that two services share (DATABASE_URL, WEBHOOK_SECRET, …) are in both sections.
`

// .env.example is what the programs print: go test ./systemtest -run EnvExample -update in deploy/stack.
func TestEnvExample_IsWhatTheProgramsPrint(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	want.WriteString(envIntroduction)
	for _, service := range []string{stack.Payments, stack.Marketplace, stack.Sandbox} {
		command := exec.CommandContext(t.Context(), filepath.Join(bin, service), "config", "example")
		command.Env = []string{} // a setting of this machine must not show
		printed, err := command.Output()
		require.NoError(t, err, service)
		want.WriteString("\n" + string(printed))
	}
	file := filepath.Join(root, ".env.example")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(want.String()), 0o600))
		return
	}
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, want.String(), string(got), "run: go test ./systemtest -run EnvExample -update in deploy/stack")
}
