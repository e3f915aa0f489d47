package systemtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/openapi"
	"tianguis.example/payments/webhook"
	"tianguis.example/sandbox/control"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// TestExamples sends every example of both documents to services that run, with the ids that are real there in the place of its own. Each is answered as
// the document says (contracts), with a success; and what the example of an answer shows is what an answer has.
func TestExamples(t *testing.T) {
	t.Parallel()
	if there != nil {
		t.Skip("NOT TESTED on this stack: the examples take over its webhook endpoint")
	}
	receiver := newWebhookReceiver(t)
	w := newWorld(t, "sqlite", env{stack.Payments: {
		"MARKETPLACE_BASE_URL": receiver.URL, "WEBHOOK_ALLOW_HOSTS": receiver.Listener.Addr().String(), "POLL_INTERVAL": "100ms",
	}})
	for name, asset := range map[string]string{"alice": "MXN", "bob": "MXN", "buyer": "USD"} {
		require.NoError(t, w.wallets.AddWallet(t.Context(), control.Wallet{Name: name, AssetCode: asset, AssetScale: 2, Balance: 100_000}))
	}
	t.Run("payments", func(t *testing.T) { examplesOfPayments(t, w, receiver) })
	t.Run("marketplace", func(t *testing.T) { examplesOfMarketplace(t, w) })
}

func examplesOfPayments(t *testing.T, w *world, receiver *webhookReceiver) {
	key, err := stack.ReadSecret(w.Secrets.APIKey)
	require.NoError(t, err)
	e := newExamples(t, w.Payments.Address, map[string]string{"Authorization": "Bearer " + key})
	e.stand("https://wallet.example", w.Sandbox.Address)
	e.stand("https://analytics.example/hook", receiver.URL)
	started := func() (consent *person.Page) {
		var answer struct{ PendingID, RedirectURL string }
		require.NoError(t, json.Unmarshal([]byte(e.send("startPayment", 200, but("Idempotency-Key"))), &answer))
		e.stand("01KAR0000000000000000000AA", answer.PendingID)
		consent, err := person.NewBrowser().Open(t.Context(), answer.RedirectURL)
		require.NoError(t, err)
		return consent
	}
	returned := func(consent *person.Page, decision string) url.Values {
		page, err := consent.ClickUntil(t.Context(), decision, nil, w.Marketplace.Address+"/")
		require.NoError(t, err)
		return page.Next.Query()
	}

	e.send("health", 200)
	e.send("ready", 200)
	e.send("registerSeller", 201)
	e.send("listSellers", 200)
	e.send("startPayment", 200)
	started() // again: the same
	e.send("listOfferPayments", 200)
	e.send("listPendingPayments", 200)
	e.send("getPayment", 200)
	e.send("cancelPayment", 200)
	e.send("listPaymentEvents", 200)

	returned(started(), person.Decline)
	e.send("finishPayment", 200, but("interact_ref", "hash"))
	consent := started()
	proof := returned(consent, person.Approve)
	e.stand("4IFWWIKYBC2PQ6U56NL1", proof.Get("interact_ref"))
	e.stand("p28jsq0Y2KK3WS__a42tavNC64ldGTBroywsWxT4md4", proof.Get("hash"))
	e.send("finishPayment", 200, but("result"))
	e.send("requestIncoming", 200)
	e.send("getWalletProfile", 200)

	e.send("listWebhookEndpoints", 200)
	e.send("addWebhookEndpoint", 201)
	e.send("getWebhookEndpoint", 200)
	e.send("listWebhookSecrets", 200)
	e.send("pingWebhookEndpoint", 202)
	e.send("rotateWebhookSecret", 201)
	for range 3 { // two that failed, and the ping, have come
		receiver.next(t)
	}
	e.send("listWebhookDeliveries", 200)
	var log struct {
		Deliveries []struct{ ID, Type, State string }
	}
	eventually(t, "a failure is delivered", func() bool {
		list := e.send("listWebhookDeliveries", 200, but("cursor", "state", "until", "pendingId"))
		require.NoError(t, json.Unmarshal([]byte(list), &log))
		return len(log.Deliveries) > 0 && log.Deliveries[0].State == "delivered"
	})
	e.stand("01KAR0000000000000000000WW", log.Deliveries[0].ID)
	e.send("getWebhookDelivery", 200)
	e.send("replayWebhook", 202)
	e.send("replayWebhooks", 202)
	e.send("changeWebhookEndpoint", 200)
	var endpoints struct{ Endpoints []struct{ ID string } }
	require.NoError(t, json.Unmarshal([]byte(e.send("listWebhookEndpoints", 200)), &endpoints))
	e.stand("/webhooks/endpoints/marketplace", "/webhooks/endpoints/"+endpoints.Endpoints[len(endpoints.Endpoints)-1].ID)
	e.send("removeWebhookEndpoint", 204)
	e.requireComplete()

	// The events that it says it sends are taken by our marketplace.
	secret, err := stack.ReadSecret(w.Secrets.WebhookSecret)
	require.NoError(t, err)
	events := at(e.document, "webhooks", "payment", "post", "requestBody", "content", "application/json", "examples").(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(events)) {
		var a attempt // a ping is about none
		if name != "ping" {
			a = w.start(t, "100.00 MXN", "/buyer-mxn")
		}
		body, err := json.Marshal(at(events[name].(map[string]any), "value"))
		require.NoError(t, err)
		text := strings.NewReplacer("01KAR0000000000000000000AA", a.pendingID, `"offerId":"7"`, `"offerId":"`+decimal(a.job)+`"`).Replace(string(body))
		m := signedMessage{ID: "msg_example_" + name, Timestamp: strconv.FormatInt(clock.System().Now().Unix(), 10), Body: text}
		m.Signature = goLibrary{}.sign(t, secret, m)
		got := w.receive(t, m)
		require.Equal(t, http.StatusOK, got.status, got.body)
	}
}

func examplesOfMarketplace(t *testing.T, w *world) {
	a := w.start(t, "19.99 MXN", "/buyer-mxn")
	home, err := url.Parse(w.Marketplace.Address)
	require.NoError(t, err)
	var cookies []string
	for _, c := range a.payer.Browser.Cookies(home) {
		cookies = append(cookies, c.String())
	}
	e := newExamples(t, w.Marketplace.Address, map[string]string{"Cookie": strings.Join(cookies, "; ")})
	e.send("health", 200)
	e.send("ready", 200)
	e.stand("test-123", a.pendingID)
	e.stand(`"offerId":"1"`, `"offerId":"`+decimal(a.job)+`"`)
	e.stand("/jobs/1/", "/jobs/"+decimal(a.job)+"/")
	secret, err := stack.ReadSecret(w.Secrets.WebhookSecret)
	require.NoError(t, err)
	sign := func(body string) map[string]string {
		m := signedMessage{ID: "01KAR0000000000000000000WW", Timestamp: strconv.FormatInt(clock.System().Now().Unix(), 10), Body: body}
		return map[string]string{webhook.HeaderTimestamp: m.Timestamp, webhook.HeaderSignature: goLibrary{}.sign(t, secret, m)}
	}
	e.sign = sign
	e.send("receivePaymentEvent", 200, named("completed"))
	e.send("receivePaymentEvent", 200, named("ping"))
	e.send("jobStatus", 200)
	e.requireComplete()
}

// examples sends the examples of a document.
type examples struct {
	t        *testing.T
	address  string
	header   map[string]string
	document map[string]any
	stands   []string                            // in the place of what: pairs for strings.NewReplacer, the newest first
	sign     func(body string) map[string]string // headers in the place of the example's; may be nil
	sent     map[string]bool                     // examples that were sent: "startPayment body", "startPayment Idempotency-Key"
	answered map[string]map[string]bool          // what answers had, by operation
}

func newExamples(t *testing.T, address string, header map[string]string) *examples {
	t.Helper()
	e := &examples{t: t, address: address, header: header, sent: map[string]bool{}, answered: map[string]map[string]bool{}}
	got := ask(t, http.MethodGet, address+openapi.JSONPath, "", nil)
	require.NoError(t, json.Unmarshal([]byte(got.body), &e.document))
	return e
}

// stand says what stands for something of the examples from now on.
func (e *examples) stand(example, there string) {
	e.stands = append([]string{example, there}, e.stands...)
}

type option func(*choice)

type choice struct {
	leftOut []string
	named   string
}

// but leaves parameters out, which are not for every occasion.
func but(names ...string) option { return func(c *choice) { c.leftOut = names } }

// named picks one of several examples of a body.
func named(name string) option { return func(c *choice) { c.named = name } }

// at goes down into a document, along references.
func at(in map[string]any, path ...string) any {
	var here any = in
	for _, name := range path {
		m, ok := here.(map[string]any)
		if !ok {
			return nil
		}
		here = m[name]
	}
	return here
}

// resolve follows a reference.
func (e *examples) resolve(v any) map[string]any {
	m, ok := v.(map[string]any)
	require.True(e.t, ok, "%v", v)
	if ref, ok := m["$ref"].(string); ok {
		return e.resolve(at(e.document, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...))
	}
	return m
}

type operation struct {
	method, path string
	parameters   []map[string]any
	body         map[string]any // its media type; nil for none
	answers      map[string]any
}

// operations are those of the document, by their ids.
func (e *examples) operations() map[string]operation {
	all := map[string]operation{}
	for path, v := range e.document["paths"].(map[string]any) {
		item := e.resolve(v)
		for method, v := range item {
			if method == "parameters" {
				continue
			}
			described := e.resolve(v)
			o := operation{method: strings.ToUpper(method), path: path, answers: described["responses"].(map[string]any)}
			for _, list := range []any{item["parameters"], described["parameters"]} {
				list, _ := list.([]any)
				for _, p := range list {
					o.parameters = append(o.parameters, e.resolve(p))
				}
			}
			if body := described["requestBody"]; body != nil {
				o.body = e.resolve(at(e.resolve(body), "content", "application/json"))
			}
			all[described["operationId"].(string)] = o
		}
	}
	return all
}

// bodies are the examples of a media type, by name; "" for the only one.
func bodies(media map[string]any) map[string]any {
	if only, ok := media["example"]; ok {
		return map[string]any{"": only}
	}
	all := map[string]any{}
	several, _ := media["examples"].(map[string]any)
	for name, example := range several {
		all[name] = at(example.(map[string]any), "value")
	}
	return all
}

// send sends the examples of an operation's parameters and body, and returns the answer, which must have that status.
func (e *examples) send(id string, status int, options ...option) string {
	e.t.Helper()
	var c choice
	for _, o := range options {
		o(&c)
	}
	o, known := e.operations()[id]
	require.True(e.t, known, "the document has no operation %q", id)
	path, query, header := o.path, url.Values{}, maps.Clone(e.header)
	for _, p := range o.parameters {
		name := p["name"].(string)
		if slices.Contains(c.leftOut, name) {
			continue
		}
		value := fmt.Sprint(p["example"])
		require.NotEqual(e.t, "<nil>", value, "%s: the parameter %s has no example", id, name)
		e.sent[id+" "+name] = true
		switch p["in"] {
		case "path":
			path = strings.ReplaceAll(path, "{"+name+"}", value)
		case "query":
			query.Set(name, value)
		case "header":
			header[name] = value
		}
	}
	replace := strings.NewReplacer(e.stands...)
	body := ""
	if o.body != nil {
		example, ok := bodies(o.body)[c.named]
		require.True(e.t, ok, "%s has no example %q", id, c.named)
		encoded, err := json.Marshal(example)
		require.NoError(e.t, err)
		body = replace.Replace(string(encoded))
		e.sent[id+" body "+c.named] = true
	}
	for name, values := range query {
		query.Set(name, replace.Replace(values[0]))
	}
	if e.sign != nil {
		maps.Copy(header, e.sign(body))
	}
	target := e.address + replace.Replace(path)
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	got := ask(e.t, o.method, target, body, header)
	require.Equal(e.t, status, got.status, "%s: %s", id, got.body)
	if got.body != "" {
		var answer any
		require.NoError(e.t, json.Unmarshal([]byte(got.body), &answer), got.body)
		if e.answered[id] == nil {
			e.answered[id] = map[string]bool{}
		}
		outline("", answer, e.answered[id])
	}
	return got.body
}

// outline notes the fields of a value, and of what is in it.
func outline(path string, value any, into map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			into[path+"."+name] = true
			outline(path+"."+name, inner, into)
		}
	case []any:
		for _, inner := range v {
			outline(path+"[]", inner, into)
		}
	}
}

// requireComplete fails for an operation whose examples were not sent, or whose answers have none or another.
func (e *examples) requireComplete() {
	e.t.Helper()
	for id, o := range e.operations() {
		for _, p := range o.parameters {
			require.True(e.t, e.sent[id+" "+p["name"].(string)], "%s: the example of %v was not sent", id, p["name"])
		}
		if o.body != nil {
			require.NotEmpty(e.t, bodies(o.body), "%s has no example of a body", id)
			for name := range bodies(o.body) {
				require.True(e.t, e.sent[id+" body "+name], "%s: the example %q was not sent", id, name)
			}
		}
		for status, v := range o.answers {
			media, _ := at(e.resolve(v), "content", "application/json").(map[string]any)
			if media == nil {
				continue
			}
			require.NotEmpty(e.t, bodies(media), "%s has no example of its answer %s", id, status)
			if status[0] != '2' {
				continue
			}
			require.NotEmpty(e.t, e.answered[id], "%s was not answered", id)
			for name, example := range bodies(media) {
				shown := map[string]bool{}
				outline("", example, shown)
				for field := range shown {
					// An answer that several operations have shows more than one of them.
					require.True(e.t, e.had(field, media), "%s, answer %s: the example %q shows %s, which no answer had", id, status, name, field)
				}
			}
		}
	}
}

// had reports whether an answer of that media type, of any operation, had a field.
func (e *examples) had(field string, media map[string]any) bool {
	for id, o := range e.operations() {
		for _, v := range o.answers {
			other, _ := at(e.resolve(v), "content", "application/json").(map[string]any)
			if other != nil && fmt.Sprint(other) == fmt.Sprint(media) && e.answered[id][field] {
				return true
			}
		}
	}
	return false
}
