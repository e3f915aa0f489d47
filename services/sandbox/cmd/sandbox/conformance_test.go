package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox"
	"tianguis.example/sandbox/control"
)

// The recorded traffic of a real wallet is the judge: every request of it is asked of
// the sandbox again, in order and in the recorded rhythm, with recorded ids, tokens
// and addresses replaced by the live ones and signed afresh.

// exchange is one recorded request and its answer; see testdata/traces/README.md.
type exchange struct {
	Name    string    `json:"name"`
	At      time.Time `json:"at"`
	Request struct {
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
		Signed  bool              `json:"signed"`
		Cookie  bool              `json:"cookie"`
		Body    json.RawMessage   `json:"body"`
		RawBody *string           `json:"rawBody"`
	} `json:"request"`
	Response struct {
		Status   int             `json:"status"`
		Location string          `json:"location"`
		Body     json.RawMessage `json:"body"`
		Text     string          `json:"text"`
	} `json:"response"`
}

// notForASandbox are the recorded cases that cannot apply, and why.
var notForASandbox = map[string]string{
	"h: GET known wallet address, Accept: application/spsp4+json": "SPSP hands out the address of an ILP connector; money moves inside the sandbox, which has none",
}

// stories are replayed in one sandbox each, because what follows builds on what came before.
var stories = [][]string{
	{"01-happy"}, {"02-a-rejected-consent"}, {"02-b-wrong-interact-ref"}, {"02-c-continue-twice"},
	{"02-d-continue-too-early"}, {"02-e-outgoing-same-quote-twice"}, {"02-f-expired-quote"}, {"02-g-bad-signature"},
	{"02-h-unknown-wallet-address"}, {"02-i-incoming-wrong-asset-and-validation"}, {"02-j-token-rotation-expiry"},
	{"02-k-exceeding-limits"}, {"05-01-requote-within-consent"}, {"05-02-receiver-limit"}, {"05-04-split"},
	{"05-05-deferred-release"}, {"05-05c-token-row-over-30-days", "05-05d-after-auth-restart"},
	{"05-07-cross-currency"}, {"05-10-late-approval"}, {"05-11-cancel"}, {"05-12-double"},
}

const traces = "../../testdata/traces/"

func TestConformance_EveryTraceIsReplayed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(traces + "*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var replayed []string
	for _, story := range stories {
		for _, name := range story {
			replayed = append(replayed, traces+name+".json")
		}
	}
	require.ElementsMatch(t, files, replayed)
}

func TestConformance_RecordedTraces(t *testing.T) {
	t.Parallel()
	for _, story := range stories {
		t.Run(story[0], func(t *testing.T) {
			t.Parallel()
			r := newReplay(t, story[0])
			for _, name := range story {
				data, err := os.ReadFile(traces + name + ".json")
				require.NoError(t, err)
				var exchanges []exchange
				require.NoError(t, json.Unmarshal(data, &exchanges))
				for n := range exchanges {
					r.play(&exchanges[n])
				}
			}
			ledger := r.program.bank.Ledger()
			require.True(t, ledger.Conserved, "money is conserved")
		})
	}
}

// replay is one sandbox with a held clock, and what is known of how its ids and
// tokens correspond to the recorded ones.
type replay struct {
	t       *testing.T
	story   string
	program *Program
	control *control.Client
	known   map[string]string // recorded → live
	last    time.Time         // when the previous exchange was recorded
	count   map[string]int    // how often a name was seen in this story
	cookie  string
	quote   time.Time         // when the live quote that was made last dies
	manage  map[string]string // live token → its manage id
}

func newReplay(t *testing.T, story string) *replay {
	t.Helper()
	config := testConfig(t)
	config.HeldClock = true
	if strings.HasPrefix(story, "05") {
		config.ContinueWait = time.Second // the 05-* traces were recorded with a wait of 1
	}
	p := start(t, config)
	usd, eur, mxn := sandbox.Asset{Code: "USD", Scale: 2}, sandbox.Asset{Code: "EUR", Scale: 2}, sandbox.Asset{Code: "MXN", Scale: 2}
	for _, a := range []struct {
		name, public, tenant string
		asset                sandbox.Asset
		balance              int64
	}{
		{"gfranklin", "Grace Franklin", "sierra", usd, 1_000_000}, {"bhamchest", "Bert Hamchest", "sierra", usd, 1_000_000},
		{"lrossi", "Luca Rossi", "sierra", eur, 50}, {"testclient", "rafiki-run test client", "sierra", usd, 0},
		{"pfry", "Philip Fry", "bahia", usd, 0}, {"planex", "Planet Express", "bahia", usd, 0},
		{"david", "David", "bahia", mxn, 0}, {"lars", "Lars", "bahia", eur, 0},
	} {
		account := sandbox.Account{Name: a.name, PublicName: a.public, Tenant: a.tenant, Asset: a.asset}
		require.NoError(t, p.bank.AddAccount(account, a.balance))
	}
	r := &replay{
		t: t, story: story, program: p, control: control.New(p.URL()),
		known: map[string]string{}, count: map[string]int{}, manage: map[string]string{},
	}
	require.NoError(t, p.bank.RegisterKey("testclient", clientKey.jwk(clientKeyID)))
	return r
}

var recordedID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9A-F]{16,}`)

// hosts are the recorded addresses, most particular first.
func (r *replay) hosts() []string {
	const (
		payerBank, payerAuth = "https://cloud-nine-wallet-test-backend:3100", "https://cloud-nine-wallet-test-auth:3106"
		payeeBank, payeeAuth = "https://happy-life-bank-test-backend:4100", "https://happy-life-bank-test-auth:4106"
		idp                  = "https://cloud-nine-wallet-test-auth:3109"
		payer, payee         = "438fa74a-fa7d-4317-9ced-dde32ece1787", "cf5fd7d3-1eb1-4041-8e43-ba45747e9e5d"
	)
	base := r.program.URL()
	return []string{
		payerBank + "/accounts/", base + "/", payeeBank + "/accounts/", base + "/",
		payerBank + "/" + payer, base + "/op/sierra", payeeBank + "/" + payee, base + "/op/bahia",
		payerAuth + "/" + payer, base + "/auth/sierra", payeeAuth + "/" + payee, base + "/auth/bahia",
		payerAuth + "/interact/", base + "/interact/", payerAuth + "/continue/", base + "/continue/", payerAuth + "/token/", base + "/token/",
		payeeAuth + "/continue/", base + "/continue/", payeeAuth + "/token/", base + "/token/",
		payerAuth + "/", base + "/auth/", idp + "/grant/", base + "/control/interactions/",
	}
}

// live turns recorded text into what it would be here.
func (r *replay) live(text string) string {
	hosts := r.hosts()
	pairs := slices.Clone(hosts)
	for _, h := range hosts {
		pairs = append(pairs, url.QueryEscape(h))
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	return recordedID.ReplaceAllStringFunc(text, func(id string) string {
		if live, ok := r.known[id]; ok {
			return live
		}
		return id
	})
}

// learn notes which live id or token stands for which recorded one.
func (r *replay) learn(recorded, live string) {
	from, to := recordedID.FindAllString(r.live(recorded), -1), recordedID.FindAllString(live, -1)
	raw := recordedID.FindAllString(recorded, -1)
	// Tenants are ids in the recording and names here: they are gone from both lists.
	raw = slices.DeleteFunc(raw, func(id string) bool { return !slices.Contains(from, r.live(id)) })
	if len(raw) == len(to) {
		for n := range raw {
			r.known[raw[n]] = to[n]
		}
	}
}

func (r *replay) learnBody(recorded, live any) {
	switch recorded := recorded.(type) {
	case string:
		if live, ok := live.(string); ok {
			r.learn(recorded, live)
		}
	case map[string]any:
		if live, ok := live.(map[string]any); ok {
			for name := range recorded {
				r.learnBody(recorded[name], live[name])
			}
		}
	}
}

// play asks one recorded request again and compares the answers.
func (r *replay) play(e *exchange) {
	r.t.Helper()
	if why, skip := notForASandbox[e.Name]; skip {
		r.t.Logf("not for a sandbox: %q: %s", e.Name, why)
		r.last = e.At
		return
	}
	if r.last.IsZero() {
		r.program.held.Set(e.At)
	} else if pause := e.At.Sub(r.last); pause > 0 {
		r.program.held.Advance(pause)
	}
	r.last = e.At
	r.count[e.Name]++
	key := fmt.Sprintf("%s|%d", e.Name, r.count[e.Name])
	for _, key := range []string{key, r.story + "/" + key} {
		if prepare, ok := preparations[key]; ok {
			prepare(r, e)
		}
	}

	response, body := r.ask(e)
	require.Equal(r.t, e.Response.Status, response.status, "%s: %s", e.Name, body)
	r.compareLocation(e, response.location)
	switch {
	case e.Response.Text != "":
		require.Equal(r.t, e.Response.Text, string(body), e.Name)
	case len(e.Response.Body) > 0:
		var recorded, live any
		require.NoError(r.t, json.Unmarshal(e.Response.Body, &recorded))
		require.NoError(r.t, json.Unmarshal(body, &live), "%s: %s", e.Name, body)
		r.learnBody(recorded, live)
		r.compare(e, "body", recorded, live)
		r.note(live)
	}
	if len(response.cookies) > 0 {
		r.cookie = response.cookies[0].Name + "=" + response.cookies[0].Value
	}
}

// note keeps what preparations need to know of an answer.
func (r *replay) note(live any) {
	object, _ := live.(map[string]any)
	if object["method"] == "ilp" {
		r.quote, _ = time.Parse(time.RFC3339, answer(object).at("expiresAt"))
	}
	if token := answer(object).at("access_token", "value"); token != "" {
		r.manage[token] = path.Base(answer(object).at("access_token", "manage"))
	}
}

// ask sends the request, signed as its case wants it.
func (r *replay) ask(e *exchange) (answered, []byte) {
	r.t.Helper()
	raw := e.Request.Body
	if e.Request.RawBody != nil {
		raw = []byte(*e.Request.RawBody)
	}
	body := []byte(r.live(r.shiftExpiry(e, string(raw))))
	request, err := http.NewRequestWithContext(context.Background(), e.Request.Method, r.live(e.Request.URL), bytes.NewReader(body))
	require.NoError(r.t, err)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	for name, value := range e.Request.Headers {
		request.Header.Set(name, r.live(value))
	}
	if e.Request.Cookie {
		request.Header.Set("Cookie", r.cookie)
	}
	if e.Request.Signed {
		s := signing{key: clientKey, keyID: clientKeyID, created: r.program.clock.Now()}
		if change, ok := signings[e.Name]; ok {
			change(&s)
		}
		s.sign(request, body)
	}
	response, err := noRedirects.Do(request)
	require.NoError(r.t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(r.t, err)
	return answered{response.StatusCode, response.Header.Get("Location"), response.Cookies()}, content
}

// answered is what a replay looks at, beside the body.
type answered struct {
	status   int
	location string
	cookies  []*http.Cookie
}

var expiry = regexp.MustCompile(`"expiresAt":\s*"(2026-[^"]+|2027-[^"]+)"`)

// shiftExpiry keeps an expiry as far ahead as it was when it was recorded.
func (r *replay) shiftExpiry(e *exchange, body string) string {
	return expiry.ReplaceAllStringFunc(body, func(found string) string {
		at, err := time.Parse(time.RFC3339, expiry.FindStringSubmatch(found)[1])
		require.NoError(r.t, err)
		ahead := at.Sub(e.At).Round(time.Second)
		return `"expiresAt":"` + r.program.clock.Now().Add(ahead).Format(time.RFC3339Nano) + `"`
	})
}

// compareLocation compares where a browser is sent: the same place with the same
// parameters, and the same values where they are words and not ids.
func (r *replay) compareLocation(e *exchange, live string) {
	r.t.Helper()
	if e.Response.Location == "" {
		require.Empty(r.t, live, e.Name)
		return
	}
	want, err := url.Parse(e.Response.Location)
	require.NoError(r.t, err)
	got, err := url.Parse(live)
	require.NoError(r.t, err)
	require.Equal(r.t, slices.Sorted(maps.Keys(want.Query())), slices.Sorted(maps.Keys(got.Query())), "%s: %s", e.Name, live)
	for _, name := range []string{"result", "message", "order", "clientName"} {
		require.Equal(r.t, want.Query().Get(name), got.Query().Get(name), e.Name)
	}
	r.learn(want.Query().Get("interact_ref"), got.Query().Get("interact_ref"))
	if want.Path == "/mock-idp/" {
		require.Equal(r.t, "/consent", got.Path, e.Name) // the wallet's own page, in the place of the recorded one
		return
	}
	require.Equal(r.t, want.Host+want.Path, got.Host+got.Path, e.Name)
}

// loose are values whose members are looked at, but not themselves.
var (
	poll  = regexp.MustCompile(`#\d+$`)
	times = []string{"expiresAt", "createdAt"}
	ids   = []string{"value", "manage", "uri", "redirect", "finish", "grantId", "startCursor", "endCursor", "ilpAddress", "sharedSecret", "x"}
)

// compare wants the same members of the same types everywhere, and the same values
// where they do not depend on chance or on how fast money happened to move.
func (r *replay) compare(e *exchange, at string, recorded, live any) {
	r.t.Helper()
	switch want := recorded.(type) {
	case map[string]any:
		got, ok := live.(map[string]any)
		require.True(r.t, ok, "%s: %s is %v", e.Name, at, live)
		require.Equal(r.t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)), "%s: members of %s: %v", e.Name, at, got)
		for name := range want {
			r.compare(e, at+"."+name, want[name], got[name])
		}
	case []any:
		got, ok := live.([]any)
		require.True(r.t, ok, "%s: %s is %v", e.Name, at, live)
		if poll.MatchString(e.Name) || at == "body.result" {
			// How far a payment has come, and what else is in the list, is the recorded machine's own.
			if len(want) > 0 && len(got) > 0 {
				r.compare(e, at+".0", want[0], got[0])
			}
			return
		}
		require.Len(r.t, got, len(want), "%s: %s", e.Name, at)
		for n := range want {
			r.compare(e, fmt.Sprintf("%s.%d", at, n), want[n], got[n])
		}
	case string:
		got, ok := live.(string)
		require.True(r.t, ok, "%s: %s is %v", e.Name, at, live)
		name := at[strings.LastIndex(at, ".")+1:]
		amount := strings.HasSuffix(at, "mount.value")
		if amount && repriced[fmt.Sprintf("%s/%s|%d", r.story, e.Name, r.count[e.Name])] {
			return
		}
		switch {
		case slices.Contains(times, name):
			_, err := time.Parse("2006-01-02T15:04:05.000Z", got)
			require.NoError(r.t, err, "%s: %s", e.Name, at)
		case amount && !poll.MatchString(e.Name), !slices.Contains(ids, name) && !amount:
			require.Equal(r.t, r.live(want), got, "%s: %s", e.Name, at)
		}
	default:
		if strings.HasSuffix(at, ".hasNextPage") || poll.MatchString(e.Name) && strings.HasSuffix(at, ".completed") {
			require.IsType(r.t, recorded, live)
			return
		}
		require.Equal(r.t, recorded, live, "%s: %s", e.Name, at)
	}
}
