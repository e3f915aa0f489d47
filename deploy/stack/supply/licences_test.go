package supply

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadBOM_ThenList(t *testing.T) {
	t.Parallel()
	all, err := ReadBOM([]byte(`{"bomFormat":"CycloneDX","components":[
		{"name":"example.com/b","version":"v1.0.0","evidence":{"licenses":[{"license":{"id":"MIT"}}]}},
		{"name":"example.com/a","version":"v2.0.0","licenses":[{"license":{"id":"AGPL-3.0-only"}}]},
		{"name":"example.com/c","version":"v3.0.0"},
		{"name":"golang.org/x/net","version":"v0.60.0","evidence":{"licenses":[{"license":{"id":"BSD-Source-Code"}}]}},
		{"name":"tianguis.example/chassis"}]}`))
	require.NoError(t, err)
	require.Len(t, all, 4)
	lines, wrong := List(append(all, all...))
	require.Equal(t, []string{"example.com/b v1.0.0 MIT", "golang.org/x/net v0.60.0 BSD-3-Clause"}, lines)
	require.ErrorContains(t, wrong[0], "example.com/a v2.0.0 is under AGPL-3.0-only")
	require.ErrorContains(t, wrong[1], "no licence of example.com/c")
	require.ErrorContains(t, wrong[len(wrong)-1], "which is not used")

	for _, text := range []string{``, `{}`, `{"bomFormat":"CycloneDX"}`, `{"bomFormat":"SPDX","components":[{"name":"a"}]}`} {
		_, err := ReadBOM([]byte(text))
		require.Error(t, err, text)
	}
}

func TestReadLock(t *testing.T) {
	t.Parallel()
	all, err := ReadLock([]byte(`{"packages":{"":{"name":"x"},"node_modules/a":{"version":"1.0.0","license":"MIT"},"node_modules/a/node_modules/@b/c":{"version":"2.0.0"}}}`))
	require.NoError(t, err)
	require.ElementsMatch(t, []Component{{"npm:a", "1.0.0", []string{"MIT"}}, {"npm:@b/c", "2.0.0", nil}}, all)
	_, err = ReadLock([]byte(`{}`))
	require.Error(t, err)
}

func TestDecided_SaysWhy(t *testing.T) {
	t.Parallel()
	for name, d := range decided {
		require.NotEmpty(t, d.licence, name)
		require.NotEmpty(t, d.why, name)
	}
}
