package console_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/console"
	"tianguis.example/payments/money"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
)

const key = "the-api-key-of-the-service"

var start = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// office is the pages on a port of their own, over a real store and desk.
type office struct {
	t     *testing.T
	url   string
	store *store.Store
	desk  *outbox.Desk
	clock *clock.Held
	db    *database.DB
	bank  *bank
}

func eachOffice(t *testing.T, test func(t *testing.T, o *office)) {
	t.Helper()
	databasetest.Each(t, store.Migrations(), func(t *testing.T, db *database.DB) {
		seal, err := store.ReadKeys(logging.Secret(store.GenerateKey()))
		require.NoError(t, err)
		o := &office{t: t, store: store.New(db, seal), clock: clock.NewHeld(start), db: db, bank: &bank{}}
		o.desk = outbox.NewDesk(o.store, o.clock, func(string) error { return nil }, func() {})
		_, err = o.desk.Configure(t.Context(), "https://market.example/hook", nil)
		require.NoError(t, err)
		log := slog.New(slog.DiscardHandler)
		rules := payments.New(o.store, o.bank.wallets, o.clock, log, payments.Settings{FinishWait: time.Second, Lease: time.Minute}, func() {})
		keys, err := apikey.ParseConfigured(key)
		require.NoError(t, err)
		pages, err := console.New(o.store, o.desk, rules, o, apikey.NewGate(keys, apikey.Limits{}, o.clock), o.clock, log)
		require.NoError(t, err)
		e := echo.New()
		pages.Register(e)
		server := httptest.NewServer(e)
		t.Cleanup(server.Close)
		o.url = server.URL
		test(t, o)
	})
}

// tester does what operators do.
var tester = operator.Operator{Door: operator.ByCommandLine, Name: "tester"}

// Ask keeps a task, as the program does, which nobody does here.
func (o *office) Ask(ctx context.Context, by operator.Operator, kind payments.TaskKind) (bool, error) {
	now := o.clock.Now()
	return o.store.AskTask(ctx, payments.Task{ID: ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String(), Kind: kind, AskedBy: by.Name, AskedAt: now},
		&operator.Action{At: now, By: by, Kind: operator.Reconcile})
}

// bank is the wallets: what the seller's says that it received, and whether the buyer's was told that the consent is not wanted.
type bank struct {
	received int64
	canceled int
}

func (b *bank) wallets(payments.Client) (payments.Wallets, error) {
	return payments.Wallets{IncomingPayment: sellersWallet{bank: b}, Grant: buyersGrants{bank: b}}, nil
}

type sellersWallet struct {
	bank *bank
}

func (sellersWallet) Create(context.Context, openpayments.IncomingPaymentCreateParams) (openpayments.IncomingPayment, error) {
	panic("no payment is started here")
}

func (w sellersWallet) GetPublic(context.Context, openpayments.IncomingPaymentGetPublicParams) (openpayments.PublicIncomingPayment, error) {
	received, err := money.New(w.bank.received, "MXN", 2)
	return openpayments.PublicIncomingPayment{ReceivedAmount: received}, err
}

type buyersGrants struct {
	bank *bank
}

func (buyersGrants) Request(context.Context, openpayments.GrantRequestParams) (openpayments.Grant, error) {
	panic("no payment is started here")
}

func (buyersGrants) Continue(context.Context, openpayments.GrantContinueParams) (openpayments.Grant, error) {
	panic("no payment is finished here")
}

func (g buyersGrants) Cancel(context.Context, openpayments.GrantCancelParams) error {
	g.bank.canceled++
	return nil
}

type answer struct {
	status int
	header http.Header
	body   string
}

// ask is a browser's request with the key; headers come in pairs.
func (o *office) ask(method, path string, form url.Values, headers ...string) answer {
	o.t.Helper()
	request, err := http.NewRequestWithContext(o.t.Context(), method, o.url+path, strings.NewReader(form.Encode()))
	require.NoError(o.t, err)
	request.SetBasicAuth("anybody", key)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	got, err := http.DefaultTransport.RoundTrip(request) // which follows no redirect
	require.NoError(o.t, err)
	defer func() { _ = got.Body.Close() }()
	body, err := io.ReadAll(got.Body)
	require.NoError(o.t, err)
	return answer{got.StatusCode, got.Header, string(body)}
}

func (o *office) get(path string) answer { return o.ask(http.MethodGet, path, nil) }

func (o *office) post(path string, form url.Values, headers ...string) answer {
	return o.ask(http.MethodPost, path, form, headers...)
}

func (o *office) ping() outbox.Delivery {
	o.t.Helper()
	d, err := o.desk.Ping(o.t.Context(), tester, outbox.Configured)
	require.NoError(o.t, err)
	return d
}

func (o *office) delivery(id string) outbox.Delivery {
	o.t.Helper()
	d, err := o.store.Delivery(o.t.Context(), id)
	require.NoError(o.t, err)
	return d
}

// dead is a webhook that was given up after this answer.
func (o *office) dead(status int, excerpt, reason string) outbox.Delivery {
	o.t.Helper()
	now := o.clock.Now()
	o.ping()
	claimed, err := o.store.ClaimDeliveries(o.t.Context(), outbox.Configured, 1, now, now.Add(time.Minute))
	require.NoError(o.t, err)
	require.Len(o.t, claimed, 1)
	d := claimed[0]
	d.State, d.Attempts, d.EndedAt = outbox.Dead, d.Attempts+1, now
	require.NoError(o.t, o.store.RecordAttempts(o.t.Context(), []outbox.Outcome{{Delivery: d, Lease: claimed[0].NextAt, Attempt: outbox.Attempt{
		DeliveryID: d.ID, Number: d.Attempts, At: now, URL: "https://market.example/hook", Status: status, Duration: 42 * time.Millisecond, Excerpt: excerpt, Error: reason,
	}}}))
	return d
}

func TestAccess_WithTheKeyOnly(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		d := o.dead(500, "", "")
		for _, wrong := range []string{"", "Basic", "Basic " + "YTpi", "Bearer " + key} {
			for _, path := range []string{
				"", "/webhooks", "/webhooks/" + d.ID, "/endpoints", "/nowhere", "/payments", "/payments.csv", "/payments/" + d.ID, "/reconciliation", "/reconciliation.csv",
				"/audit", "/audit.csv", "/audit.json", "/actions", "/actions.csv",
			} {
				got := o.ask(http.MethodGet, console.Root+path, nil, "Authorization", wrong)
				require.Equal(t, http.StatusUnauthorized, got.status, "%q %s", wrong, path)
				require.Contains(t, got.header.Get("WWW-Authenticate"), "Basic")
				require.NotContains(t, got.body, d.ID)
			}
			got := o.post(console.Root+"/webhooks/"+d.ID+"/replay", nil, "Authorization", wrong)
			require.Equal(t, http.StatusUnauthorized, got.status)
		}
		require.Equal(t, outbox.Dead, o.delivery(d.ID).State)
		require.Equal(t, http.StatusOK, o.get(console.Root+"/webhooks").status)
	})
}

func TestAccess_AFormOfAnotherSiteDoesNothing(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		d := o.dead(500, "", "")
		all := url.Values{"state": {"dead"}, "endpoint": {outbox.Configured}}
		for _, foreign := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example"}} {
			for _, path := range []string{"/webhooks/" + d.ID + "/replay", "/webhooks/replay", "/endpoints/marketplace/disable", "/endpoints/marketplace/ping"} {
				got := o.post(console.Root+path, all, foreign...)
				require.Equal(t, http.StatusForbidden, got.status, "%v %s", foreign, path)
				require.Contains(t, got.body, "page of another site")
			}
		}
		require.Equal(t, outbox.Dead, o.delivery(d.ID).State)
		e, err := o.store.Endpoint(t.Context(), outbox.Configured)
		require.NoError(t, err)
		require.True(t, e.Enabled())
		// Over plain http a browser sends no Sec-Fetch-Site, but the Origin.
		require.Equal(t, http.StatusSeeOther, o.post(console.Root+"/webhooks/replay", all, "Sec-Fetch-Site", "", "Origin", o.url).status)
		require.Equal(t, outbox.Pending, o.delivery(d.ID).State)
	})
}

var inline = regexp.MustCompile(`(?i)<script|<style|\sstyle=|\son[a-z]+=|javascript:`)

func TestPages_NothingInlineAndNothingForeign(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		d := o.dead(500, "down", "")
		for _, path := range []string{"/webhooks", "/webhooks?state=dead&endpoint=marketplace", "/webhooks/" + d.ID, "/endpoints", "/nowhere"} {
			got := o.get(console.Root + path)
			require.NotRegexp(t, inline, got.body, path)
			require.Contains(t, got.header.Get("Content-Security-Policy"), "default-src 'none'; style-src 'self'")
			require.Equal(t, "no-store", got.header.Get("Cache-Control"))
		}
		style := regexp.MustCompile(`href="([^"]+\.css[^"]*)"`).FindStringSubmatch(o.get(console.Root + "/webhooks").body)
		require.Len(t, style, 2)
		require.Equal(t, http.StatusOK, o.get(style[1]).status)
	})
}

func TestWebhookPage_AHostileAnswerIsText(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		d := o.dead(500, `</pre><script>alert(1)</script><img src=x onerror="alert(2)">`+"\u202e\u200b", `dial "<b>nowhere</b>"`)
		got := o.get(console.Root + "/webhooks/" + strings.ToLower(d.ID))
		require.Equal(t, http.StatusOK, got.status)
		require.NotContains(t, got.body, "<script")
		require.NotContains(t, got.body, "<img")
		require.NotContains(t, got.body, "<b>")
		require.Contains(t, got.body, "&lt;script&gt;alert(1)&lt;/script&gt;")
		require.Contains(t, got.body, `\u{202e}\u{200b}`)
		require.Contains(t, got.body, "42 ms")
		require.Contains(t, got.body, "https://market.example/hook")
	})
}

func TestWebhookLog_AFilterThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		d := o.dead(500, "", "")
		for query, says := range map[string]string{
			"state=gone": "There is no such state", "type=payment.lost": "There is no such event", "endpoint=x": "There is no such endpoint",
			"payment=1": "26 characters", "since=yesterday": "is no time", "since=1h&until=2h": "not later than the beginning",
			"before=x": "cannot go on from there", "offerId=%00": "characters that nothing here has", "offerId=%ff": "characters that nothing here has",
			"offerId=" + strings.Repeat("1", 301): "or too many",
		} {
			got := o.get(console.Root + "/webhooks?" + query)
			require.Equal(t, http.StatusBadRequest, got.status, query)
			require.Contains(t, got.body, says, query)
			require.NotContains(t, got.body, d.ID, query)
		}
		for _, form := range []string{"", "state=dead", "state=pending&endpoint=marketplace", "state=gone&endpoint=marketplace", "state=dead&since=x", "state=dead&%zz"} {
			values, _ := url.ParseQuery(form)
			got := o.post(console.Root+"/webhooks/replay", values)
			require.Equal(t, http.StatusBadRequest, got.status, form)
		}
		require.Equal(t, outbox.Dead, o.delivery(d.ID).State)
	})
}

func TestWebhookLog_PicksAndPages(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		dead := o.dead(503, "", "")
		const more = 60
		for range more {
			o.clock.Advance(time.Minute)
			o.ping()
		}
		row := regexp.MustCompile(`data-webhook="([0-9A-Z]{26})"`)
		seen := map[string]bool{}
		path, pages := console.Root+"/webhooks", 0
		for ; path != ""; pages++ {
			got := o.get(path)
			require.Equal(t, http.StatusOK, got.status)
			for _, found := range row.FindAllStringSubmatch(got.body, -1) {
				require.False(t, seen[found[1]], "twice: %s", found[1])
				seen[found[1]] = true
			}
			path = ""
			if next := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(got.body); next != nil {
				path = next[1]
			}
		}
		require.Equal(t, 2, pages)
		require.Len(t, seen, more+1)
		for query, want := range map[string]int{"state=dead": 1, "state=delivered": 0, "since=10m": 11, "offerId=7": 0, "type=ping&state=dead&endpoint=marketplace": 1} {
			require.Len(t, row.FindAllString(o.get(console.Root+"/webhooks?"+query).body, -1), want, query)
		}
		require.Contains(t, o.get(console.Root+"/webhooks?state=dead").body, `id="too-wide"`)
		require.Contains(t, o.get(console.Root+"/webhooks?state=dead&since=2h").body, `name="since" value="`+start.Add(-time.Hour).Format(time.RFC3339))

		got := o.post(console.Root+"/webhooks/replay", url.Values{"state": {"dead"}, "endpoint": {outbox.Configured}, "since": {"2h"}, "before": {ulid.Make().String()}})
		require.Equal(t, http.StatusSeeOther, got.status)
		require.Equal(t, outbox.Pending, o.delivery(dead.ID).State)
		there := o.ask(http.MethodGet, got.header.Get("Location"), nil, "Cookie", got.header.Get("Set-Cookie"))
		require.Contains(t, there.body, "One webhook is due,")
	})
}

func TestWebhookPage_SendsAgain(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		d := o.dead(500, "", "")
		got := o.post(console.Root+"/webhooks/"+d.ID+"/replay", nil)
		require.Equal(t, http.StatusSeeOther, got.status)
		require.Equal(t, console.Root+"/webhooks/"+d.ID, got.header.Get("Location"))
		require.Equal(t, outbox.Pending, o.delivery(d.ID).State)
		for _, unknown := range []string{"1", ulid.Make().String(), "%00", "..%2f"} {
			require.Equal(t, http.StatusNotFound, o.get(console.Root+"/webhooks/"+unknown).status, unknown)
			require.Equal(t, http.StatusNotFound, o.post(console.Root+"/webhooks/"+unknown+"/replay", nil).status, unknown)
		}
	})
}

func TestEndpoints_DisableEnableAndPing(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		require.Contains(t, o.get(console.Root+"/endpoints").body, `data-warning="unsigned"`)
		require.Equal(t, http.StatusSeeOther, o.post(console.Root+"/endpoints/marketplace/disable", nil).status)
		got := o.get(console.Root + "/endpoints")
		require.Contains(t, got.body, `data-state="disabled"`)
		require.Contains(t, got.body, "an operator disabled it")
		refused := o.post(console.Root+"/endpoints/marketplace/ping", nil)
		require.Equal(t, http.StatusConflict, refused.status)
		require.Contains(t, refused.body, "enable it first")
		require.Equal(t, http.StatusSeeOther, o.post(console.Root+"/endpoints/marketplace/enable", nil).status)
		sent := o.post(console.Root+"/endpoints/marketplace/ping", nil)
		require.Equal(t, http.StatusSeeOther, sent.status)
		require.Contains(t, o.get(sent.header.Get("Location")).body, "The test event is being sent.")
		require.Contains(t, o.get(console.Root+"/endpoints").body, "1 pending")
		for _, unknown := range []string{"x", ulid.Make().String(), "%00"} {
			require.Equal(t, http.StatusNotFound, o.post(console.Root+"/endpoints/"+unknown+"/ping", nil).status, unknown)
		}
	})
}
