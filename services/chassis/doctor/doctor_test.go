package doctor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/doctor"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/settings"
)

func look(f ...doctor.Finding) func(context.Context) []doctor.Finding {
	return func(context.Context) []doctor.Finding { return f }
}

func TestExamine_TextAndJSON(t *testing.T) {
	t.Parallel()
	checks := []doctor.Check{
		{Name: "first", Limit: time.Second, Look: look(doctor.Fine("it is %d", 1), doctor.Warn("do this", "it bites"))},
		{Name: "the second", Limit: time.Second, Look: look(doctor.Skip("needs the first"))},
		{Name: "third", Limit: time.Second, Look: look(doctor.Fail("mend\nit", "two\nlines"))},
	}
	var out bytes.Buffer
	err := doctor.Examine(t.Context(), clock.System(), doctor.Report{Service: "shop", Version: "1"}, checks, false, &out)
	require.ErrorIs(t, err, doctor.ErrFailed)
	require.Equal(t, `ok       first       it is 1
warning  first       it bites
                     → do this
skipped  the second  needs the first
failed   third       two lines
                     → mend it

3 checks of shop 1: 0 ok, 1 warnings, 1 failed, 1 skipped
`, out.String())

	out.Reset()
	require.NoError(t, doctor.Examine(t.Context(), clock.System(), doctor.Report{Service: "shop", Version: "1"}, checks[:2], true, &out), "a warning is no failure")
	var r doctor.Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	require.Equal(t, doctor.Warning, r.State)
	require.Equal(t, []doctor.State{doctor.Warning, doctor.Skipped}, []doctor.State{r.Checks[0].State, r.Checks[1].State})
	require.Equal(t, doctor.Finding{State: doctor.Warning, Found: "it bites", Do: "do this"}, r.Checks[0].Findings[1])
}

// What a wallet or a receiver says is shown, and writes nothing else on the operator's terminal.
func TestFinding_OthersWordsAreNoOrdersForATerminal(t *testing.T) {
	t.Parallel()
	f := doctor.Fail("ask\x1b[8m it", "answered 500: añejo\x1b[2J\x1b[Hok\x07  all\u009b1A\u202e is well\r\n")
	require.Equal(t, "answered 500: añejo\uFFFD[2J\uFFFD[Hok\uFFFD all\uFFFD1A\uFFFD is well", f.Found)
	require.Equal(t, "ask\uFFFD[8m it", f.Do)
}

// What hangs, hangs for its own time only: one that ends with its context, and one that does not even notice.
func TestExamine_NothingHangsIt(t *testing.T) {
	t.Parallel()
	forever := make(chan struct{})
	t.Cleanup(func() { close(forever) })
	var out bytes.Buffer
	began := time.Now()
	err := doctor.Examine(t.Context(), clock.System(), doctor.Report{}, []doctor.Check{
		{Name: "polite", Limit: 50 * time.Millisecond, Look: func(ctx context.Context) []doctor.Finding {
			<-ctx.Done()
			return []doctor.Finding{doctor.Fail("wake it", "%s", doctor.Why(ctx, ctx.Err()))}
		}},
		{Name: "deaf", Limit: 50 * time.Millisecond, Look: func(context.Context) []doctor.Finding {
			<-forever
			return nil
		}},
		{Name: "last", Limit: time.Second, Look: look(doctor.Fine("seen"))},
	}, false, &out)
	require.ErrorIs(t, err, doctor.ErrFailed)
	require.Less(t, time.Since(began), 10*time.Second)
	require.Contains(t, out.String(), "polite  no answer within 50ms")
	require.Contains(t, out.String(), "deaf    it did not come to an end within 50ms")
	require.Contains(t, out.String(), "last    seen")
}

func TestExamine_IsBrokenOff(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	err := doctor.Examine(ctx, clock.System(), doctor.Report{}, []doctor.Check{
		{Name: "one", Limit: time.Minute, Look: func(ctx context.Context) []doctor.Finding { cancel(); <-ctx.Done(); return nil }},
		{Name: "two", Limit: time.Minute, Look: func(context.Context) []doctor.Finding { t.Error("it was broken off"); return nil }},
	}, false, &bytes.Buffer{})
	require.ErrorIs(t, err, context.Canceled)
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

func TestExamine_CannotWrite(t *testing.T) {
	t.Parallel()
	for _, asJSON := range []bool{true, false} {
		err := doctor.Examine(t.Context(), clock.System(), doctor.Report{}, []doctor.Check{{Name: "one", Limit: time.Second, Look: look(doctor.Fail("", "bad"))}}, asJSON, full{})
		require.ErrorContains(t, err, "the disk is full")
		require.NotErrorIs(t, err, doctor.ErrFailed)
	}
}

func TestFinding_IsALine(t *testing.T) {
	t.Parallel()
	f := doctor.Fail("", "%s", strings.Repeat("ñ ", 1000))
	require.LessOrEqual(t, len([]rune(f.Found)), 401)
	require.True(t, strings.HasSuffix(f.Found, "…"))
}

func TestWrong_TheFirstOfEachVariable(t *testing.T) {
	t.Parallel()
	found := doctor.Wrong("shop", []error{settings.Wrong("A", "is bad"), settings.Wrong("A", "is missing"), settings.Wrong("B", "too"), errors.New("no file")})
	require.Len(t, found, 3)
	require.Equal(t, doctor.Finding{State: doctor.Failed, Found: "A is bad", Do: "set A; what it takes: shop config example"}, found[0])
	require.Contains(t, found[2].Do, "--config")
}

func TestSecretFiles_AndPrivateKeys(t *testing.T) {
	folder := t.TempDir()
	file := func(name string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, []byte("x"), mode))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	require.NoError(t, os.Chmod(folder, 0o755))
	type some struct {
		Key logging.Secret `env:"TT_DOCTOR_KEY"`
		URL string         `env:"TT_DOCTOR_URL"`
	}
	open, closed := file("open", 0o644), file("closed", 0o640)
	require.Len(t, doctor.SecretFiles(some{}, open), 1)
	require.Empty(t, doctor.SecretFiles(some{}, closed))
	require.Empty(t, doctor.SecretFiles(some{}, ""))
	t.Setenv("TT_DOCTOR_KEY_FILE", open)
	require.Contains(t, doctor.SecretFiles(some{}, "")[0].Found, "the file of TT_DOCTOR_KEY")
	require.Contains(t, doctor.PrivateKeyFile(open)[0].Found, "0644")
	require.Len(t, doctor.PrivateKeyFile(file("written", 0o620)), 1)
	require.Empty(t, doctor.PrivateKeyFile(closed))
	require.Empty(t, doctor.PrivateKeyFile(file("own", 0o400)))
	require.NoError(t, os.Chmod(folder, 0o700))
	require.Empty(t, doctor.SecretFiles(some{}, open), "nobody gets there")
}

func TestOnThisMachine(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"localhost", "localhost:8000", "127.0.0.1", "127.0.0.1:1", "[::1]:4001", "::1", "wallet.localhost:4100"} {
		require.True(t, doctor.OnThisMachine(host), host)
	}
	for _, host := range []string{"", "localhost.example", "10.0.0.1:80", "web:8000", "[2001:db8::1]:80"} {
		require.False(t, doctor.OnThisMachine(host), host)
	}
	require.Len(t, doctor.PlainHTTP("BASE_URL", "http://market.example"), 1)
	for _, fine := range []string{"https://market.example", "http://localhost:8000", ""} {
		require.Empty(t, doctor.PlainHTTP("BASE_URL", fine))
	}
}

func TestHere(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{
		"127.0.0.1:4001": "http://127.0.0.1:4001", "0.0.0.0:4001": "http://localhost:4001", ":8000": "http://localhost:8000", "[::]:1": "http://localhost:1", "[::1]:1": "http://[::1]:1", "4001": "",
	} {
		require.Equal(t, want, doctor.Here(listen))
	}
}

var schema = fstest.MapFS{
	"sqlite/0001_notes.sql":   {Data: []byte("CREATE TABLE notes (id INTEGER);\n")},
	"postgres/0001_notes.sql": {Data: []byte("CREATE TABLE notes (id INTEGER);\n")},
}

func TestDatabase_OnBoth(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(*testing.T) string{"sqlite": databasetest.SQLiteAddress, "postgres": func(t *testing.T) string { return databasetest.PostgresAddress(t) }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := address(t)
			db := databasetest.Open(t, at, clock.System(), schema)
			if file, ok := strings.CutPrefix(at, "sqlite:"); ok {
				require.NoError(t, os.Chmod(file, 0o600))
			}
			ask := func(files fstest.MapFS, c clock.Clock) ([]doctor.Finding, bool) {
				opened := false
				found := doctor.Database{Address: at, Migrations: files, Migrate: "shop migrate", Clock: c, Opened: func(db *database.DB) { opened = true; _ = db.Close() }}.Check().Look(t.Context())
				return found, opened
			}
			found, opened := ask(schema, clock.System())
			require.True(t, opened)
			require.Len(t, found, 1)
			require.Equal(t, doctor.OK, found[0].State, found)

			more := fstest.MapFS{"sqlite/0002_more.sql": {}, "postgres/0002_more.sql": {}}
			for file, content := range schema {
				more[file] = content
			}
			found, opened = ask(more, clock.System())
			require.False(t, opened, "what it lacks cannot be read")
			require.Equal(t, doctor.Fail("shop migrate", "its schema lacks 0002_more.sql"), found[len(found)-1])

			require.NoError(t, db.Transact(t.Context(), func(tx *gorm.DB) error {
				return tx.Exec("INSERT INTO schema_migrations (name, checksum, applied_at) VALUES ('0009_later.sql', '', ?)", time.Now()).Error
			}))
			found, opened = ask(schema, clock.System())
			require.True(t, opened)
			require.Equal(t, doctor.Warning, found[0].State)
			require.Contains(t, found[0].Found, "0009_later.sql")

			found, opened = ask(fstest.MapFS{"sqlite/0001_shop.sql": {}, "postgres/0001_shop.sql": {}}, clock.System())
			require.False(t, opened)
			require.Contains(t, found[0].Found, "another program: it has 0001_notes.sql, 0009_later.sql")
			require.Contains(t, found[0].Do, "DATABASE_URL")

			found, _ = ask(schema, clock.NewHeld(time.Now().Add(-time.Hour)))
			if name == "postgres" { // SQLite has this machine's clock
				require.Equal(t, doctor.Failed, found[len(found)-1].State, found)
				require.Contains(t, found[len(found)-1].Found, "its clock is 1h0m")
			}
		})
	}
}

// A folder can be written to as a file by nobody, root included.
func TestDatabase_AFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	d := doctor.Database{Address: "sqlite:" + t.TempDir(), Migrations: schema, Clock: clock.System(), Opened: func(*database.DB) { t.Error("it cannot be opened") }}
	found := d.Check().Look(t.Context())
	require.Equal(t, doctor.Failed, found[0].State)
	require.Contains(t, found[0].Do, "chmod")
}
