package systemtest

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// One click leaves the same id in the logs of both services, and so does a webhook. A wallet is not told it.
func TestRequestID_FollowsAPaymentThroughTheLogs(t *testing.T) {
	t.Parallel()
	if there != nil {
		t.Skip("NOT TESTED on this stack: the logs that are read are files of a stack of its own")
	}
	w := newWorld(t, "sqlite", env{
		stack.Payments: {"LOG_FORMAT": "json"}, stack.Marketplace: {"LOG_FORMAT": "json"}, stack.Sandbox: {"SANDBOX_LOG_FORMAT": "json"},
	})
	a := w.start(t, "19.99 MXN", "/buyer-mxn")
	a.open(t, a.decide(t, person.Approve))
	a.complete(t)

	click := line(t, w.Marketplace, "request", "route", "/jobs/:job_id/pay", "method", "POST")
	require.NotEmpty(t, click["request_id"])
	started := line(t, w.Payments, "request", "route", "/offers/:offerId/quotes/start")
	require.Equal(t, click["request_id"], started["request_id"])
	moved := line(t, w.Payments, "payment moved", "pending_id", a.pendingID, "to", "awaiting_approval")
	require.Equal(t, click["request_id"], moved["request_id"], "from the payment's id to the click")
	asked := line(t, w.Payments, "wallet call", "pending_id", a.pendingID, "method", "POST")
	require.Equal(t, click["request_id"], asked["request_id"])

	var delivered, received map[string]any
	eventually(t, "the webhook has arrived", func() bool {
		sent, got := lines(t, w.Payments, "[webhook] delivered", "pending_id", a.pendingID), lines(t, w.Marketplace, "[webhook] received", "pending_id", a.pendingID)
		if len(sent) == 0 || len(got) == 0 {
			return false
		}
		delivered, received = sent[0], got[0]
		return true
	})
	require.NotEmpty(t, delivered["request_id"])
	require.NotEqual(t, click["request_id"], delivered["request_id"], "it is a worker's, later")
	require.Equal(t, delivered["request_id"], received["request_id"])

	for _, answered := range lines(t, w.Sandbox, "request") {
		require.NotEqual(t, click["request_id"], answered["request_id"], "a wallet is a stranger")
	}
}

// line is the first one of a program's log with that message and those attributes.
func line(t *testing.T, p *stack.Program, message string, attrs ...string) map[string]any {
	t.Helper()
	all := lines(t, p, message, attrs...)
	require.NotEmpty(t, all, "the log of %s has no line %q with %v", p.Name, message, attrs)
	return all[0]
}

// lines are all of them.
func lines(t *testing.T, p *stack.Program, message string, attrs ...string) []map[string]any {
	t.Helper()
	content, err := os.ReadFile(p.Log)
	require.NoError(t, err)
	var all []map[string]any
next:
	for text := range bytes.Lines(content) {
		var l map[string]any
		if json.Unmarshal(text, &l) != nil || l["msg"] != message { // half a line, at the end
			continue
		}
		for i := 0; i < len(attrs); i += 2 {
			if l[attrs[i]] != attrs[i+1] {
				continue next
			}
		}
		all = append(all, l)
	}
	return all
}
