package openpayments

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestKeepFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		said []string
		age  string
		want time.Duration
	}{
		{nil, "", 0},
		{[]string{"public"}, "", 0},
		{[]string{"max-age=60"}, "", time.Minute},
		{[]string{"Public, Max-Age=\"60\""}, "", time.Minute},
		{[]string{"max-age=60"}, "45", 15 * time.Second},
		{[]string{"max-age=60"}, "60", -1},
		{[]string{"max-age=60"}, "soon", time.Minute},
		{[]string{"max-age=0"}, "", -1},
		{[]string{"max-age=4000000"}, "", longestKept},
		{[]string{"max-age=-1"}, "", -1},
		{[]string{"max-age=99999999999999999999"}, "", -1},
		{[]string{"max-age=1.5"}, "", -1},
		{[]string{"max-age"}, "", -1},
		{[]string{"max-age=60, max-age=70"}, "", -1},
		{[]string{"max-age=60", "no-store"}, "", -1},
		{[]string{"no-cache=\"x\", max-age=60"}, "", -1},
		{[]string{"no-cache"}, "", -1},
	} {
		header := http.Header{"Cache-Control": c.said}
		if c.age != "" {
			header.Set("Age", c.age)
		}
		require.Equal(t, c.want, keepFor(header), "%q, %s old", c.said, c.age)
	}
}

// FuzzKeepFor: whatever a wallet says, nothing is kept for ever, and what must not be kept is not.
func FuzzKeepFor(f *testing.F) {
	f.Add("max-age=60", "1")
	f.Add("no-store, max-age=60", "")
	f.Add(`private="a,b", max-age="7"`, "7")
	f.Fuzz(func(t *testing.T, said, age string) {
		header := http.Header{"Cache-Control": {said}, "Age": {age}}
		require.LessOrEqual(t, keepFor(header), longestKept)
		header.Add("Cache-Control", "no-store")
		require.Negative(t, keepFor(header))
	})
}
