package databasetest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyAdd_FindsWhatTheReleaseBeforeWouldNotice(t *testing.T) {
	t.Parallel()
	for _, statement := range []string{
		"DROP TABLE notes", "ALTER TABLE notes DROP COLUMN text", "ALTER TABLE notes RENAME COLUMN text TO body", "ALTER TABLE notes ALTER COLUMN id TYPE BIGINT",
		"ALTER TABLE notes ALTER COLUMN text SET NOT NULL", "ALTER TABLE notes ADD COLUMN at TIMESTAMPTZ NOT NULL", "ALTER TABLE notes ADD COLUMN at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()",
		"ALTER TABLE notes ADD COLUMN author TEXT REFERENCES people (id)", "ALTER TABLE notes ADD CONSTRAINT short CHECK (text <> '')",
		"CREATE INDEX notes_at ON notes (at)", "CREATE INDEX CONCURRENTLY notes_at ON notes (at)", "DROP INDEX notes_at",
		"UPDATE notes SET text = ''", "DELETE FROM notes", "INSERT INTO notes (id) VALUES (1)", "CREATE TRIGGER notes_kept BEFORE DELETE ON notes FOR EACH STATEMENT EXECUTE FUNCTION refuse()", "LOCK TABLE notes",
	} {
		require.Equal(t, []string{statement}, more("-- a comment\n"+statement+";\n"))
	}
	require.Empty(t, more(`-- outside of a transaction
CREATE TABLE tags (
	id TEXT PRIMARY KEY
);
CREATE INDEX tags_id ON tags (id);
CREATE TRIGGER tags_kept BEFORE UPDATE OR DELETE ON tags FOR EACH STATEMENT EXECUTE FUNCTION refuse();
INSERT INTO tags (id) VALUES ('x');
ALTER TABLE notes ADD COLUMN author TEXT;
ALTER TABLE notes ADD COLUMN kind TEXT NOT NULL DEFAULT '';
ALTER TABLE notes ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE notes ADD CONSTRAINT short CHECK (text <> '') NOT VALID;
ALTER TABLE notes VALIDATE CONSTRAINT short;
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS notes_at ON notes (at);
DROP INDEX CONCURRENTLY IF EXISTS notes_text;
`))
}
