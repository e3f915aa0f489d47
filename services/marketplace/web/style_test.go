package web

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStyle_NoRuleIsLeftOpen: a browser forgives a brace too few, and leaves out everything that follows.
func TestStyle_NoRuleIsLeftOpen(t *testing.T) {
	t.Parallel()
	content, err := embedded.ReadFile("static/tianguis.css")
	require.NoError(t, err)
	text := regexp.MustCompile(`(?s)/\*.*?\*/|"[^"]*"`).ReplaceAllString(string(content), "")
	var open []string // what stands before each brace that is open
	before := 0
	for i, r := range text {
		switch r {
		case '{':
			open = append(open, strings.TrimSpace(text[before:i]))
			if len(open) > 1 {
				require.True(t, strings.HasPrefix(open[len(open)-2], "@"), "%q is inside of %q", open[len(open)-1], open[len(open)-2])
			}
		case '}':
			require.NotEmpty(t, open, "a brace too many after %q", text[max(0, i-80):i])
			open = open[:len(open)-1]
		case ';':
		default:
			continue
		}
		before = i + 1
	}
	require.Empty(t, open)
}
