package bench

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// some is a result with a row of each kind.
func some() Result {
	fast := Row{ID: "payments-32", What: "whole payments, 32 clients", Unit: "/s", LimitIs: "a | b", Note: "the other: 900/s", Aim: Aim{Share: 0.5}}
	fast.add(1234.4, 1500)
	slow := Row{ID: "payments-128", What: "whole payments, 128 clients <&>", Unit: "/s", LimitIs: "the wallet", Aim: Aim{AtLeast: 1000}}
	slow.add(74.2, 1500)
	page := Row{ID: "page-p99", What: "page", Unit: "ms", Less: true, LimitIs: "/health", Aim: Aim{AtMost: 50}}
	page.add(12.345, 1.5)
	calls := Row{ID: "calls", What: "calls", Less: true, LimitIs: "the protocol"}
	calls.add(3, 3)
	return Result{
		Machine: Machine{Processors: 2, Processor: "Abacus", System: "linux/amd64", Go: "go1.26", Postgres: "17", Commit: "abc"},
		Began:   time.Date(2026, 11, 27, 1, 2, 3, 0, time.UTC), Took: "9m0s", Rounds: 3, Rows: []Row{fast, slow, page, calls},
		Costs: []Cost{{"processor time of payments", 6.2, "ms"}, {"write-ahead log", 31, "kB"}},
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	require.Equal(t, `| figure | measured | limit | the limit is | of the limit | aim |  |
|---|--:|--:|---|--:|---|---|
| whole payments, 32 clients | 1,234/s | 1,500/s | a \| b (the other: 900/s) | 82 % | ≥ 50 % | met |
| whole payments, 128 clients <&> | 74.2/s | 1,500/s | the wallet | 5 % | ≥ 1,000/s | no |
| page | 12.3 ms | 1.50 ms | /health | 12 % | ≤ 50 ms | met |
| calls | 3 | 3 | the protocol | 100 % |  |  |

One payment takes 6.20 ms of processor time of payments; 31 kB of write-ahead log.

Measured on 2026-11-27 in 9m0s, medians of 3 rounds: 2 processors (Abacus), linux/amd64, go1.26, PostgreSQL 17 with fsync, commit abc.
`, some().Markdown())
}

func TestTable_HasALineForEachRow(t *testing.T) {
	t.Parallel()
	lines := strings.Split(some().Table(), "\n")
	require.Contains(t, lines[1], "1,234/s")
	require.Len(t, some().Missed(), 1)
}

func TestWritten_LeavesTheWordsAround(t *testing.T) {
	t.Parallel()
	text, err := some().written("before\n" + tableBegins + "what was there\n" + tableEnds + "after\n")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(text, "before\n"+tableBegins))
	require.True(t, strings.HasSuffix(text, tableEnds+"after\n"))
	require.NotContains(t, text, "what was there")
	again, err := some().written(text)
	require.NoError(t, err)
	require.Equal(t, text, again)
	_, err = some().written("no markers")
	require.ErrorContains(t, err, "lacks")
}

func TestPictures_AreWellFormed(t *testing.T) {
	t.Parallel()
	pictures := some().Pictures()
	require.Len(t, pictures, 2)
	for name, picture := range pictures {
		decoder := xml.NewDecoder(strings.NewReader(picture))
		var err error
		for err == nil {
			_, err = decoder.Token()
		}
		require.ErrorIs(t, err, io.EOF, name)
		require.Contains(t, picture, "128 clients &lt;&amp;&gt;")
		require.NotContains(t, picture, "NaN")
	}
	require.Contains(t, pictures["benchmarks-payments.svg"], badColour, "what misses its aim is seen")
	require.NotContains(t, draw("nothing", "measured", nil), "NaN")
}
