package cmd

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
)

// page is what an operator's browser does.
func (r *running) page(t *testing.T, method, path string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.url+"/operator"+path, strings.NewReader(url.Values{}.Encode()))
	require.NoError(t, err)
	request.SetBasicAuth("Zoé", r.key)
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

// An operator's night with the pages: what the button asks for is done in the background, and everything that was done, through each door, is kept.
func TestOperator_ANightWithThePages(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(*testing.T) string{
		"sqlite":   databasetest.SQLiteAddress,
		"postgres": func(t *testing.T) string { t.Helper(); return databasetest.PostgresAddress(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, unmarked, unpaid := compared(t, address(t))
			maps.Copy(all, map[string]string{"POLL_INTERVAL": "20ms", "RECONCILE_INTERVAL": "0"})
			r := mustServe(t, all)
			status, page := r.page(t, http.MethodGet, "")
			require.Equal(t, http.StatusOK, status)
			require.Contains(t, page, "Payments were not compared with the wallets yet.")

			status, _ = r.page(t, http.MethodPost, "/reconciliation/run")
			require.Equal(t, http.StatusSeeOther, status)
			require.Eventually(t, func() bool {
				_, page = r.page(t, http.MethodGet, "/reconciliation")
				return strings.Contains(page, "3 payments were compared")
			}, time.Minute, 50*time.Millisecond)
			require.Contains(t, page, `data-finding="paid_but_unmarked" data-payment="`+string(unmarked))
			require.Contains(t, page, "It was made due at once.")
			require.Contains(t, page, `data-finding="marked_but_unpaid" data-payment="`+string(unpaid))
			require.Contains(t, page, "an operator who said to be")
			require.Eventually(t, func() bool {
				_, page = r.page(t, http.MethodGet, "/payments/"+string(unmarked))
				return strings.Contains(page, `data-state="paid_late"`)
			}, time.Minute, 50*time.Millisecond)
			status, page = r.page(t, http.MethodPost, "/payments/"+string(unpaid)+"/compare")
			require.Equal(t, http.StatusOK, status)
			require.Contains(t, page, "99.99 MXN")
			require.NotContains(t, page, planted)

			status, _ = r.page(t, http.MethodPost, "/audit/verify")
			require.Equal(t, http.StatusSeeOther, status)
			require.Eventually(t, func() bool {
				_, page = r.page(t, http.MethodGet, "/audit")
				return strings.Contains(page, "Verified at")
			}, time.Minute, 50*time.Millisecond)

			status, _ = r.ask(t, http.MethodPatch, "/webhooks/endpoints/"+outbox.Configured, `{"enabled":false}`)
			require.Equal(t, http.StatusOK, status)
			_, err := run(t, all, "webhook", "endpoint", "enable", outbox.Configured)
			require.NoError(t, err)
			_, err = run(t, all, "webhook", "secret", "rotate")
			require.NoError(t, err)
			_, err = run(t, all, "reconcile", "--all")
			require.Equal(t, cli.Differences, exitOf(err))

			keys, err := store.ReadKeys(logging.Secret(all["TOKEN_ENCRYPTION_KEY"]))
			require.NoError(t, err)
			keep := store.New(databasetest.Open(t, all["DATABASE_URL"], clock.System(), store.Migrations()), keys)
			done, err := keep.Actions(t.Context(), operator.Filter{}, 100)
			require.NoError(t, err)
			var told []string
			for _, a := range done {
				told = append(told, string(a.By.Door)+" "+string(a.Kind))
				require.NotContains(t, a.Detail, "whsec_")
			}
			require.Equal(t, []string{ // the newest first
				"command line reconcile", "command line secret_rotate", "command line endpoint_enable", "api endpoint_disable", "page audit_verify", "page payment_compare", "page reconcile",
				"settings seller_put",
			}, told)
			require.Equal(t, "Zoé", done[6].By.Name)
			require.NotEmpty(t, done[3].By.Key)
			require.Equal(t, done[3].By.Key, done[6].By.Key, "of one key")
			report, err := keep.VerifyAudit(t.Context(), "")
			require.NoError(t, err)
			require.EqualValues(t, 8, report.Actions)
			for _, f := range report.Findings {
				require.Zero(t, f.Action, "%+v", f)
			}
			require.NotContains(t, r.lines.String(), planted)
		})
	}
}

// A task whose process is gone is taken up by another one.
func TestTasks_TakenUpWhenTheProcessIsGone(t *testing.T) {
	t.Parallel()
	all, _, _ := compared(t, "")
	maps.Copy(all, map[string]string{"POLL_INTERVAL": "20ms", "RECONCILE_INTERVAL": "0"})
	r := mustServe(t, all)
	require.NoError(t, r.stop())
	db := databasetest.Open(t, all["DATABASE_URL"], clock.System(), store.Migrations())
	databasetest.Exec(t, db, `INSERT INTO tasks (id, kind, asked_by, asked_at, begun_at, busy_until) VALUES ('01KAR0000000000000000000TT', 'reconcile', 'somebody', ?, ?, ?)`,
		at, at, at.Add(time.Minute))
	again := mustServe(t, all)
	require.Eventually(t, func() bool {
		_, page := again.page(t, http.MethodGet, "/reconciliation")
		return strings.Contains(page, "3 payments were compared") && strings.Contains(page, "somebody")
	}, time.Minute, 50*time.Millisecond)
}
