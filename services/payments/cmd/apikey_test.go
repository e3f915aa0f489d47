package cmd

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/store"
)

// as asks with another key.
func (r *running) as(t *testing.T, key, method, path, body string) int {
	t.Helper()
	other := *r
	other.key = key
	status, _ := other.ask(t, method, path, body)
	return status
}

func listedKeys(t *testing.T, all map[string]string) []apiKeyFacts {
	t.Helper()
	out, err := run(t, all, "apikey", "list", "--json")
	require.NoError(t, err, out)
	var facts []apiKeyFacts
	require.NoError(t, json.Unmarshal([]byte(out), &facts))
	return facts
}

// TestAPIKey_ReplacedWithoutAGapOrARestart is docs/operations.md's way, on both databases.
func TestAPIKey_ReplacedWithoutAGapOrARestart(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(*testing.T) string{
		"sqlite":   databasetest.SQLiteAddress,
		"postgres": func(t *testing.T) string { t.Helper(); return databasetest.PostgresAddress(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := good(t, map[string]string{"DATABASE_URL": address(t), "RECONCILE_INTERVAL": "0"})
			_, err := run(t, all, "migrate")
			require.NoError(t, err)
			r := mustServe(t, all)
			create := func() string {
				out, err := run(t, all, "apikey", "create", "--name", "the shop", "--scope", "pay")
				require.NoError(t, err, out)
				require.Contains(t, out, "Shown this once")
				key, _, _ := strings.Cut(out, "\n")
				return key
			}
			lets := func(key string, status int) {
				t.Helper()
				require.Eventually(t, func() bool { return r.as(t, key, http.MethodGet, "/sellers", "") == status }, 10*keyPoll, 50*time.Millisecond)
			}
			older := create()
			lets(older, http.StatusOK)
			next := create()
			lets(next, http.StatusOK)
			lets(older, http.StatusOK)
			require.Equal(t, http.StatusForbidden, r.as(t, next, http.MethodPost, "/webhooks/endpoints", "{}"))
			facts := listedKeys(t, all)
			require.Len(t, facts, 3)
			require.Equal(t, apikey.Configured, facts[0].Name)
			require.Equal(t, apikey.Fingerprint(older), facts[1].Fingerprint)
			require.Eventually(t, func() bool { return !listedKeys(t, all)[2].LastUsedAt.IsZero() }, 10*keyPoll, 100*time.Millisecond)
			out, err := run(t, all, "apikey", "revoke", facts[1].ID, "--in", "1h")
			require.NoError(t, err, out)
			require.True(t, listedKeys(t, all)[1].Active)
			out, err = run(t, all, "apikey", "revoke", facts[1].ID)
			require.NoError(t, err, out)
			lets(older, http.StatusUnauthorized)
			lets(next, http.StatusOK)
			require.False(t, listedKeys(t, all)[1].Active)
			out, err = run(t, all, "apikey", "list")
			require.NoError(t, err)
			require.Contains(t, out, "no more, since")

			keys, err := store.ReadKeys(logging.Secret(all["TOKEN_ENCRYPTION_KEY"]))
			require.NoError(t, err)
			keep := store.New(databasetest.Open(t, all["DATABASE_URL"], clock.System(), store.Migrations()), keys)
			told, err := keep.Actions(t.Context(), operator.Filter{Subject: facts[1].ID}, 10)
			require.NoError(t, err)
			require.Len(t, told, 3)
			require.Equal(t, operator.AddAPIKey, told[2].Kind)
			require.Contains(t, told[2].Detail, "the shop, scope pay")
			for _, secret := range []string{older, next} {
				require.NotContains(t, r.lines.String(), secret)
				for _, table := range []string{"api_keys", "operator_actions"} {
					require.NotContains(t, strings.Join(rowsOf(t, r.db.Read(t.Context()), table), "\n"), secret)
				}
			}

			// A row that somebody else writes opens nothing, and is told of.
			databasetest.Exec(t, databasetest.Open(t, all["DATABASE_URL"], clock.System(), store.Migrations()),
				"INSERT INTO api_keys (id, name, scope, hash, fingerprint, created_at, seal) SELECT '01ZZZZZZZZZZZZZZZZZZZZZZZZ', name, 'admin', ?, fingerprint, created_at, seal FROM api_keys WHERE id = ?",
				apikey.HashOf("what somebody else made up").String(), facts[2].ID)
			require.Eventually(t, func() bool { return strings.Contains(r.lines.String(), "forged_api_key") }, 10*keyPoll, 50*time.Millisecond)
			require.Equal(t, http.StatusUnauthorized, r.as(t, "what somebody else made up", http.MethodGet, "/sellers", ""))
			require.Equal(t, http.StatusOK, r.as(t, next, http.MethodGet, "/sellers", ""))
		})
	}
}

func TestAPIKey_OfTheConfigurationAsAHash(t *testing.T) {
	t.Parallel()
	admin, pays := apikey.Generate(), apikey.Generate()
	all := good(t, map[string]string{"PAYMENTS_API_KEY": "sha256:" + apikey.HashOf(admin).String() + " pay:" + pays})
	r := mustServe(t, all)
	require.Equal(t, http.StatusOK, r.as(t, admin, http.MethodGet, "/webhooks/endpoints", ""))
	require.Equal(t, http.StatusOK, r.as(t, pays, http.MethodGet, "/sellers", ""))
	require.Equal(t, http.StatusForbidden, r.as(t, pays, http.MethodPost, "/webhooks/replay", `{"since":"2h"}`))
	require.Equal(t, http.StatusUnauthorized, r.as(t, apikey.HashOf(admin).String(), http.MethodGet, "/sellers", ""), "the hash is no key")
	require.Equal(t, http.StatusUnauthorized, r.as(t, "sha256:"+apikey.HashOf(admin).String(), http.MethodGet, "/sellers", ""))
}

func TestAPIKey_BadInput(t *testing.T) {
	t.Parallel()
	all := good(t, nil)
	for words, args := range map[string][]string{
		"read, pay or admin":   {"create", "--name", "a", "--scope", "root"},
		"whose key it is":      {"create", "--name", " ", "--scope", "pay"},
		"required flag":        {"create", "--name", "a"},
		"no such API key":      {"revoke", "01ZZZZZZZZZZZZZZZZZZZZZZZZ"},
		"must not be negative": {"revoke", "01ZZZZZZZZZZZZZZZZZZZZZZZZ", "--in", "-1h"},
	} {
		_, err := run(t, all, "migrate")
		require.NoError(t, err)
		_, err = run(t, all, append([]string{"apikey"}, args...)...)
		require.ErrorContains(t, err, words)
	}
	require.Len(t, listedKeys(t, all), 1, "nothing was made")
}

// TestLimits_OfTheRunningService: an address without a key, an address with wrong ones, and who has a right one at the same address.
func TestLimits_OfTheRunningService(t *testing.T) {
	t.Parallel()
	all := good(t, nil)
	maps.Copy(all, map[string]string{"RATE_LIMIT_ADDRESS": "1", "RATE_LIMIT_WRONG_KEYS": "3"})
	r := mustServe(t, all)
	seen := map[int]int{}
	for range 40 {
		seen[r.as(t, "no such key of anybody", http.MethodGet, "/sellers", "")]++
		require.Equal(t, http.StatusOK, r.as(t, r.key, http.MethodGet, "/sellers", ""), "who has a key is let in")
		require.Equal(t, http.StatusOK, r.as(t, "", http.MethodGet, "/health", ""))
	}
	require.GreaterOrEqual(t, seen[http.StatusUnauthorized], 3)
	require.GreaterOrEqual(t, seen[http.StatusTooManyRequests], 30)
	require.Equal(t, 40, seen[http.StatusUnauthorized]+seen[http.StatusTooManyRequests])
	require.Equal(t, http.StatusTooManyRequests, r.as(t, "", http.MethodGet, "/docs", ""))
	require.Contains(t, r.lines.String(), "security=too_many_requests")
}
