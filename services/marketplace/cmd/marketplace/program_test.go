package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/settings"
	"tianguis.example/marketplace/store"
	"tianguis.example/payments/webhook"
)

func TestHeaders_OnEveryPage(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	for path, status := range map[string]int{
		"/": 200, "/?q=sign": 200, "/jobs/new": 200, "/jobs/6/edit": 200, "/jobs/1/edit": 409, "/jobs/1": 200, "/jobs/1/pay": 200, "/jobs/1/status": 200, "/jobs/999": 404, "/nowhere": 404, "/payments/finish": 404, "/static/nothing.css": 404,
	} {
		answer := b.get(path)
		require.Equal(t, status, answer.StatusCode, path)
		require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"), path)
		require.NotEmpty(t, answer.Header.Get("X-Request-Id"), path)
		policy := answer.Header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'", path)
		require.NotContains(t, policy, "unsafe", path)
		require.Contains(t, policy, "frame-ancestors 'none'", path)
		require.Contains(t, policy, "form-action 'self';", path)
		require.Equal(t, "no-store", answer.Header.Get("Cache-Control"), path)
	}
	require.Equal(t, "Fernanda Ruiz", b.get("/nowhere").has(t, "[data-user]").Text())
	require.JSONEq(t, `{"success":false,"error":"Not Found"}`, b.get("/api/nowhere").text)
	post := b.do(http.MethodPost, "/jobs/1", nil)
	require.Equal(t, http.StatusMethodNotAllowed, post.StatusCode)

	for _, file := range []string{"link[rel=stylesheet]", "script", "link[rel=icon]"} {
		s := b.get("/").has(t, file)
		answer := b.get(s.AttrOr("href", s.AttrOr("src", "")))
		require.Equal(t, 200, answer.StatusCode)
		require.Contains(t, answer.Header.Get("Cache-Control"), "immutable")
	}
	require.Equal(t, "no-cache", b.get("/static/tianguis.css?v=old").Header.Get("Cache-Control"))
	for _, path := range []string{"/static/../templates/layout.html", "/static/%2e%2e/pages.go", "/static/"} {
		require.Equal(t, 404, b.get(path).StatusCode, path)
	}
}

func TestHealthAndReady(t *testing.T) {
	t.Parallel()
	m := start(t)
	require.Contains(t, m.browser().get("/health").text, `"service":"marketplace"`)
	require.Equal(t, 200, m.browser().get("/ready").StatusCode)
	require.NoError(t, m.db.Close())
	require.Equal(t, 503, m.browser().get("/ready").StatusCode)
	require.Equal(t, 200, m.browser().get("/health").StatusCode)
	answer := m.browser().get("/payments/finish?pendingId=01JDD0000000000000000000AA")
	require.Equal(t, 500, answer.StatusCode)
	require.NotContains(t, answer.text, "sql")
	require.Contains(t, answer.text, answer.Header.Get("X-Request-Id"))
}

func TestLogs_HoldNoSecret(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	pendingID := b.approve("1")
	b.get("/payments/finish?pendingId=" + pendingID + "&interact_ref=ref-planted&hash=wrong-planted")
	m.payments.breakRoute("GET /payments/finish", false, func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) })
	b.get("/payments/finish?pendingId=" + pendingID + "&interact_ref=ref-planted&hash=wrong-planted")
	logs := m.logs.String()
	require.Contains(t, logs, `"pending_id":"`+pendingID+`"`)
	require.Contains(t, logs, `"job_id":"1"`)
	for _, secret := range []string{demoPassword, fakeKey, m.payments.secret, "planted", cookieOf(t, b, m.base), "funder@example.com"} {
		require.NotContains(t, logs, secret)
	}
}

var discard = slog.New(slog.DiscardHandler)

func config(t *testing.T) Config {
	t.Helper()
	var c Config
	require.NoError(t, settings.Load(&c, ""))
	return c
}

func TestConfig_RefusesInWordsThatNameTheVariable(t *testing.T) {
	t.Parallel()
	good := config(t)
	require.NoError(t, good.Validate())
	for variable, change := range map[string]func(*Config){
		"MARKETPLACE_LISTEN":     func(c *Config) { c.Listen = "8000" },
		"MARKETPLACE_BASE_URL":   func(c *Config) { c.BaseURL = "market.example" },
		"PAYMENTS_SERVICE_URL":   func(c *Config) { c.PaymentsURL = "localhost:4001" },
		"PAYMENTS_API_KEY":       func(c *Config) { c.PaymentsURL = "http://payments:4001" },
		"WEBHOOK_SECRET":         func(c *Config) { c.WebhookSecret = "planted" },
		"PAYMENTS_POLL_WORKERS":  func(c *Config) { c.PollWorkers = 0 },
		"PAYMENTS_POLL_INTERVAL": func(c *Config) { c.PollEvery = 0 },
		"PAYMENTS_TIMEOUT":       func(c *Config) { c.PaymentsTimeout = 0 },
		"SESSION_LIFETIME":       func(c *Config) { c.SessionLife = 0 },
		"DEADLINE_INTERVAL":      func(c *Config) { c.DeadlineEvery = 0 },
		"UPLOAD_MAX_SIZE":        func(c *Config) { c.UploadMaxSize = 0 },
		"MARKETPLACE_ASSETS":     func(c *Config) { c.Assets = []string{"USD/2", "MXN"} },
		"STARTS_AT_ONCE":         func(c *Config) { c.StartsAtOnce = -1 },
		"DATABASE_MAX_CONNS":     func(c *Config) { c.MaxConns = 0 },
		"LOG_FORMAT":             func(c *Config) { c.LogFormat = "xml" },
		"LOG_LEVEL":              func(c *Config) { c.LogLevel = "loud" },
	} {
		c := config(t)
		change(&c)
		err := c.Validate()
		require.ErrorContains(t, err, variable)
		require.NotContains(t, err.Error(), "planted")
	}
	c := config(t)
	c.PaymentsURL, c.PaymentsKey = "http://payments:4001", "k"
	require.NoError(t, c.Validate())
	c.WebhookSecret = logging.Secret(webhook.GenerateSecret() + " " + webhook.GenerateSecret())
	require.NoError(t, c.Validate())
	c.WebhookSecret += " planted"
	require.ErrorContains(t, c.Validate(), "WEBHOOK_SECRET")
}

func TestNew_PostgresWithPendingMigrations(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.DatabaseURL, c.Listen = databasetest.PostgresAddress(t), "127.0.0.1:0"
	_, err := New(t.Context(), c, discard, clock.System())
	require.ErrorContains(t, err, "0001_marketplace.sql")
	require.ErrorContains(t, err, "marketplace migrate")
}

func TestNew_BusyPort(t *testing.T) {
	t.Parallel()
	m := start(t)
	c := config(t)
	c.DatabaseURL, c.Listen = databasetest.SQLiteAddress(t), m.Address()
	_, err := New(t.Context(), c, discard, clock.System())
	require.ErrorContains(t, err, "MARKETPLACE_LISTEN cannot be used")
}

func TestNew_UploadsNowhere(t *testing.T) {
	t.Parallel()
	c := config(t)
	c.DatabaseURL, c.Listen, c.UploadsDir = databasetest.SQLiteAddress(t), "127.0.0.1:0", filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(c.UploadsDir, nil, 0o600))
	_, err := New(t.Context(), c, discard, clock.System())
	require.ErrorContains(t, err, "UPLOADS_DIR cannot be used")
}

func TestConfig_UploadsAreBesideTheDatabase(t *testing.T) {
	t.Parallel()
	c := config(t)
	require.Equal(t, "uploads", c.uploads())
	c.DatabaseURL = "sqlite:/var/lib/market/marketplace.db"
	require.Equal(t, "/var/lib/market/uploads", c.uploads())
	c.DatabaseURL = "postgres://market@db.example/market"
	require.Equal(t, "uploads", c.uploads())
	c.UploadsDir = "/srv/files"
	require.Equal(t, "/srv/files", c.uploads())
}

// run is one command line, as a person types it, with settings from a file.
func run(t *testing.T, file, in string, args ...string) (string, error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := command(strings.NewReader(in), &out, &errs)
	err := cli.Run(t.Context(), cmd, append([]string{"--config", file}, args...))
	return out.String(), err
}

func settingsFile(t *testing.T, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "marketplace.env")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	return file
}

func TestCommands(t *testing.T) {
	t.Parallel()
	pending, applied := "", ""
	migrations, err := fs.Glob(store.Migrations(), "sqlite/*.sql")
	require.NoError(t, err)
	for _, file := range migrations {
		pending, applied = pending+"pending\t"+filepath.Base(file)+"\n", applied+"applied "+filepath.Base(file)+"\n"
	}
	for name, address := range map[string]string{"sqlite": databasetest.SQLiteAddress(t), "postgres": databasetest.PostgresAddress(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := settingsFile(t, `DATABASE_URL="`+address+`"`)
			out, err := run(t, file, "", "migrate", "--status")
			require.NoError(t, err)
			require.Equal(t, pending, out)
			out, err = run(t, file, "", "migrate")
			require.NoError(t, err)
			require.Equal(t, applied, out)
			out, err = run(t, file, "", "migrate")
			require.NoError(t, err)
			require.Equal(t, "nothing to apply\n", out)

			out, err = run(t, file, "", "seed", "--funder-wallet", "https://w.example/f", "--worker-wallet", "$w.example/b")
			require.NoError(t, err)
			require.Contains(t, out, "funder@example.com  demo-tianguis")
			first, err := run(t, file, "", "job", "list")
			require.NoError(t, err)
			require.Len(t, strings.Split(strings.TrimSpace(first), "\n"), 1+len(samples))
			_, err = run(t, file, "", "seed", "--worker-wallet", "https://w.example/new")
			require.NoError(t, err)
			again, err := run(t, file, "", "job", "list")
			require.NoError(t, err)
			require.Equal(t, first, again, "a second run adds nothing that is there")

			out, err = run(t, file, "", "job", "show", "1", "--json")
			require.NoError(t, err)
			var job map[string]any
			require.NoError(t, json.Unmarshal([]byte(out), &job))
			require.Equal(t, "reviewing", job["job_status"])
			require.Len(t, job["applications"], 1)
			require.Len(t, job["submissions"], 1)
			require.Nil(t, job["deadline"])
			require.Equal(t, map[string]any{"value": "10000", "assetCode": "MXN", "assetScale": 2.0}, job["budget"])
			out, err = run(t, file, "", "job", "show", "2")
			require.NoError(t, err)
			require.Contains(t, out, "19.99 MXN")
			require.Contains(t, out, "https://w.example/new")
			out, err = run(t, file, "", "job", "list", "--state", "recruiting")
			require.NoError(t, err)
			require.Regexp(t, `(?m)^4 +recruiting +20\d\d-`, out)
			require.Len(t, strings.Split(strings.TrimSpace(out), "\n"), 2)
			_, err = run(t, file, "", "job", "list", "--state", "asleep")
			require.ErrorContains(t, err, "is none of")
			_, err = run(t, file, "", "job", "show", "999")
			require.EqualError(t, err, "There is no such job.")

			_, err = run(t, file, "long enough\n", "user", "add", "--email", "ana@example.com", "--name", "Ana", "--wallet", "$w.example/ana")
			require.NoError(t, err)
			_, err = run(t, file, "long enough\n", "user", "add", "--email", "ANA@example.com", "--name", "Ana")
			require.ErrorContains(t, err, "already")
			_, err = run(t, file, "long enough\n", "user", "add", "--operator", "--email", "ofelia@example.com", "--name", "Ofelia")
			require.NoError(t, err)
			db, err := database.Open(t.Context(), address, database.Options{Clock: clock.System()})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			for email, operator := range map[string]bool{"ana@example.com": false, "ofelia@example.com": true, demoOperator: true, demoFunder: false} {
				u, err := store.New(db).UserByEmail(t.Context(), email)
				require.NoError(t, err)
				require.Equal(t, operator, u.Operator, email)
			}
			_, err = run(t, file, "short\n", "user", "add", "--email", "bob@example.com", "--name", "Bob")
			require.ErrorContains(t, err, "A password has between")
			userCommands(t, file)
		})
	}
}

func TestSeed_PaidOnesAreReplaced(t *testing.T) {
	t.Parallel()
	m := start(t, unsigned)
	require.Equal(t, 200, deliver(t, m.base, []byte(seedsCurl), http.Header{}).status)
	require.NoError(t, m.seeding.jobs(t.Context()))
	require.NoError(t, m.seeding.jobs(t.Context()))
	lines, err := m.store.AllJobs(t.Context())
	require.NoError(t, err)
	require.Len(t, lines, len(samples)+1)
	last := lines[len(lines)-1]
	require.Equal(t, "reviewing", string(last.State))
	require.Equal(t, "100.00 MXN", last.Budget.String())
}

func TestSeed_RefusesWhereStrangersCome(t *testing.T) {
	t.Parallel()
	file := settingsFile(t, "DATABASE_URL="+databasetest.SQLiteAddress(t), "MARKETPLACE_BASE_URL=https://market.example")
	_, err := run(t, file, "", "seed")
	require.ErrorContains(t, err, "MARKETPLACE_BASE_URL")
	file = settingsFile(t, "DATABASE_URL="+databasetest.SQLiteAddress(t))
	_, err = run(t, file, "", "seed", "--asset", "JPY", "--asset-scale", "0")
	require.ErrorContains(t, err, "--asset-scale 0")
	_, err = run(t, file, "", "seed", "--worker-wallet", "nonsense")
	require.ErrorContains(t, err, "not a wallet address")
}

func TestConfigExample_ListsEverySetting(t *testing.T) {
	t.Parallel()
	out, err := run(t, settingsFile(t), "", "config", "example")
	require.NoError(t, err)
	for _, v := range settings.Variables(Config{}) {
		require.Contains(t, out, "\n#"+v.Name+"="+v.Default+"\n")
		require.NotEmpty(t, v.Help, v.Name)
	}
	out, err = run(t, settingsFile(t), "", "version")
	require.NoError(t, err)
	require.Contains(t, out, "marketplace ")
}

func TestServe_StopsInOrder(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	pendingID := b.approve("1")
	entered, release := make(chan struct{}), make(chan struct{})
	m.payments.breakRoute("GET /payments/finish", true, func(http.ResponseWriter, *http.Request) bool {
		close(entered)
		<-release
		return false
	})
	landed := make(chan page, 1)
	go func() { landed <- b.comeBack(pendingID) }()
	<-entered
	stopped := make(chan struct{})
	go func() { m.stop(); close(stopped) }()
	require.Eventually(t, func() bool {
		knock, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", m.Address())
		if err == nil {
			_ = knock.Close()
		}
		return err != nil
	}, waitFor, every)
	close(release)
	require.Equal(t, http.StatusSeeOther, (<-landed).StatusCode, "what was in hand is finished")
	require.Eventually(t, func() bool {
		select {
		case <-stopped:
			return true
		default:
			return false
		}
	}, waitFor, every)
}
