package systemtest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
	"tianguis.example/stack/statementlog"
)

const statementsFile = "testdata/statements.txt"

const statementsIntroduction = `# What one whole payment costs the databases: every statement that each service sends to PostgreSQL between the page to pay on
# and the job that is complete, how often, and how many of the transactions are commits that reach the disk.
# go test ./systemtest -run Statements -update in deploy/stack writes it.
`

// notOfThePayment are the statements that are not counted, since when they are made is a matter of time: by what is in them, and why.
var notOfThePayment = map[string]string{
	"-- ping":         "the pool asks whether a connection that was idle for a second is still there",
	`FROM "api_keys"`: "what a service knows of its API keys is read anew every few seconds",
}

// looks are what is in the statements by which workers look for what is due. One that finds nothing is not counted, since how often they look is a
// matter of time; one that finds the payment is.
var looks = []string{"WITH due AS ", " AND next_poll_at <= ", " AND next_at <= "}

// TestStatements: a statement more or less in a payment's life is written down, so that a change shows it.
func TestStatements(t *testing.T) {
	t.Parallel()
	if there != nil {
		t.Skip("NOT TESTED on this stack: its databases are not spoken to through the test")
	}
	logs, truth := map[string]*statementlog.Proxy{}, map[string]*database.DB{}
	for _, service := range []string{stack.Payments, stack.Marketplace} {
		address := newSchema(t, service)
		var err error
		logs[service], err = statementlog.Listen(t.Context(), address)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, logs[service].Close()) })
		truth[service], err = database.Open(t.Context(), address, database.Options{Clock: clock.System(), MaxConns: 1})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, truth[service].Close()) })
	}
	held := holdWebhooks(t)
	w := start(t, stack.Config{
		PaymentsDatabase: logs[stack.Payments].Address, MarketplaceDatabase: logs[stack.Marketplace].Address,
		Env: env{
			// Whatever moves the payment is woken, and waits for no poll.
			stack.Payments:    {"MARKETPLACE_BASE_URL": held.address, "POLL_INTERVAL": "1h", "RECONCILE_INTERVAL": "0"},
			stack.Marketplace: {"PAYMENTS_POLL_INTERVAL": "1h", "DEADLINE_INTERVAL": "1h", "MESSAGES_POLL_INTERVAL": "1h"},
		},
	})
	held.marketplace(t, w.Marketplace.Address)
	payer := w.signIn(t, funder)
	pay := func() {
		a := attempt{payer: payer, job: w.jobToPay(t, payer, "100.00 MXN")}
		for _, service := range logs {
			taken(t, service)
		}
		var err error
		a.consent, err = payer.AskToPay(t.Context(), a.job, w.Sandbox.Address+"/buyer-mxn")
		require.NoError(t, err)
		held.mu.Lock()
		page := a.open(t, a.decide(t, person.Approve))
		held.mu.Unlock()
		require.Equal(t, "paid", page.Document.Find("[data-flash]").AttrOr("data-flash", ""), "the finish waits for the money")
		eventually(t, "the webhook is delivered, and the job complete", func() bool {
			return counted(t, truth[stack.Marketplace], "SELECT COUNT(*) FROM jobs WHERE contract_completed AND id = ?", a.job) == 1 &&
				counted(t, truth[stack.Payments], "SELECT COUNT(*) FROM deliveries WHERE state = 'delivered' AND offer_id = ?", decimal(a.job)) == 1
		})
	}
	pay() // what is kept in memory is there from now on
	pay()
	var got strings.Builder
	got.WriteString(statementsIntroduction)
	for _, service := range []string{stack.Payments, stack.Marketplace} {
		got.WriteString("\n" + costs(service, taken(t, logs[service])))
	}
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o750))
		require.NoError(t, os.WriteFile(statementsFile, []byte(got.String()), 0o600))
		return
	}
	want, err := os.ReadFile(statementsFile)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String(), "a payment sends other statements than are written down: go test ./systemtest -run Statements -update in deploy/stack writes them down")
}

// taken are the transactions since the last call, once no more is under way.
func taken(t *testing.T, log *statementlog.Proxy) (all []statementlog.Transaction) {
	t.Helper()
	eventually(t, "no statement is under way", func() (idle bool) {
		all, idle = log.Take()
		return idle
	})
	return all
}

func counted(t *testing.T, db *database.DB, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, db.Read(t.Context()).Raw(query, args...).Scan(&n).Error)
	return n
}

// costs is how a service's part of the file reads.
func costs(service string, all []statementlog.Transaction) string {
	times := map[string]int{}
	statements, commits := 0, 0
	for _, transaction := range all {
		if slices.ContainsFunc(transaction, ofTheClock) {
			continue
		}
		for _, s := range transaction {
			times[s.SQL]++
			statements++
		}
		if transaction.Commits() {
			commits++
		}
	}
	lines := make([]string, 0, len(times))
	for sql, n := range times {
		lines = append(lines, fmt.Sprintf("%3d  %s\n", n, sql))
	}
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[3:], b[3:]) })
	return fmt.Sprintf("%s: %d statements, %d commits\n", service, statements, commits) + strings.Join(lines, "")
}

// ofTheClock reports whether a statement is made by the clock, and not for the payment.
func ofTheClock(s statementlog.Statement) bool {
	for part := range notOfThePayment {
		if strings.Contains(s.SQL, part) {
			return true
		}
	}
	return s.Rows == 0 && slices.ContainsFunc(looks, func(part string) bool { return strings.Contains(s.SQL, part) })
}

// holding passes webhooks on to the marketplace while nobody holds mu. The finish tells the marketplace that a payment is paid, and so does
// the webhook; which of them comes first is decided by who holds it.
type holding struct {
	address string
	mu      sync.Mutex
	target  *url.URL
}

func holdWebhooks(t *testing.T) *holding {
	t.Helper()
	h := &holding{}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(h.target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	h.address = server.URL
	return h
}

func (h *holding) marketplace(t *testing.T, address string) {
	t.Helper()
	target, err := url.Parse(address)
	require.NoError(t, err)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.target = target
}
