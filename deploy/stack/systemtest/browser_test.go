package systemtest

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
)

// TestBrowser is what people do in a real browser, and what they see. It looks at every page, and leaves pictures of all of them, as wide as
// a desk's and as a pocket's, in .tianguis/screenshots.
func TestBrowser(t *testing.T) {
	t.Parallel()
	w := newTown(t, newChromium(t))
	tests := map[string]func(t *testing.T){
		"a life in English":         func(t *testing.T) { w.lives(t, "en", desk, false) },
		"a life in Spanish":         func(t *testing.T) { w.lives(t, "es", pocket, false) },
		"a life without JavaScript": func(t *testing.T) { w.lives(t, "en", desk, true) },
		"what seldom happens":       w.oddities,
		"a bad page":                w.badPage,
		"files":                     w.files,
		"without mail":              w.withoutMail,
		"the payments' operator":    w.console,
	}
	var passed atomic.Int64
	t.Run("people", func(t *testing.T) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
				passed.Add(1)
			})
		}
	})
	if int(passed.Load()) < len(tests) {
		return // not all were to run, or one has failed; and so not all was seen
	}
	w.seen.everything(t)
}

// town is the world that all browsers share.
type town struct {
	*world
	*chromium

	paying sync.Mutex // held from an approval until the money has moved: the wallet moves all that is on its way at once
}

func newTown(t *testing.T, c *chromium) *town {
	t.Helper()
	w := newWorld(t, "sqlite", env{
		stack.Sandbox:  {"SANDBOX_SETTLE_DELAY": "1h"}, // it moves when the test says so
		stack.Payments: {"FINISH_WAIT": "100ms", "POLL_INTERVAL": "100ms"},
		stack.Marketplace: {
			"MAIL_DELIVERY": "page", "MESSAGES_POLL_INTERVAL": "100ms",
			"WEBHOOK_ALLOW_UNSIGNED": "true", // for money that nobody waits for
		},
	})
	return &town{world: w, chromium: c}
}

// oddities are the pages that a life does not come to.
func (w *town) oddities(t *testing.T) {
	b := w.person(t, "odd", desk, false)
	market := w.Marketplace.Address
	b.do(open(market+"/payments/finish?pendingId=test-123&interact_ref=abc&hash=xyz"), see("#finish"))
	b.page("no-such-payment")
	b.do(open(market), fill("#email", funder), fill("#password", password), press("form#login button"), see("li[data-job]"))
	b.pageByNight("jobs")
	b.do(open(market+"/jobs/999999"), see("#error"))
	b.page("no-such-job")
	b.do(open(w.Sandbox.Address), see("h1"))
	b.pageByNight("sandbox")
	b.do(open(w.Sandbox.Address+"/consent"), see("h1"))
	b.page("sandbox-no-such-request")

	// Money for a canceled job: its funder is told, and so is the operator.
	canceled := strings.Replace(documentedWebhook, `"offerId": "1"`, `"offerId": "7"`, 1)
	got := ask(t, http.MethodPost, market+"/api/webhooks/payments", canceled, map[string]string{"Content-Type": "application/json"})
	require.JSONEq(t, `{"success":true,"message":"Payment confirmed","job_id":7,"job_status":"canceled"}`, got.body)
	b.do(open(market), see(`#ended li[data-job="7"] .job-odd`))
	b.page("jobs-paid-out-of-turn")
	b.do(press(`li[data-job="7"] a`), see(`#odd [data-odd="paid_out_of_turn"]`))
	b.pageByNight("paid-out-of-turn")
	b.do(open(market+"/jobs/8"), see(`[data-job-state="expired"]`))
	b.page("expired")
	w.operate(w.person(t, "operator", desk, false))
	w.operate(w.person(t, "operator-plain", desk, true))
}

// operate is an operator's look at everything. What is done to a person is undone, so that it can be done again.
func (w *town) operate(b *browser) {
	market := w.Marketplace.Address
	b.do(open(market), fill("#email", operator), fill("#password", password), press("form#login button"), press("a#to-operator"))
	b.do(see("#unsigned"), see(`#news li[data-job="7"]`))
	b.pageByNight("overview")
	if b.has("#odd details") {
		b.do(click("#odd summary"), press("#odd form button"), see("#reason-error"))
		b.page("looked-into-wrong")
		if b.withoutScripts {
			b.do(fill("#odd textarea", "The funder and the worker agree."), press("#odd form button"), see(`[data-flash="looked_into"]`))
		}
	}
	b.do(press(`.sections a[href="/operator/people"]`), see("li[data-person]"))
	b.pageByNight("people")
	b.do(fill("#q", "xyzzy"), press("form#find button"), see("#nothing-found"))
	b.page("nobody-found")
	b.do(fill("#q", worker), press("form#find button"), press("li[data-person] a"), see("#person"))
	b.pageByNight("person")
	for _, act := range []string{"sign-out", "make-operator", "remove-operator", "disable", "enable"} {
		b.do(press("a#"+act), see("form#act"))
		if act == "disable" {
			b.do(press("form#act button"), see("#reason-error"))
			b.page("disable-wrong")
		} else {
			b.page(act)
		}
		b.do(fill("#reason", "To see what it does."), press("form#act button"), see(`[data-flash="person_`+act+`"]`))
	}
	b.do(press(`.back a`), press(`.sections a[href="/operator/jobs"]`), see("li[data-job]"))
	b.page("jobs")
	b.do(press(`.sections a[href="/operator/payments"]`), see("#found"))
	b.page("payments")
	b.do(press(`.sections a[href="/operator/actions"]`), see(`li[data-action]`))
	b.pageByNight("actions")
}

// withoutMail makes an account and a profile at a marketplace that sends none. The focus goes to the first field that is wrong.
func (c *chromium) withoutMail(t *testing.T) {
	w := newWorld(t, "sqlite", nil)
	b := c.person(t, "no-mail", desk, false)
	focused := func(id string) {
		t.Helper()
		eventually(t, "the focus is on "+id, func() bool {
			at, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.activeElement.id`))
			return err == nil && at == id
		})
	}
	const email, secret = "zoe@example.com", "four stalls and a parrot"

	b.do(open(w.Marketplace.Address+"/signup"), see("form#signup"))
	b.page("sign-up")
	b.do(fill("#name", "Zoé Pérez"), fill("#email", "zoe"), fill("#password", "short"), press("form#signup button"), see("#email-error"))
	focused("email")
	b.page("sign-up-wrong")
	b.do(fill("#email", email), fill("#password", secret), click("#role-worker"), fill("#wallet_address", w.Sandbox.Address+"/nobody"), press("form#signup button"), see("#wallet-error"))
	focused("wallet_address")
	b.do(fill("#password", secret), fill("#wallet_address", w.Sandbox.Address+stack.WorkerWallet), press("form#signup button"), see(`[data-flash="account_made"]`))
	b.page("account-made")
	b.do(fill("#email", email), fill("#password", secret), press("form#login button"), see("[data-user]"), press("a[data-user]"), see("form#profile"))
	b.page("profile")
	b.do(fill("#wallet_address", w.Sandbox.Address+stack.FunderWallet), press("#look"), see("#wallet-looked"))
	focused("wallet-password")
	b.page("wallet-looked-at")
	b.do(fill("#wallet-password", "not this one"), press(`form#wallet button[value="save"]`), see("#wallet-password-error"))
	focused("wallet-password")
	b.page("wallet-wrong-password")
	b.do(fill("#wallet-password", secret), press(`form#wallet button[value="save"]`), see(`[data-flash="wallet_saved"]`))
	b.do(open(w.Marketplace.Address+"/language/es?next=/profile"), see("form#profile"))
	b.page("profile-es")
	b.do(press("form#end-all button"), see(`[data-flash="signed_out"]`), press(`a[href="/forgot"]`), see("#ask-the-operator"))
	b.page("forgot")
	b.do(open(w.Marketplace.Address+"/reset?token=x"), see("#dead-link"))
	b.page("dead-link")

	// The payments service is away when a funder comes back from the wallet: the page tries again by itself.
	b.do(open(w.Marketplace.Address), fill("#email", funder), fill("#password", password), press("form#login button"))
	b.do(open(w.Marketplace.Address+"/jobs/1/pay"), press("form#pay button"), press("a#to-wallet"), see("button#decline"))
	require.NoError(t, w.Payments.Stop())
	b.do(press("button#decline"), see(`#finish[data-ending="unreachable"]`))
	b.do(chromedp.Evaluate[chromedp.Void](`for (let timer = 0; timer < 1000; timer++) clearTimeout(timer)`)) // not while it is looked at
	b.page("unreachable")
	b.do(chromedp.Reload())
	require.NoError(t, w.Payments.Start(t.Context()))
	b.do(see(`[data-flash="declined"]`))
}

// console looks for a webhook, as an operator of the payments service does.
func (c *chromium) console(t *testing.T) {
	w := newWorld(t, "sqlite", nil)
	b := c.person(t, "console", desk, false)
	key, err := stack.ReadSecret(w.Secrets.APIKey)
	require.NoError(t, err)

	door := strings.Replace(w.Payments.Address, "http://", "http://"+url.UserPassword("operator", key).String()+"@", 1) // as if typed into the browser's question
	b.do(open(door+"/operator"), see("#attention"))
	b.pageByNight("overview-empty")
	b.do(press(`nav a[href="/operator/webhooks"]`), see("#empty"))
	b.pageByNight("no-webhook")
	b.do(press(`nav a[href="/operator/endpoints"]`), see(`[data-endpoint="marketplace"] [data-act="ping"]`))
	b.pageByNight("endpoints")
	b.do(press(`[data-endpoint="marketplace"] [data-act="ping"]`))
	b.reloadUntil(`#webhook [data-state="delivered"]`)
	b.do(see(`[data-attempt="1"] .answer-good`))
	b.pageByNight("ping-delivered")
	b.do(press(`#replay button`), see(`[data-flash="replayed"]`))
	b.do(press(`nav a[href="/operator/endpoints"]`), press(`[data-act="disable"]`), see(`[data-flash="disabled"]`), see(`[data-warning="disabled"]`))
	b.pageByNight("disabled")
	b.do(press(`[data-act="enable"]`), see(`[data-flash="enabled"]`))
	b.do(press(`nav a[href="/operator/webhooks"]`), see(`tr[data-webhook]`))
	b.pageByNight("log")
	b.do(open(w.Payments.Address+"/operator/webhooks?state=delivered&endpoint=marketplace"), see("#replay-all"))
	b.pageByNight("replay")
	b.do(press("#replay-all button"), see(`[data-flash="replayed"]`))
	b.do(open(w.Payments.Address+"/operator/webhooks?since=yesterday"), see("#wrong-since"))
	b.pageByNight("wrong-filter")
	b.do(open(w.Payments.Address+"/operator/webhooks/none"), see("h1"))
	b.page("no-such-webhook")
	operatorsMoney(t, b, w)
}

// operatorsMoney looks for a payment, compares it with the wallets, has all of them compared and the audit trail verified, and reads what was done.
func operatorsMoney(t *testing.T, b *browser, w *world) {
	t.Helper()
	paid, err := w.payments.Finish(t.Context(), w.startOffer(t, "another-marketplace-7", "/buyer-mxn"))
	require.NoError(t, err)
	w.ended(t, paid.PendingID)
	b.do(press(`nav a[href="/operator"]`), see(`[data-figure="paid today"][data-count="1"]`))
	b.pageByNight("overview")
	b.do(press(`[data-figure="paid today"]`), see("tr[data-payment]"))
	b.page("payments")
	b.do(press("tr[data-payment] a"), see(`#payment[data-payment="`+paid.PendingID+`"]`), see("#holds"))
	b.pageByNight("payment")
	b.do(press(`[data-act="compare"]`), see("#compared"))
	b.page("payment-compared")
	b.do(press(`nav a[href="/operator/reconciliation"]`), press(`[data-act="run"]`), see(`[data-flash="asked"]`))
	b.reloadUntil(`#run`)
	b.pageByNight("reconciliation")
	b.do(press(`nav a[href="/operator/audit"]`), press(`[data-act="verify"]`))
	b.reloadUntil("#run #holds")
	b.pageByNight("audit")
	b.do(press(`nav a[href="/operator/actions"]`), see(`tr[data-action="audit_verify"]`), see(`tr[data-action="endpoint_disable"]`))
	b.page("actions")
	b.do(open(w.Payments.Address+"/operator/payments?id=ILO"), see("#wrong-id"))
	b.page("payments-wrong-filter")
}
