package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/settings"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
)

// running is the whole program on a port of its own, seeded, with a fake payments service beside it.
type running struct {
	*Program
	t        *testing.T
	base     string
	store    *store.Store
	payments *fakePayments
	logs     *lockedBuffer
	seeding  *seeding
	config   Config
	clock    clock.Clock
	stop     func()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs the program on SQLite; change may alter its settings.
func start(t *testing.T, change ...func(*Config)) *running {
	t.Helper()
	return startOn(t, databasetest.SQLiteAddress(t), change...)
}

// onEach runs f on both databases.
func onEach(t *testing.T, f func(t *testing.T, m *running), change ...func(*Config)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, start(t, change...))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, startOn(t, databasetest.PostgresAddress(t), change...))
	})
}

func startOn(t *testing.T, address string, change ...func(*Config)) *running {
	t.Helper()
	return startWith(t, address, clock.System(), change...)
}

// startWith runs the program by a clock.
func startWith(t *testing.T, address string, now clock.Clock, change ...func(*Config)) *running {
	t.Helper()
	payments := newFakePayments(t)
	var c Config
	require.NoError(t, settings.Load(&c, ""))
	c.DatabaseURL, c.Listen = address, "127.0.0.1:0"
	c.PaymentsURL, c.PaymentsKey = payments.URL, fakeKey
	c.PaymentsTimeout = 5 * time.Second
	c.UploadsDir = filepath.Join(t.TempDir(), "uploads")
	c.RateLimitAddress = 0  // one address is everybody here; the test of the limit says otherwise
	c.PollEvery = time.Hour // the tests of the poll say otherwise
	c.WebhookSecret = logging.Secret(payments.secret)
	for _, f := range change {
		f(&c)
	}
	db, err := database.Open(t.Context(), address, database.Options{Clock: clock.System()})
	require.NoError(t, err)
	_, err = database.Migrate(t.Context(), db, store.Migrations())
	require.NoError(t, err)
	require.NoError(t, db.Close())

	m := &running{t: t, payments: payments, logs: &lockedBuffer{}, config: c, clock: now}
	m.boot()
	t.Cleanup(func() { m.stop() })
	m.seeding = &seeding{store: m.store, clock: clock.System(), assetCode: "MXN", assetScale: 2}
	require.NoError(t, m.seeding.people(t.Context(), "https://wallet.example/fernanda", "https://wallet.example/beto"))
	require.NoError(t, m.seeding.jobs(t.Context()))
	return m
}

// boot starts the program; stop ends it. Together they are a restart.
func (m *running) boot() {
	m.t.Helper()
	log, err := logging.New(m.logs, "json", "debug")
	require.NoError(m.t, err)
	m.Program, err = New(m.t.Context(), m.config, log, m.clock)
	require.NoError(m.t, err)
	m.base = "http://" + m.Address()
	m.store = store.New(m.db)
	ctx, cancel := context.WithCancel(context.WithoutCancel(m.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	m.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(m.t, <-ended)
		require.NoError(m.t, m.Close())
	})
}

func (m *running) job(id marketplace.JobID) marketplace.JobView {
	m.t.Helper()
	view, err := m.store.AnyJob(m.t.Context(), id)
	require.NoError(m.t, err)
	return view
}

// events are those of a job's history, without how the sample came to be.
func (m *running) events(id marketplace.JobID) []string {
	var all []string
	for _, e := range m.job(id).History[6:] {
		all = append(all, e.Event)
	}
	return all
}

// browser keeps cookies and follows no redirect by itself.
type browser struct {
	t      *testing.T
	base   string
	client *http.Client
}

func (m *running) browser() *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(m.t, err)
	return &browser{t: m.t, base: m.base, client: &http.Client{
		Jar: jar, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// page is an answer with its HTML.
type page struct {
	*http.Response
	text string
	doc  *goquery.Document
}

func (b *browser) do(method, path string, form url.Values) page {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, body)
	require.NoError(b.t, err)
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.answer(request)
}

// answer is what comes back for a request.
func (b *browser) answer(request *http.Request) page {
	b.t.Helper()
	response, err := b.client.Do(request)
	require.NoError(b.t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(b.t, err)
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(content))
	require.NoError(b.t, err)
	return page{response, string(content), doc}
}

func (b *browser) get(path string) page { b.t.Helper(); return b.do(http.MethodGet, path, nil) }

// submit fills in a page's form as a person would: what is hidden in it, and what is given.
func (b *browser) submit(from page, form string, fields map[string]string) page {
	b.t.Helper()
	f := from.doc.Find("form#" + form)
	require.Equal(b.t, 1, f.Length(), "no form %s in %s", form, from.text)
	values := url.Values{}
	f.Find("input[name], select, textarea").Each(func(_ int, input *goquery.Selection) {
		name, value := input.AttrOr("name", ""), input.AttrOr("value", "")
		switch {
		case input.Is("select"):
			value = input.Find("option[selected]").AttrOr("value", input.Find("option").First().AttrOr("value", ""))
		case input.Is("textarea"):
			value = input.Text()
		case input.Is("input[type=radio]:not([checked])"):
			value = values.Get(name) // what is chosen, or nothing
		}
		values.Set(name, value)
	})
	f.Find("button[name]").First().Each(func(_ int, button *goquery.Selection) {
		values.Set(button.AttrOr("name", ""), button.AttrOr("value", ""))
	})
	for name, value := range fields {
		require.True(b.t, values.Has(name), "the form has no field %s", name)
		values.Set(name, value)
	}
	return b.do(http.MethodPost, f.AttrOr("action", ""), values)
}

func (b *browser) signIn(email string) *browser {
	b.t.Helper()
	answer := b.submit(b.get("/login"), "login", map[string]string{"email": email, "password": demoPassword})
	require.Equal(b.t, http.StatusSeeOther, answer.StatusCode, answer.text)
	return b
}

// approve starts the payment of a job and returns its pendingId.
func (b *browser) approve(job string) string {
	b.t.Helper()
	answer := b.submit(b.get("/jobs/"+job+"/pay"), "pay", nil)
	require.Equal(b.t, http.StatusSeeOther, answer.StatusCode, answer.text)
	consent := b.lands(answer, "/jobs/"+job+"/pay/consent")
	to := consent.has(b.t, "a#to-wallet").AttrOr("href", "")
	pendingID, ok := strings.CutPrefix(to, "https://wallet.example/interact/")
	require.True(b.t, ok, to)
	return pendingID
}

// comeBack loads the address that the wallet redirects to.
func (b *browser) comeBack(pendingID string) page { b.t.Helper(); return b.get(returnQuery(pendingID)) }

// lands follows a redirect to a page of ours.
func (b *browser) lands(from page, at string) page {
	b.t.Helper()
	require.Equal(b.t, http.StatusSeeOther, from.StatusCode, from.text)
	require.Equal(b.t, at, from.Header.Get("Location"))
	return b.get(at)
}

func (p page) has(t *testing.T, selector string) *goquery.Selection {
	t.Helper()
	found := p.doc.Find(selector)
	require.NotZero(t, found.Length(), "no %s in %s", selector, p.text)
	return found
}
