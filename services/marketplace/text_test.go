package marketplace

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func FuzzClean(f *testing.F) {
	f.Add("insufficient_funds", 500)
	f.Add("a\x00b\xffc\nd", 3)
	f.Add("ñandú", 1)
	f.Fuzz(func(t *testing.T, text string, most int) {
		if most < 0 || most > 1000 {
			return
		}
		got := clean(text, most)
		require.LessOrEqual(t, len(got), most)
		require.True(t, utf8.ValidString(got))
		require.NotContains(t, got, "\x00")
		require.Equal(t, got, clean(got, most))
	})
}
