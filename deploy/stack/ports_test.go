package stack_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
)

// TestFreePort_EachOnce: of 1000 ports out of 22,000 drawn by chance, some 20 would be there twice.
func TestFreePort_EachOnce(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 1000 {
		port, err := stack.FreePort(t.Context())
		require.NoError(t, err)
		require.False(t, seen[port], "port %d was found for somebody else", port)
		seen[port] = true
	}
}
