package systemtest

import (
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/api"
	"tianguis.example/payments/webhook"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// guide is a document whose snippets are a marketplace of somebody else's.
type guide struct {
	name string
	// make turns the folder with the snippets into programs: the first serves.
	make func(t *testing.T, folder string, env map[string]string) [][]string
}

var guides = []guide{
	{"go", func(t *testing.T, folder string, _ map[string]string) [][]string {
		t.Helper()
		mod, err := os.ReadFile(filepath.Join(folder, "go.mod"))
		require.NoError(t, err)
		require.Contains(t, string(mod), "=> ../tianguis/")
		require.NoError(t, os.WriteFile(filepath.Join(folder, "go.mod"), []byte(strings.ReplaceAll(string(mod), "=> ../tianguis/", "=> "+root+"/")), 0o600))
		outside := map[string]string{"GOWORK": "off", "GOFLAGS": "-mod=mod"}
		execute(t, folder, outside, "go", "vet", ".")
		execute(t, folder, outside, "go", "build", "-o", "shop", ".")
		return [][]string{{filepath.Join(folder, "shop")}}
	}},
	{"node", func(t *testing.T, folder string, _ map[string]string) [][]string {
		t.Helper()
		lock, err := os.ReadFile(filepath.Join(root, "deploy", "stack", "systemtest", "standardwebhooks", "package-lock.json"))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, "package-lock.json"), lock, 0o600))
		node := need(t, "node")
		execute(t, folder, nil, need(t, "npm"), "ci", "--prefer-offline", "--no-progress") // it fails for another version than the locked one
		return [][]string{{node, filepath.Join(folder, "main.js")}}
	}},
	{"django", func(t *testing.T, folder string, env map[string]string) [][]string {
		t.Helper()
		python := withDjango(t)
		manage := filepath.Join(folder, "manage.py")
		env["DJANGO_SECRET_KEY"] = "of-this-test"
		for _, arguments := range [][]string{
			{"makemigrations", "shop"},
			{"migrate"},
			{"shell", "-c", "import os\nfrom shop.models import Order\nfor _ in range(3): Order.objects.create(amount='19.99', seller_wallet=os.environ['SELLER_WALLET'])"},
		} {
			execute(t, folder, env, python, append([]string{manage}, arguments...)...)
		}
		return [][]string{{python, manage, "runserver", "--noreload", env["LISTEN"]}, {python, manage, "ask_payments"}}
	}},
}

// withDjango is a Python that has Django: Debian's, where it is its package python3-django.
func withDjango(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), python, "-c", "import django").Run() == nil {
			return python
		}
	}
	missing(t, "no Python here has Django")
	return ""
}

// snippet is a block of code that says which file it is.
var snippet = regexp.MustCompile("(?ms)^```\\S+ title=(\\S+)\n(.*?)^```$")

// TestGuides runs what the guides tell others to write, as it stands there, against the payments service and the wallet.
func TestGuides(t *testing.T) {
	t.Parallel()
	if there != nil {
		t.Skip("NOT TESTED on this stack: a guide's marketplace takes the place of ours")
	}
	for _, g := range guides {
		t.Run(g.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			text, err := os.ReadFile(filepath.Join(root, "docs", "guides", g.name+".md"))
			require.NoError(t, err)
			for _, found := range snippet.FindAllStringSubmatch(string(text), -1) {
				file := filepath.Join(folder, found[1])
				require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
				require.NoError(t, os.WriteFile(file, []byte(found[2]), 0o600))
			}
			port, err := stack.FreePort(t.Context())
			require.NoError(t, err)
			address := "http://localhost:" + strconv.Itoa(port)
			w := newWorld(t, "sqlite", env{stack.Payments: {"MARKETPLACE_BASE_URL": address, "BASE_URL": address, "POLL_INTERVAL": "100ms", "WEBHOOK_RETRY_SCHEDULE": "1s,1s,1s"}})
			key, err := stack.ReadSecret(w.Secrets.APIKey)
			require.NoError(t, err)
			secret, err := stack.ReadSecret(w.Secrets.WebhookSecret)
			require.NoError(t, err)
			env := map[string]string{
				"PAYMENTS_URL": w.Payments.Address, "PAYMENTS_API_KEY": key, "WEBHOOK_SECRET": secret, "SELLER_WALLET": w.Sandbox.Address + stack.WorkerWallet,
				"LISTEN": "127.0.0.1:" + strconv.Itoa(port), "PORT": strconv.Itoa(port),
			}
			for i, command := range g.make(t, folder, env) {
				p := &stack.Program{
					Name: g.name, Binary: command[0], Arguments: command[1:], Env: env, Address: address, Health: "/orders/1",
					Log: filepath.Join(folder, "log"+strconv.Itoa(i)),
				}
				require.NoError(t, p.Start(t.Context()))
				t.Cleanup(func() {
					p.Kill()
					if t.Failed() {
						t.Logf("the end of its log:\n%s", stack.Tail(p.Log, 30))
					}
				})
			}
			sells(t, w, customer{address, person.NewBrowser()}, secret)
		})
	}
}

// customer is somebody who buys at the marketplace of a guide.
type customer struct {
	address string
	browser *person.Browser
}

// order shows an order, and says how it stands.
func (c customer) order(t *testing.T, id string) (page *person.Page, state string, history []string) {
	t.Helper()
	page, err := c.browser.Open(t.Context(), c.address+"/orders/"+id)
	require.NoError(t, err)
	for _, line := range page.Document.Find("ol li").EachIter() {
		history = append(history, strings.TrimSpace(line.Text()))
	}
	return page, page.Text("#state"), history
}

// asks begins to pay an order, and returns the wallet's page.
func (c customer) asks(t *testing.T, id, wallet string) *person.Page {
	t.Helper()
	page, _, _ := c.order(t, id)
	page, err := page.Click(t.Context(), "form#pay button", url.Values{"wallet": {wallet}})
	require.NoError(t, err)
	return page
}

// sells lets customers buy, say no, mistype and be cut off, and strangers try.
func sells(t *testing.T, w *world, c customer, secret string) {
	t.Helper()
	decide := func(consent *person.Page, decision string) *person.Page {
		page, err := consent.Click(t.Context(), decision, nil)
		require.NoError(t, err)
		return page
	}
	buyer := w.Sandbox.Address + "/buyer-mxn"
	latest := func(id string) api.Payment {
		all, err := w.payments.OfferPayments(t.Context(), id)
		require.NoError(t, err)
		return all.Payments[len(all.Payments)-1]
	}

	// A slip of the pen, then a no, then a yes.
	page := c.asks(t, "1", w.Sandbox.Address+"/nobody-has-this")
	require.Equal(t, http.StatusUnprocessableEntity, page.Status)
	require.Contains(t, page.Text("body"), "wallet address is not known")
	page = decide(c.asks(t, "1", buyer), person.Decline)
	require.Equal(t, "/orders/1", page.URL.Path, page.Text("body"))
	_, state, history := c.order(t, "1")
	require.Equal(t, "open", state)
	require.Equal(t, []string{"failed: rejected"}, history)
	eventually(t, "the failure is delivered", func() bool { return w.delivered(t, latest("1").PendingID) })
	page = decide(c.asks(t, "1", buyer), person.Approve)
	require.Equal(t, "/orders/1", page.URL.Path, page.Text("body"))
	eventually(t, "the order is paid", func() bool { _, state, _ := c.order(t, "1"); return state == "paid" })
	paid := latest("1")
	eventually(t, "the webhook is delivered", func() bool { return w.delivered(t, paid.PendingID) })

	// What came once changes nothing the second time, and what is forged nothing at all.
	deliveries, err := w.payments.WebhookDeliveries(t.Context(), api.FindWebhookDeliveries{PendingID: paid.PendingID})
	require.NoError(t, err)
	require.Len(t, deliveries.Deliveries, 1)
	_, err = w.payments.ReplayWebhook(t.Context(), deliveries.Deliveries[0].ID)
	require.NoError(t, err)
	eventually(t, "it is delivered again", func() bool {
		d, err := w.payments.WebhookDelivery(t.Context(), deliveries.Deliveries[0].ID)
		require.NoError(t, err)
		return d.State == "delivered" && len(d.Attempts) == 2
	})
	consent := c.asks(t, "2", buyer)
	require.Equal(t, 1, consent.Document.Find(person.Approve).Length(), consent.Text("body"))
	open := latest("2")
	forged := `{"type":"payment.completed","pendingId":"` + open.PendingID + `","offerId":"2","status":"paid","outgoingPaymentId":"","timestamp":"2026-11-25T12:00:00Z"}`
	for who, secret := range map[string]string{"nobody": "", "a stranger": webhook.GenerateSecret()} {
		got := ask(t, http.MethodPost, c.address+webhook.Path, forged, signedBy(t, secret, forged))
		require.Equal(t, http.StatusUnauthorized, got.status, "signed by %s: %s", who, got.body)
	}
	garbage := ask(t, http.MethodPost, c.address+webhook.Path, `{"type":`, signedBy(t, secret, `{"type":`))
	require.Equal(t, http.StatusBadRequest, garbage.status, garbage.body)
	ping := ask(t, http.MethodPost, c.address+webhook.Path, `{"type":"ping","timestamp":"2026-11-25T12:00:00Z"}`, signedBy(t, secret, `{"type":"ping","timestamp":"2026-11-25T12:00:00Z"}`))
	require.Equal(t, http.StatusOK, ping.status, ping.body)
	elses := strings.Replace(forged, open.PendingID, "01ARZ3NDEKTSV4RRFFQ69G5FAV", 1)
	unknown := ask(t, http.MethodPost, c.address+webhook.Path, elses, signedBy(t, secret, elses))
	require.Equal(t, http.StatusNotFound, unknown.status, unknown.body)
	_, state, _ = c.order(t, "2")
	require.Equal(t, "paying", state)
	_, _, history = c.order(t, "1")
	require.Equal(t, []string{"failed: rejected", "paid"}, history)

	// The click again, as after an answer that was lost, is the same payment. A return of somebody else's does not call it off.
	consent = c.asks(t, "2", buyer)
	require.Equal(t, open.PendingID, latest("2").PendingID)
	stranger := customer{c.address, person.NewBrowser()}
	page, err = stranger.browser.Open(t.Context(), c.address+"/payments/finish?pendingId="+open.PendingID+"&result=grant_rejected")
	require.NoError(t, err)
	require.GreaterOrEqual(t, page.Status, 400)
	require.Equal(t, api.StatusPending, latest("2").Status)

	// Nothing comes: neither the buyer nor the webhook. The marketplace asks.
	disabled := false
	_, err = w.payments.ChangeWebhookEndpoint(t.Context(), "marketplace", api.ChangeWebhookEndpoint{Enabled: &disabled})
	require.NoError(t, err)
	lost, err := consent.ClickUntil(t.Context(), person.Approve, nil, c.address+"/")
	require.NoError(t, err)
	query := lost.Next.Query()
	_, err = w.payments.Finish(t.Context(), api.Finish{PendingID: query.Get("pendingId"), InteractRef: query.Get("interact_ref"), Hash: query.Get("hash")})
	require.NoError(t, err)
	eventually(t, "the order is paid, since it was asked for", func() bool { _, state, _ := c.order(t, "2"); return state == "paid" })
	enabled := true
	_, err = w.payments.ChangeWebhookEndpoint(t.Context(), "marketplace", api.ChangeWebhookEndpoint{Enabled: &enabled})
	require.NoError(t, err)
	eventually(t, "and the webhook comes in the end", func() bool { return w.delivered(t, open.PendingID) })
	_, _, history = c.order(t, "2")
	require.Equal(t, []string{"paid"}, history)
	require.Len(t, w.debits(t, "/buyer-mxn"), 2)
}

// signedBy are the headers of a webhook.
func signedBy(t *testing.T, secret, body string) map[string]string {
	t.Helper()
	if secret == "" {
		return nil
	}
	m := signedMessage{ID: "msg_forged", Timestamp: strconv.FormatInt(clock.System().Now().Unix(), 10), Body: body}
	return map[string]string{webhook.HeaderID: m.ID, webhook.HeaderTimestamp: m.Timestamp, webhook.HeaderSignature: goLibrary{}.sign(t, secret, m)}
}
