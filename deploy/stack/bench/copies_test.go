package bench

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
)

func TestWrite_CopiesRowsWithWhatTheyHaveOfTheirOwn(t *testing.T) {
	t.Parallel()
	err := use(t.Context(), "sqlite:"+t.TempDir()+"/some.db", func(db *database.DB) error {
		for _, statement := range []string{"CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, colour TEXT)", "INSERT INTO things VALUES (7, 'seven', 'red'), (8, 'eight', 'blue')"} {
			require.NoError(t, db.Read(t.Context()).Exec(statement).Error)
		}
		require.NoError(t, write(t.Context(), db, 3, copies{table: "things", of: "t.id = 7", skip: []string{"id"}, set: map[string]string{"name": numbered("01HBENCH", "i")}}))
		names, err := one[string](t.Context(), db, "SELECT group_concat(name || colour || id, ' ') FROM things WHERE id > 8")
		require.NoError(t, err)
		require.Equal(t, "01HBENCH000000001000000001red9 01HBENCH000000001000000002red10 01HBENCH000000001000000003red11", names)
		require.ErrorContains(t, write(t.Context(), db, 1, copies{table: "things", of: "t.id = 7", set: map[string]string{"size": "1"}}), "no column size")
		return insert(t.Context(), db, "things (name)", [][]any{{"one"}, {"two"}})
	})
	require.NoError(t, err)
}

func TestMetric(t *testing.T) {
	t.Parallel()
	const text = "# HELP go_goroutines Number.\n# TYPE go_goroutines gauge\ngo_goroutines 42\nprocess_resident_memory_bytes 4.5e+07\n"
	value, err := metric(text, "process_resident_memory_bytes")
	require.NoError(t, err)
	require.InDelta(t, 4.5e7, value, 0)
	_, err = metric(text, "go_threads")
	require.ErrorContains(t, err, "go_threads")
}
