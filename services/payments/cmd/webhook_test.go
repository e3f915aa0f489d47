package cmd

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/api"
	"tianguis.example/payments/webhook"
)

// receiver answers as the test says, and keeps what it got.
type receiver struct {
	*httptest.Server
	status atomic.Int32
	mu     sync.Mutex
	got    []http.Header
	bodies [][]byte
}

func newReceiver(t *testing.T, status int32) *receiver {
	t.Helper()
	r := &receiver{}
	r.status.Store(status)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, _ := io.ReadAll(request.Body)
		r.mu.Lock()
		r.got, r.bodies = append(r.got, request.Header), append(r.bodies, body)
		r.mu.Unlock()
		w.WriteHeader(int(r.status.Load()))
		_, _ = w.Write([]byte("so it says"))
	}))
	t.Cleanup(r.Close)
	return r
}

// verified reports whether the last webhook was signed with this secret.
func (r *receiver) verified(t *testing.T, secret string) bool {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.NotEmpty(t, r.got)
	s, err := webhook.ParseSecrets(secret)
	require.NoError(t, err)
	return s.Verify(r.got[len(r.got)-1], r.bodies[len(r.bodies)-1], time.Now()) == nil
}

// An operator's night with the running service, from the command line alone.
func TestWebhook_AnOperatorsNight(t *testing.T) {
	t.Parallel()
	market := newReceiver(t, http.StatusServiceUnavailable)
	all := prepared(t)
	all["MARKETPLACE_BASE_URL"], all["POLL_INTERVAL"] = market.URL, "50ms"
	do := func(args ...string) string {
		out, err := run(t, all, append([]string{"webhook"}, args...)...)
		require.NoError(t, err, "%v: %s", args, out)
		return out
	}
	fails := func(says string, args ...string) {
		out, err := run(t, all, append([]string{"webhook"}, args...)...)
		require.ErrorContains(t, err, says, "%v: %s", args, out)
	}
	fails("is the service running", "send-test", "--wait", "200ms")
	service := mustServe(t, all)

	// Does the way work?
	fails("answered 503: so it says", "send-test")
	market.status.Store(http.StatusOK)
	require.Contains(t, do("send-test"), "answered 200")
	require.True(t, market.verified(t, all["WEBHOOK_SECRET"]))

	// Where is the webhook of the payment?
	list := func(args ...string) []api.WebhookDelivery {
		var rows []api.WebhookDelivery
		require.NoError(t, json.Unmarshal([]byte(do(append([]string{"list", "--json"}, args...)...)), &rows))
		return rows
	}
	rows := list("--offer", "7")
	require.Len(t, rows, 1)
	show := do("show", rows[0].ID)
	require.Contains(t, show, "payment.completed of offer 7")
	require.Contains(t, show, `"pendingId":"`+string(paidID)+`"`, "the body is shown")
	before := len(list("--offer", "7")[0].Attempts)
	require.Contains(t, do("replay", rows[0].ID), "is due")
	require.Eventually(t, func() bool {
		now := list("--offer", "7")[0]
		return now.State == "delivered" && len(now.Attempts) > before
	}, time.Minute, 50*time.Millisecond)
	fails("say which", "replay")
	fails("no state", "replay", "--since", "1h", "--state", "lost")
	fails("no webhook", "replay", "01KAR0000000000000000000WW")
	require.Contains(t, do("replay", "--since", "2026-11-23", "--state", "delivered", "--offer", "7"), "1 webhooks are due")

	// Who gets them? One more, who is on this machine, which is not allowed unless it is named.
	other := newReceiver(t, http.StatusOK)
	fails("url cannot be used", "endpoint", "add", other.URL)
	added := strings.Fields(do("endpoint", "add", "https://analytics.example/hook", "--type", "payment.failed", "--description", "analytics"))
	id, secret := added[0], added[1]
	require.Regexp(t, "^whsec_", secret)
	table := do("endpoint", "list")
	require.Contains(t, table, id)
	require.Contains(t, table, "payment.failed")
	require.NotContains(t, table, "whsec_")
	do("endpoint", "disable", id)
	require.Contains(t, do("endpoint", "list"), "an operator disabled it")
	fails("is disabled", "send-test", "--endpoint", id)
	do("endpoint", "enable", id)
	do("endpoint", "remove", id)
	fails("no webhook endpoint", "endpoint", "remove", id)
	fails("cannot be removed", "endpoint", "remove", "marketplace")

	// The secret is replaced: whoever has either verifies, and then only whoever has the new one.
	made := regexp.MustCompile(`whsec_\S+`).FindString(do("secret", "rotate"))
	require.Eventually(t, func() bool {
		do("send-test")
		return market.verified(t, made) && market.verified(t, all["WEBHOOK_SECRET"])
	}, time.Minute, 100*time.Millisecond)
	secrets := do("secret", "list")
	require.Contains(t, secrets, "WEBHOOK_SECRET")
	require.Contains(t, secrets, "until ")
	leaked := regexp.MustCompile(`whsec_\S+`).FindString(do("secret", "rotate", "--overlap", "0s"))
	require.Eventually(t, func() bool {
		do("send-test")
		return market.verified(t, leaked) && !market.verified(t, made) && !market.verified(t, all["WEBHOOK_SECRET"])
	}, time.Minute, 100*time.Millisecond)
	require.Contains(t, do("secret", "list"), "no more, since")
	fails("overlap", "secret", "rotate", "--overlap", "10000h")
	fails("no webhook endpoint", "secret", "rotate", "--endpoint", "nobody")

	require.NoError(t, service.stop())
	again := mustServe(t, all)
	require.Contains(t, again.lines.String(), "WEBHOOK_SECRET still names a secret that was replaced")
	for _, text := range []string{service.lines.String(), again.lines.String()} {
		for _, secret := range []string{made, leaked, all["WEBHOOK_SECRET"], secret} {
			require.NotContains(t, text, strings.TrimPrefix(secret, "whsec_"))
		}
	}
}
