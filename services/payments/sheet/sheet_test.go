package sheet_test

import (
	"encoding/csv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/sheet"
)

func TestWriter_NoCellRuns(t *testing.T) {
	t.Parallel()
	written := func(text string) string {
		var out strings.Builder
		w, err := sheet.NewWriter(&out, []string{"a", "b"})
		require.NoError(t, err)
		require.NoError(t, w.Write([]string{text, "1"}))
		rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
		require.NoError(t, err)
		return rows[1][0]
	}
	for _, text := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\n=1"} {
		require.Equal(t, "'"+text, written(text))
	}
	for _, text := range []string{"", "7", "100.00", "job-7", "a=b"} {
		require.Equal(t, text, written(text))
	}
}
