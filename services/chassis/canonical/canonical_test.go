package canonical_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/canonical"
)

func written(fields ...any) string {
	var b strings.Builder
	canonical.Write(&b, fields...)
	return b.String()
}

func TestWrite_NoTwoListsReadTheSame(t *testing.T) {
	t.Parallel()
	seen := map[string][]any{}
	for _, fields := range [][]any{
		{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"", "ab"}, {"ab", ""}, {"\x00\x00\x00\x00\x00\x00\x00\x01a"}, {int64(1)}, {int64(-1)}, {int64(1), int64(1)},
	} {
		text := written(fields...)
		require.NotContains(t, seen, text, "%v reads like %v", fields, seen[text])
		seen[text] = fields
	}
	require.Equal(t, "\x00\x00\x00\x00\x00\x00\x00\x02ab\x00\x00\x00\x00\x00\x00\x00\x07", written("ab", int64(7)), "hashes of years stand on this form")
	require.Panics(t, func() { written(7) })
}
