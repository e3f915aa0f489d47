package systemtest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/openapi/openapitest"
	"tianguis.example/payments/api"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// TestOfficialLibraries lets the official Standard Webhooks libraries, as they are published, verify what a running payments service sends,
// and sign what a running marketplace believes. Nothing of ours makes or checks a signature here.
func TestOfficialLibraries(t *testing.T) {
	t.Parallel()
	libraries := map[string]library{"Go": goLibrary{}, "JavaScript": newNodeLibrary(t)}
	receiver := newWebhookReceiver(t)
	w := newWorld(t, "sqlite", env{stack.Payments: {"WEBHOOK_ALLOW_HOSTS": receiver.Listener.Addr().String(), "POLL_INTERVAL": "100ms"}})
	receiver.document.Store(documentOf(t, w.Payments.Address))
	added, err := w.payments.AddWebhookEndpoint(t.Context(), api.AddWebhookEndpoint{URL: receiver.URL})
	require.NoError(t, err)
	stranger := "whsec_" + strings.Repeat("c3RyYW5nZXI", 4)

	a := w.start(t, "19.99 MXN", "/buyer-mxn")
	a.open(t, a.decide(t, person.Approve))
	a.complete(t)
	completed := receiver.next(t)
	require.Contains(t, completed.Body, a.pendingID)
	for name, l := range libraries {
		t.Run(name+" verifies", func(t *testing.T) {
			require.Empty(t, l.verify(t, added.Secret, completed))
			require.NotEmpty(t, l.verify(t, stranger, completed), "by a stranger's secret")
			for what, m := range completed.tampered() {
				require.NotEmpty(t, l.verify(t, added.Secret, m), what)
			}
		})
	}

	t.Run("both secrets verify while one replaces the other", func(t *testing.T) {
		rotated, err := w.payments.RotateWebhookSecret(t.Context(), added.ID, api.RotateWebhookSecret{})
		require.NoError(t, err)
		var ping signedMessage
		eventually(t, "the new secret signs", func() bool {
			_, err := w.payments.PingWebhookEndpoint(t.Context(), added.ID)
			require.NoError(t, err)
			ping = receiver.next(t)
			return libraries["Go"].verify(t, rotated.Secret, ping) == ""
		})
		for name, l := range libraries {
			require.Empty(t, l.verify(t, added.Secret, ping), "%s, with the old secret", name)
			require.Empty(t, l.verify(t, rotated.Secret, ping), "%s, with the new secret", name)
			require.NotEmpty(t, l.verify(t, stranger, ping), name)
		}
	})

	shared, err := stack.ReadSecret(w.Secrets.WebhookSecret)
	require.NoError(t, err)
	for name, l := range libraries {
		t.Run(name+" signs", func(t *testing.T) {
			a := w.start(t, "100.00 MXN", "/buyer-mxn")
			m := signedMessage{
				ID: "msg_" + a.pendingID, Timestamp: strconv.FormatInt(clock.System().Now().Unix(), 10),
				Body: `{"type":"payment.completed","pendingId":"` + a.pendingID + `","offerId":"` + decimal(a.job) +
					`","status":"paid","outgoingPaymentId":"https://wallet.example/outgoing-payments/1","timestamp":"2026-11-25T12:00:00Z"}`,
			}
			m.Signature = l.sign(t, stranger, m)
			require.Equal(t, http.StatusUnauthorized, w.receive(t, m).status, "signed by a stranger")
			m.Signature = l.sign(t, shared, m)
			for what, altered := range m.tampered() {
				got := w.receive(t, altered)
				require.Equal(t, http.StatusUnauthorized, got.status, "%s: %s", what, got.body)
			}
			require.Equal(t, "reviewing", w.job(t, a.job).Status, "what was refused changed nothing")

			got := w.receive(t, m)
			require.Equal(t, http.StatusOK, got.status, got.body)
			require.JSONEq(t, `{"success":true,"message":"Payment confirmed","job_id":`+decimal(a.job)+`,"job_status":"complete"}`, got.body)
			require.Equal(t, "complete", w.job(t, a.job).Status)
		})
	}
}

// signedMessage is a webhook as it is on the wire.
type signedMessage struct {
	ID        string `json:"id"`
	Timestamp string `json:"timestamp"`
	Signature string `json:"signature"`
	Body      string `json:"body"`
}

// tampered are messages that nobody may believe, by what was done to them.
func (m signedMessage) tampered() map[string]signedMessage {
	alter := func(change func(*signedMessage)) signedMessage {
		altered := m
		change(&altered)
		return altered
	}
	seconds, _ := strconv.ParseInt(m.Timestamp, 10, 64)
	first, _, _ := strings.Cut(m.Signature, " ")
	_, encoded, _ := strings.Cut(first, ",")
	return map[string]signedMessage{
		"another body":                alter(func(m *signedMessage) { m.Body = strings.Replace(m.Body, "completed", "Completed", 1) }),
		"a space more in the body":    alter(func(m *signedMessage) { m.Body += " " }),
		"another id":                  alter(func(m *signedMessage) { m.ID += "0" }),
		"a second later":              alter(func(m *signedMessage) { m.Timestamp = strconv.FormatInt(seconds+1, 10) }),
		"an hour later":               alter(func(m *signedMessage) { m.Timestamp = strconv.FormatInt(seconds+3600, 10) }),
		"a truncated signature":       alter(func(m *signedMessage) { m.Signature = "v1," + encoded[:len(encoded)-4] }),
		"a signature without its end": alter(func(m *signedMessage) { m.Signature = "v1," + strings.TrimRight(encoded, "=") }),
		"a doubled signature":         alter(func(m *signedMessage) { m.Signature = "v1," + encoded + encoded }),
		"a signature of no version":   alter(func(m *signedMessage) { m.Signature = encoded }),
		"a signature of another kind": alter(func(m *signedMessage) { m.Signature = "v1a," + encoded }),
		"no signature":                alter(func(m *signedMessage) { m.Signature = "" }),
		"an empty signature":          alter(func(m *signedMessage) { m.Signature = "v1," }),
	}
}

// receive sends a message to the marketplace.
func (w *world) receive(t *testing.T, m signedMessage) answer {
	t.Helper()
	return ask(t, http.MethodPost, w.Marketplace.Address+"/api/webhooks/payments", m.Body, map[string]string{
		standardwebhooks.HeaderWebhookID: m.ID, standardwebhooks.HeaderWebhookTimestamp: m.Timestamp, standardwebhooks.HeaderWebhookSignature: m.Signature,
	})
}

// webhookReceiver takes every webhook, holds it against the document if it has one, and hands it on as it came.
type webhookReceiver struct {
	*httptest.Server
	came     chan signedMessage
	document atomic.Pointer[openapitest.Document]
}

func newWebhookReceiver(t *testing.T) *webhookReceiver {
	t.Helper()
	r := &webhookReceiver{came: make(chan signedMessage, 100)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if d := r.document.Load(); d != nil {
			assert.NoError(t, d.Webhook("payment", request, body))
		}
		r.came <- signedMessage{
			ID: request.Header.Get(standardwebhooks.HeaderWebhookID), Timestamp: request.Header.Get(standardwebhooks.HeaderWebhookTimestamp),
			Signature: request.Header.Get(standardwebhooks.HeaderWebhookSignature), Body: string(body),
		}
		_, _ = io.WriteString(w, `{"success":true}`)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *webhookReceiver) next(t *testing.T) signedMessage {
	t.Helper()
	select {
	case m := <-r.came:
		return m
	case <-time.After(patience):
		t.Fatal("no webhook came")
		return signedMessage{}
	}
}

// library is an official one.
type library interface {
	verify(t *testing.T, secret string, m signedMessage) (refusal string)
	sign(t *testing.T, secret string, m signedMessage) string
}

type goLibrary struct{}

func (goLibrary) verify(t *testing.T, secret string, m signedMessage) string {
	t.Helper()
	l, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	header := http.Header{}
	header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, m.Timestamp)
	header.Set(standardwebhooks.HeaderWebhookSignature, m.Signature)
	if err := l.Verify([]byte(m.Body), header); err != nil {
		return err.Error()
	}
	return ""
}

func (goLibrary) sign(t *testing.T, secret string, m signedMessage) string {
	t.Helper()
	l, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	seconds, err := strconv.ParseInt(m.Timestamp, 10, 64)
	require.NoError(t, err)
	signature, err := l.Sign(m.ID, time.Unix(seconds, 0), []byte(m.Body))
	require.NoError(t, err)
	return signature
}

type nodeLibrary struct{ node, folder string }

// newNodeLibrary installs the library that its package-lock.json names.
func newNodeLibrary(t *testing.T) nodeLibrary {
	t.Helper()
	l := nodeLibrary{need(t, "node"), filepath.Join(root, "deploy", "stack", "systemtest", "standardwebhooks")}
	execute(t, l.folder, nil, need(t, "npm"), "ci", "--prefer-offline", "--no-progress")
	return l
}

func (l nodeLibrary) ask(t *testing.T, act, secret string, m signedMessage) (said string) {
	t.Helper()
	question, err := json.Marshal(struct {
		Act    string `json:"act"`
		Secret string `json:"secret"`
		signedMessage
	}{act, secret, m})
	require.NoError(t, err)
	out := execute(t, l.folder, nil, l.node, "library.mjs", string(question))
	require.NoError(t, json.Unmarshal(out, &said), string(out))
	return said
}

func (l nodeLibrary) verify(t *testing.T, secret string, m signedMessage) string {
	t.Helper()
	return l.ask(t, "verify", secret, m)
}

func (l nodeLibrary) sign(t *testing.T, secret string, m signedMessage) string {
	t.Helper()
	return l.ask(t, "sign", secret, m)
}
