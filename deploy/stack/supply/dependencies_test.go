package supply

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
)

var (
	required = regexp.MustCompile(`(?m)^(?:require )?\t?([a-zA-Z0-9][^\s(]*\.[^\s]+) v\S+$`) // a line with "// indirect" does not end so
	pinned   = regexp.MustCompile(`go install \S*/([a-z-]+)@v\S+`)
	row      = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.*) \\|$")
)

// TestDependencies_AreJustified: docs/dependencies.md has a line for each direct dependency of every module and package and for each program of the build, and
// none for anything else.
func TestDependencies_AreJustified(t *testing.T) {
	t.Parallel()
	root, err := stack.Root()
	require.NoError(t, err)
	used := map[string]bool{}
	modules := 0
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == stack.StateFolder || d.Name() == ".git") {
			return fs.SkipDir
		}
		if d.Name() != "go.mod" && d.Name() != "package.json" && file != filepath.Join(root, "Makefile") {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		switch d.Name() {
		case "go.mod":
			modules++
			for _, found := range required.FindAllStringSubmatch(string(text), -1) {
				if !strings.HasPrefix(found[1], ours) {
					used[found[1]] = true
				}
			}
		case "package.json":
			var of struct{ Dependencies, DevDependencies map[string]string }
			if err := json.Unmarshal(text, &of); err != nil {
				return err
			}
			for _, all := range []map[string]string{of.Dependencies, of.DevDependencies} {
				for name, version := range all {
					require.Regexp(t, `^\d+\.\d+\.\d+$`, version, "%s: %s is not pinned", file, name)
					used[name] = true
				}
			}
		default:
			for _, found := range pinned.FindAllStringSubmatch(string(text), -1) {
				used[found[1]] = true
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.GreaterOrEqual(t, modules, 5)

	text, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	require.NoError(t, err)
	said := map[string]bool{}
	for _, line := range row.FindAllStringSubmatch(string(text), -1) {
		require.False(t, said[line[1]], "%s has two lines", line[1])
		require.Greater(t, len(line[2]), 5, "%s needs a reason", line[1])
		require.True(t, used[line[1]], "%s is not used directly: delete its line of docs/dependencies.md", line[1])
		said[line[1]] = true
	}
	for name := range used {
		require.True(t, said[name], "say in docs/dependencies.md what %s is for", name)
	}
}
