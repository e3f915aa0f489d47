package systemtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends one request without following redirects. A body is sent as JSON.
func ask(t *testing.T, method, address, body string, header map[string]string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answer{response.StatusCode, response.Header, string(content)}
}

// failure is the body of a payments error.
func (a answer) failure(t *testing.T) (failure struct{ Error, Code string }) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(a.body), &failure), a.body)
	require.NotEmpty(t, failure.Error, a.body)
	return failure
}

func TestWire(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		key, err := stack.ReadSecret(w.Secrets.APIKey)
		require.NoError(t, err)
		withKey := map[string]string{"Authorization": "Bearer " + key}

		t.Run("UnknownPayment", func(t *testing.T) {
			for _, id := range []string{"01ARZ3NDEKTSV4RRFFQ69G5FAV", "test-123", "0", "%27%3B--", strings.Repeat("9", 200)} {
				got := ask(t, http.MethodGet, w.Payments.Address+"/payments/"+id+"/status", "", withKey)
				require.Equal(t, http.StatusNotFound, got.status, "%s: %s", id, got.body)
				require.Equal(t, "not_found", got.failure(t).Code)
				got = ask(t, http.MethodGet, w.Payments.Address+"/payments/finish?interact_ref=a&hash=b&pendingId="+id, "", withKey)
				require.Equal(t, http.StatusNotFound, got.status, "%s: %s", id, got.body)
			}
		})
		t.Run("NoKey", func(t *testing.T) {
			for name, header := range map[string]map[string]string{"none": nil, "wrong": {"Authorization": "Bearer " + strings.Repeat("x", len(key))}, "empty": {"Authorization": "Bearer "}} {
				for _, path := range []string{"/sellers", "/payments/pending", "/offers/1/payments", "/payments/01ARZ3NDEKTSV4RRFFQ69G5FAV/status"} {
					got := ask(t, http.MethodGet, w.Payments.Address+path, "", header)
					require.Equal(t, http.StatusUnauthorized, got.status, "%s %s", name, path)
				}
				got := ask(t, http.MethodPost, w.Payments.Address+"/offers/1/quotes/start", `{}`, header)
				require.Equal(t, http.StatusUnauthorized, got.status, name)
			}
		})
		t.Run("AmountThatIsNone", func(t *testing.T) {
			seller := `{"id":"s","walletAddressUrl":"` + w.Sandbox.Address + `/worker-mxn"}`
			require.Equal(t, http.StatusCreated, ask(t, http.MethodPost, w.Payments.Address+"/sellers", seller, withKey).status)
			before := balances(t, w.wallets)
			for _, amount := range []string{`"12abc"`, `"19.999"`, `"0"`, `"-1"`, `"1e3"`, `"1,000"`, `""`, `12.5`, `null`, `"99999999999999999999"`, `"NaN"`} {
				start := `{"sellerId":"s","buyerWalletAddressUrl":"` + w.Sandbox.Address + `/buyer-mxn","amount":` + amount + `}`
				got := ask(t, http.MethodPost, w.Payments.Address+"/offers/nobody-started/quotes/start", start, withKey)
				require.Equal(t, http.StatusBadRequest, got.status, "%s: %s", amount, got.body)
				got.failure(t)
			}
			require.Equal(t, before, balances(t, w.wallets))
			require.Contains(t, ask(t, http.MethodGet, w.Payments.Address+"/offers/nobody-started/payments", "", withKey).body, `"payments":[]`)
		})
		t.Run("ForgedWebhook", func(t *testing.T) { forgedWebhook(t, w) })
		t.Run("BrowserAtThePaymentsService", func(t *testing.T) {
			got := ask(t, http.MethodGet, w.Payments.Address+"/payments/finish?pendingId=p&interact_ref=a%2Bb&hash=c%3D", "", nil)
			require.Equal(t, http.StatusSeeOther, got.status)
			require.Equal(t, w.Marketplace.Address+"/payments/finish?pendingId=p&interact_ref=a%2Bb&hash=c%3D", got.header.Get("Location"), "the query is intact")
		})
		t.Run("NothingInternalInErrors", func(t *testing.T) {
			for _, address := range []string{
				w.Payments.Address + "/nowhere", w.Payments.Address + "/payments/finish?pendingId=%00", w.Marketplace.Address + "/jobs/12abc",
				w.Marketplace.Address + "/jobs/999999", w.Marketplace.Address + "/nowhere", w.Marketplace.Address + "/payments/finish",
			} {
				got := ask(t, http.MethodGet, address, "", withKey)
				require.Less(t, got.status, http.StatusInternalServerError, address)
				for _, internal := range []string{"goroutine", ".go:", "sqlite", "postgres://", "SQLSTATE", "127.0.0.1"} {
					require.NotContains(t, got.body, internal, address)
				}
			}
		})
	})
}

func forgedWebhook(t *testing.T, w *world) {
	secret, err := stack.ReadSecret(w.Secrets.WebhookSecret)
	require.NoError(t, err)
	funder := w.signIn(t, funder)
	job := w.jobToPay(t, funder, "100.00 MXN")
	body := `{"type":"payment.completed","pendingId":"01ARZ3NDEKTSV4RRFFQ69G5FAV","offerId":"` + decimal(job) +
		`","status":"paid","outgoingPaymentId":"https://wallet.example/outgoing-payments/1","timestamp":"2025-01-01T12:00:00Z"}`
	now := clock.System().Now()
	signed := func(id string, at time.Time, key []byte, body string) map[string]string {
		seconds := strconv.FormatInt(at.Unix(), 10)
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%s.%s", id, seconds, body)
		return map[string]string{"webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))}
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	require.NoError(t, err)

	address := w.Marketplace.Address + "/api/webhooks/payments"
	for name, header := range map[string]map[string]string{
		"not signed":                   nil,
		"signed by a stranger":         signed("msg_1", now, []byte("a stranger's key, as long as ours"), body),
		"an old one":                   signed("msg_1", now.Add(-time.Hour), key, body),
		"one from the future":          signed("msg_1", now.Add(time.Hour), key, body),
		"another body":                 signed("msg_1", now, key, strings.Replace(body, "paid", "failed", 1)),
		"a signature that is no text":  {"webhook-id": "msg_1", "webhook-timestamp": decimal(now.Unix()), "webhook-signature": "v1,%%%"},
		"the secret's text as its key": signed("msg_1", now, []byte(secret), body),
	} {
		got := ask(t, http.MethodPost, address, body, header)
		require.Equal(t, http.StatusUnauthorized, got.status, "%s: %s", name, got.body)
		require.Contains(t, got.body, `"success":false`, name)
	}
	// Signed as it must be, for a payment that nobody started: believed, and still of no effect.
	got := ask(t, http.MethodPost, address, body, signed("msg_2", now, key, body))
	require.GreaterOrEqual(t, got.status, http.StatusBadRequest, got.body)
	require.Less(t, got.status, http.StatusInternalServerError, got.body)
	require.Equal(t, "reviewing", w.job(t, job).Status)

	unknown := strings.Replace(body, `"offerId":"`+decimal(job)+`"`, `"offerId":"987654321"`, 1)
	got = ask(t, http.MethodPost, address, unknown, signed("msg_3", now, key, unknown))
	require.Equal(t, http.StatusNotFound, got.status)
	require.JSONEq(t, `{"success":false,"error":"Job not found"}`, got.body)

	got = ask(t, http.MethodPost, address, `{"type":`, signed("msg_4", now, key, `{"type":`))
	require.Equal(t, http.StatusBadRequest, got.status)
}

// documentedWebhook is the body of the document's command, to the byte.
const documentedWebhook = `{
    "type": "payment.completed",
    "pendingId": "test-123",
    "offerId": "1",
    "status": "paid",
    "outgoingPaymentId": "https://ilp.interledger-test.dev/outgoing/xyz",
    "timestamp": "2025-01-09T12:00:00Z"
  }`

// TestDocumentedCurls runs both commands of the document that described the original, as a person would
// who has started the services by hand as README.md says: without a webhook secret, unsigned webhooks allowed by name.
func TestDocumentedCurls(t *testing.T) {
	t.Parallel()
	curl := need(t, "curl")
	onOwn(t, func(t *testing.T, database string) {
		byHand := map[string]string{"WEBHOOK_ALLOW_UNSIGNED": "true", "WEBHOOK_SECRET_FILE": ""}
		w := newWorld(t, database, env{stack.Marketplace: byHand, stack.Payments: byHand})
		run := func(arguments ...string) string {
			command := exec.CommandContext(t.Context(), curl, append([]string{"--silent", "--show-error"}, arguments...)...)
			out, err := command.CombinedOutput()
			require.NoError(t, err, string(out))
			return string(out)
		}
		out := run("-X", "POST", w.Marketplace.Address+"/api/webhooks/payments", "-H", "Content-Type: application/json", "-d", documentedWebhook)
		var indented bytes.Buffer
		require.NoError(t, json.Indent(&indented, []byte(strings.TrimSpace(out)), "", "  "))
		require.Equal(t, `{
  "success": true,
  "message": "Payment confirmed",
  "job_id": 1,
  "job_status": "complete"
}`, indented.String())
		facts := w.job(t, 1)
		require.Equal(t, "complete", facts.Status)
		require.True(t, facts.ContractCompleted)
		require.Equal(t, "https://ilp.interledger-test.dev/outgoing/xyz", facts.PaymentID)

		// That anybody could have said so is told: at the start, and to the operator.
		log, err := os.ReadFile(w.Marketplace.Log)
		require.NoError(t, err)
		require.Contains(t, string(log), "WEBHOOK_ALLOW_UNSIGNED is set")
		require.Contains(t, string(log), "payment news applied without a signature")
		page, err := w.signIn(t, operator).Browser.Open(t.Context(), w.Marketplace.Address+"/operator")
		require.NoError(t, err)
		require.Contains(t, page.Text("#unsigned"), "WEBHOOK_SECRET")

		out = run("--include", w.Marketplace.Address+"/payments/finish?pendingId=test-123&interact_ref=abc&hash=xyz")
		require.NotContains(t, out, "HTTP/1.1 5")
		require.Contains(t, out, "text/html", "a page for the person, since there is no such payment")

		page, err = person.NewBrowser().Open(t.Context(), w.Marketplace.Address+"/payments/finish?pendingId=test-123&interact_ref=abc&hash=xyz")
		require.NoError(t, err)
		require.NotEmpty(t, page.Text("main h1"))

		a := w.start(t, "19.99 MXN", "/buyer-mxn")
		a.open(t, a.decide(t, person.Approve))
		a.complete(t)
		eventually(t, "the unsigned webhook is delivered", func() bool { return w.delivered(t, a.pendingID) })
	})
}
