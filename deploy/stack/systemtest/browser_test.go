package systemtest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
)

// TestBrowser makes the main job by clicks in a real browser, with JavaScript on, and leaves a picture of
// each page, as wide as a desk's and as a pocket's, in .tianguis/screenshots.
func TestBrowser(t *testing.T) {
	t.Parallel()
	chromium := need(t, "chromium", "chromium-browser", "google-chrome", "chrome")
	w := newWorld(t, "sqlite", env{
		stack.Sandbox: {"SANDBOX_SETTLE_DELAY": "2s"}, stack.Payments: {"FINISH_WAIT": "300ms"}, stack.Marketplace: {"WEBHOOK_ALLOW_UNSIGNED": "true"},
	})
	b := newBrowser(t, chromium)

	b.do(open(w.Marketplace.Address), see("form#login"))
	b.picture("01-sign-in")
	b.do(fill("#email", funder), fill("#password", "not the password"), click("form#login button"), see("#login-error"))
	b.picture("02-sign-in-refused")
	b.do(fill("#email", funder), fill("#password", password), click("form#login button"), see("li[data-job]"))
	b.picture("03-jobs")
	b.do(click(`li[data-job="1"] a`), see("a#approve"))
	b.picture("04-job-in-review")
	b.do(click("a#approve"), see("form#pay"))
	b.picture("05-approve-and-pay")
	b.do(fill("#wallet_address", "http://localhost:1/nobody"), click("form#pay button"), see("#wallet-error, #pay-error"))
	b.picture("06-no-such-wallet")
	b.do(fill("#wallet_address", w.Sandbox.Address+stack.FunderWallet), click("form#pay button"), see("a#to-wallet"))
	b.picture("07-before-the-wallet")
	b.do(click("a#to-wallet"), see("button#approve"))
	b.picture("07-consent")
	b.do(click("button#decline"), see(`[data-flash="declined"]`))
	b.picture("08-declined")
	b.do(click("a#approve"), see("form#pay"), click("form#pay button"), see("a#to-wallet"), click("a#to-wallet"), see("button#approve"), click("button#approve"))
	b.do(see(`#payment[data-payment="confirming"]`))
	b.picture("09-confirming")
	// The page's own script shows the end, without anybody loading it again.
	b.do(see(`#payment[data-payment="paid"]`), see(`.job-head [data-job-state="complete"]`))
	b.picture("10-paid")
	b.do(open(w.Marketplace.Address+"/payments/finish?pendingId=test-123&interact_ref=abc&hash=xyz"), see("#finish"))
	b.picture("11-no-such-payment")
	b.do(open(w.Marketplace.Address+"/jobs/999999"), see("main h1"))
	b.picture("12-no-such-job")
	b.do(open(w.Sandbox.Address), see("h1"))
	b.picture("13-sandbox")
	require.Len(t, w.debits(t, stack.FunderWallet), 1)

	// Money for a canceled job: its funder is told, and so is the operator.
	canceled := strings.Replace(documentedWebhook, `"offerId": "1"`, `"offerId": "7"`, 1)
	got := ask(t, http.MethodPost, w.Marketplace.Address+"/api/webhooks/payments", canceled, map[string]string{"Content-Type": "application/json"})
	require.JSONEq(t, `{"success":true,"message":"Payment confirmed","job_id":7,"job_status":"canceled"}`, got.body)
	b.do(open(w.Marketplace.Address), see(`#ended li[data-job="7"] .job-odd`))
	b.picture("14-jobs-paid-out-of-turn")
	b.do(click(`li[data-job="7"] a`), see(`#odd [data-odd="paid_out_of_turn"]`))
	b.picture("15-paid-out-of-turn")
	b.do(click("form#logout button"), see("form#login"))
	b.do(fill("#email", operator), fill("#password", password), click("form#login button"), click("a#to-operator"))
	b.do(see("#unsigned"), see(`#odd li[data-job="7"]`), see(`#news li[data-job="1"]`))
	b.picture("16-operator")
	b.do(click(`#odd li[data-job="7"] a`), see(`#odd [data-odd="paid_out_of_turn"]`))
}

// TestBrowser_Operator looks for a webhook by clicks, as an operator does, in the colours of day and night.
func TestBrowser_Operator(t *testing.T) {
	t.Parallel()
	chromium := need(t, "chromium", "chromium-browser", "google-chrome", "chrome")
	w := newWorld(t, "sqlite", nil)
	b := newBrowser(t, chromium)
	key, err := stack.ReadSecret(w.Secrets.APIKey)
	require.NoError(t, err)

	door := strings.Replace(w.Payments.Address, "http://", "http://"+url.UserPassword("operator", key).String()+"@", 1) // as if typed into the browser's question
	b.do(open(door+"/operator"), see("#attention"))
	b.pictures("20-operator-overview-empty")
	b.do(click(`nav a[href="/operator/webhooks"]`), see("#empty"))
	b.pictures("20-operator-no-webhook")
	b.do(click(`nav a[href="/operator/endpoints"]`), see(`[data-endpoint="marketplace"] [data-act="ping"]`))
	b.pictures("21-operator-endpoints")
	b.do(click(`[data-endpoint="marketplace"] [data-act="ping"]`), see(`#webhook [data-state="delivered"]`), see(`[data-attempt="1"] .answer-good`))
	b.pictures("22-operator-ping-delivered")
	b.do(click(`#replay button`), see(`[data-flash="replayed"]`))
	b.do(click(`nav a[href="/operator/endpoints"]`), click(`[data-act="disable"]`), see(`[data-flash="disabled"]`), see(`[data-warning="disabled"]`))
	b.pictures("23-operator-disabled")
	b.do(click(`[data-act="enable"]`), see(`[data-flash="enabled"]`))
	b.do(click(`nav a[href="/operator/webhooks"]`), see(`tr[data-webhook]`))
	b.pictures("24-operator-log")
	b.do(open(w.Payments.Address+"/operator/webhooks?state=delivered&endpoint=marketplace"), see("#replay-all"))
	b.pictures("25-operator-replay")
	b.do(click("#replay-all button"), see(`[data-flash="replayed"]`))
	b.do(open(w.Payments.Address+"/operator/webhooks?since=yesterday"), see("#wrong-since"))
	b.pictures("26-operator-wrong-filter")
	operatorsMoney(t, b, w)
}

// operatorsMoney looks for a payment, compares it with the wallets, has all of them compared and the audit trail verified, and reads what was done.
func operatorsMoney(t *testing.T, b *browser, w *world) {
	t.Helper()
	paid, err := w.payments.Finish(t.Context(), w.startOffer(t, "another-marketplace-7", "/buyer-mxn"))
	require.NoError(t, err)
	w.ended(t, paid.PendingID)
	b.do(click(`nav a[href="/operator"]`), see(`[data-figure="paid today"][data-count="1"]`))
	b.pictures("27-operator-overview")
	b.do(click(`[data-figure="paid today"]`), see("tr[data-payment]"))
	b.pictures("28-operator-payments")
	b.do(click("tr[data-payment] a"), see(`#payment[data-payment="`+paid.PendingID+`"]`), see("#holds"))
	b.pictures("29-operator-payment")
	b.do(click(`[data-act="compare"]`), see("#compared"))
	b.pictures("30-operator-payment-compared")
	b.do(click(`nav a[href="/operator/reconciliation"]`), see(`[data-act="run"]`), click(`[data-act="run"]`), see(`[data-flash="asked"]`), see(`#run`))
	b.pictures("31-operator-reconciliation")
	b.do(click(`nav a[href="/operator/audit"]`), click(`[data-act="verify"]`), see("#run"), see("#holds"))
	b.pictures("32-operator-audit")
	b.do(click(`nav a[href="/operator/actions"]`), see(`tr[data-action="audit_verify"]`), see(`tr[data-action="endpoint_disable"]`))
	b.pictures("33-operator-actions")
	b.do(open(w.Payments.Address+"/operator/payments?id=ILO"), see("#wrong-id"))
	b.pictures("34-operator-payments-wrong-filter")
}

// pictures takes those of a page by day and by night.
func (b *browser) pictures(name string) {
	b.t.Helper()
	for _, scheme := range []string{"dark", "light"} {
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		require.NoError(b.t, err)
		b.picture(name + "-" + scheme)
	}
}

// What a person does.

func open(address string) chromedp.Action[chromedp.Void] { return chromedp.Navigate(address) }

func see(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.WaitVisible(chromedp.CSS(selector))
}

func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}

func fill(selector, text string) chromedp.Action[chromedp.Void] {
	return chromedp.Steps(chromedp.Clear(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text))
}

// browser is one real browser with one tab.
type browser struct {
	t      *testing.T
	ctx    context.Context // chromedp keeps the tab in it
	folder string
}

func newBrowser(t *testing.T, chromium string) *browser {
	t.Helper()
	folder := filepath.Join(root, stack.StateFolder, "screenshots")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless,
		chromedp.NoSandbox, // a container's root may not make sandboxes, and the pages are our own
		chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
	}
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(allocator)
	require.NoError(t, chromedp.Do(ctx, open("about:blank"))) // without a deadline, which would be the browser's own
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until the browser is gone, and its folder can be removed
		closeTab()
	})
	return &browser{t: t, ctx: ctx, folder: folder}
}

// do does one thing after the other; what does not come to pass in time fails the test, with a picture.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for i, step := range steps {
		err := chromedp.Do(ctx, step)
		if err == nil {
			continue
		}
		address, _ := chromedp.Run(b.ctx, chromedp.Location())
		b.picture("failed")
		b.t.Fatalf("step %d of %d, at %s: %v; see failed-*.png in %s", i+1, len(steps), address, err, b.folder)
	}
}

// picture takes one of the whole page in each width. Nothing on it may have to be scrolled sideways.
func (b *browser) picture(name string) {
	b.t.Helper()
	for _, width := range []int64{1280, 375} {
		require.NoError(b.t, chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 800)))
		image, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		require.NoError(b.t, err)
		require.NoError(b.t, os.WriteFile(filepath.Join(b.folder, fmt.Sprintf("%s-%d.png", name, width)), image, 0o600))
		overflow, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`))
		require.NoError(b.t, err)
		require.False(b.t, overflow, "%s at %d px must be scrolled sideways", name, width)
	}
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.EmulateViewport(1280, 800)))
}
