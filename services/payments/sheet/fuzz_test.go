package sheet_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/sheet"
)

// FuzzWriter: whatever stands in a cell, the file has as many columns as its header, the text comes back, and no cell begins like a formula.
func FuzzWriter(f *testing.F) {
	for _, seed := range []string{"", "=HYPERLINK(\"x\")", "+1", "-1", "@a", "\t=1", "a,b\r\n\"c\"", "\n=1", "'=", "\ufeff=1", "\x00"} {
		f.Add(seed, "b")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		var out strings.Builder
		w, err := sheet.NewWriter(&out, []string{"a", "b"})
		require.NoError(t, err)
		require.NoError(t, w.Write([]string{a, b}))
		rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 2)
		for i, given := range []string{a, b} {
			cell, text := rows[1][i], strings.ReplaceAll(given, "\r", "") // RFC 4180 has it in the ends of lines only
			require.Contains(t, []string{text, "'" + text}, cell)
			if cell != "" {
				require.NotContains(t, "=+-@\t\r\n", cell[:1], "%q", cell)
			}
		}
	})
}
