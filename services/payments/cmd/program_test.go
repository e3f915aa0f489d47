package cmd

import (
	"encoding/json"
	"io/fs"
	"net"
	"net/http"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/payments/store"
)

func TestServe_StartsAnswersAndStops(t *testing.T) {
	t.Parallel()
	all := good(t, identitySettings(t))
	for range 2 { // the second on what the first left
		r := mustServe(t, all)
		status, body := r.ask(t, http.MethodGet, "/health", "")
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body, `"service":"payments"`)
		status, _ = r.ask(t, http.MethodGet, "/ready", "")
		require.Equal(t, http.StatusOK, status)
		status, body = r.ask(t, http.MethodGet, "/sellers", "")
		require.Equal(t, http.StatusOK, status)
		require.JSONEq(t, `{"sellers":[{"id":"platform","walletAddressUrl":"https://wallet.example/platform"}]}`, body)
		require.NoError(t, r.stop())
		require.Contains(t, r.lines.String(), "payments has stopped")
		_, err := net.Dial("tcp", r.url[len("http://"):])
		require.Error(t, err, "the port is free again")
	}
}

// listed is a line for each migration.
func listed(t *testing.T, prefix string) string {
	t.Helper()
	names, err := fs.Glob(store.Migrations(), "postgres/*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	var lines strings.Builder
	for _, name := range names {
		lines.WriteString(prefix + path.Base(name) + "\n")
	}
	return lines.String()
}

// On Postgres several replicas start at once, so migrating is a step of its own.
func TestServe_PostgresWantsToBeMigrated(t *testing.T) {
	t.Parallel()
	all := good(t, map[string]string{"DATABASE_URL": databasetest.PostgresAddress(t)})
	for _, args := range [][]string{{"serve"}, {"seller", "list"}, {"payment", "list"}, {"webhook", "list"}} {
		_, err := run(t, all, args...)
		require.ErrorContains(t, err, "payments migrate", args)
	}
	out, err := run(t, all, "migrate", "--status")
	require.NoError(t, err)
	require.Equal(t, listed(t, "pending "), out)
	out, err = run(t, all, "migrate")
	require.NoError(t, err)
	require.Equal(t, listed(t, "applied "), out)
	out, err = run(t, all, "migrate")
	require.NoError(t, err)
	require.Equal(t, "the schema is up to date\n", out)
	out, err = run(t, all, "migrate", "--status")
	require.NoError(t, err)
	require.Equal(t, listed(t, "applied "), out)

	first, second := mustServe(t, all), mustServe(t, all)
	status, _ := first.ask(t, http.MethodPost, "/sellers", `{"id":"alice","walletAddressUrl":"https://wallet.example/alice"}`)
	require.Equal(t, http.StatusCreated, status)
	status, body := second.ask(t, http.MethodGet, "/sellers", "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "alice")
	status, _ = second.ask(t, http.MethodGet, "/ready", "")
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, first.stop())
	require.NoError(t, second.stop())
}

func TestServe_OpenOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	r := mustServe(t, good(t, map[string]string{"PAYMENTS_API_KEY": ""}))
	status, _ := r.ask(t, http.MethodGet, "/sellers", "")
	require.Equal(t, http.StatusOK, status)
	_, err := run(t, good(t, map[string]string{"PAYMENTS_API_KEY": "", "PAYMENTS_LISTEN": "0.0.0.0:0"}), "serve")
	require.ErrorContains(t, err, "PAYMENTS_API_KEY")
}

func TestServe_ThePortIsTaken(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	_, err = run(t, good(t, map[string]string{"PAYMENTS_LISTEN": taken.Addr().String()}), "serve")
	require.ErrorContains(t, err, "PAYMENTS_LISTEN")
	require.ErrorContains(t, err, taken.Addr().String())
}

func TestServe_WithoutAnIdentitySaysSo(t *testing.T) {
	t.Parallel()
	r := mustServe(t, good(t, nil))
	require.Contains(t, r.lines.String(), "no client identity")
	status, body := r.ask(t, http.MethodPost, "/api/wallet/profile", `{"walletAddressUrl":"https://wallet.example/alice"}`)
	require.Equal(t, http.StatusServiceUnavailable, status)
	var failure struct{ Code string }
	require.NoError(t, json.Unmarshal([]byte(body), &failure))
	require.Equal(t, "no_client_identity", failure.Code)
}

func TestServe_UnsignedByNameOnly(t *testing.T) {
	t.Parallel()
	_, err := run(t, good(t, map[string]string{"WEBHOOK_SECRET": ""}), "serve")
	require.ErrorContains(t, err, "WEBHOOK_ALLOW_UNSIGNED")
	r := mustServe(t, good(t, map[string]string{"WEBHOOK_SECRET": "", "WEBHOOK_ALLOW_UNSIGNED": "true"}))
	require.Contains(t, r.lines.String(), "[webhook] webhooks are sent unsigned")
}
