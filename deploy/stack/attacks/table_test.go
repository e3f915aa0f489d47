package attacks

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
)

func TestTable_IsInTheDocument(t *testing.T) {
	t.Parallel()
	root, err := stack.Root()
	require.NoError(t, err)
	text, err := os.ReadFile(document(root))
	require.NoError(t, err)
	now, err := written(string(text))
	require.NoError(t, err)
	require.Equal(t, now, string(text), "run: make attacks ARGS=--write")
}

func TestAll_AreDeclaredWhole(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, a := range All() {
		require.Regexp(t, `^[a-z]+(-[a-z0-9]+)+$`, a.ID)
		require.False(t, seen[a.ID], a.ID)
		seen[a.ID] = true
		require.NotEmpty(t, a.Title, a.ID)
		require.NotEmpty(t, a.By, a.ID)
		require.NotEmpty(t, a.Aim, a.ID)
		require.NotEmpty(t, a.Refused, a.ID)
		require.NotEmpty(t, a.Told, a.ID)
		require.NotNil(t, a.Try, a.ID)
	}
	require.GreaterOrEqual(t, len(seen), 40)
}

// TestJudging: an attack that gets in is not taken for one that was refused.
func TestJudging(t *testing.T) {
	t.Parallel()
	a := Attack{Refused: []Refusal{{401, `"code":"unauthorized"`}}}
	require.True(t, a.ends(answer{status: 401, text: `{"code":"unauthorized"}`}))
	require.False(t, a.ends(answer{status: 200, text: `{"code":"unauthorized"}`}))
	require.False(t, a.ends(answer{status: 401, text: `{"code":"other"}`}))
	before := books{"job 1 reviewing", "wallet a has 1"}
	require.Empty(t, before.changed(books{"wallet a has 1", "job 1 reviewing"}))
	require.Equal(t, "- job 1 reviewing\n+ job 1 complete", before.changed(books{"job 1 complete", "wallet a has 1"}))
	require.Error(t, stays([]answer{{text: "Location: //evil.example\r\n"}}))
	require.NoError(t, stays([]answer{{text: "Location: /jobs/1\r\n"}}))
	require.Error(t, injected([]answer{{text: markup}}))
	require.Error(t, guarded([]answer{{text: "Content-Type: text/html"}}))
	require.Error(t, alike(answer{status: 200, text: "known"}, answer{status: 200, text: "unknown"}))
}
