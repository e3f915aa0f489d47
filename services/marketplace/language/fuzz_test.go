package language_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace/language"
)

// FuzzMatch: whatever a browser or a cookie says of languages, there is one to answer in.
func FuzzMatch(f *testing.F) {
	for _, seed := range []string{"es", "es-AR,es;q=0.9,en;q=0.8", ";;;q=,", "*", "\x00", "en-u-co-phonebk-x-private", "zh-Hant-TW;q=1.000", "es;q=2", "x-klingon"} {
		f.Add(seed, seed)
	}
	c, err := language.Load()
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, chosen, accept string) {
		require.Contains(t, c.Languages(), c.Match(chosen, "", accept))
	})
}
