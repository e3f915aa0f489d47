package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox"
	"tianguis.example/sandbox/control"
)

// shop is a client of the sandbox: it signs as the marketplace does, and its buyer
// has a browser.
type shop struct {
	t       *testing.T
	base    string
	control *control.Client
	cookie  string
}

// answer is any JSON object.
type answer map[string]any

func (a answer) at(path ...string) string {
	var v any = map[string]any(a)
	for _, name := range path {
		object, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = object[name]
	}
	text, _ := v.(string)
	return text
}

func newShop(t *testing.T, base string) *shop {
	t.Helper()
	s := &shop{t: t, base: base, control: control.New(base)}
	require.NoError(t, s.control.RegisterKey(t.Context(), "marketplace", clientKey.jwk(clientKeyID)))
	return s
}

// try sends a signed request and returns whatever comes of it.
func (s *shop) try(method, target, token string, body any) (int, answer, error) {
	var raw []byte
	if body != nil {
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false) // or the wallet, which escapes nothing, computes another digest
		require.NoError(s.t, encoder.Encode(body))
		raw = bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	}
	request, err := http.NewRequestWithContext(s.t.Context(), method, target, bytes.NewReader(raw))
	require.NoError(s.t, err)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "GNAP "+token)
	}
	signing{key: clientKey, keyID: clientKeyID, created: time.Unix(1795406051, 0)}.sign(request, raw)
	response, err := noRedirects.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, err
	}
	var a answer
	_ = json.Unmarshal(content, &a) // some refusals are plain text
	return response.StatusCode, a, nil
}

// ask is try where an answer is expected.
func (s *shop) ask(method, target, token string, body any, status int) answer {
	s.t.Helper()
	got, a, err := s.try(method, target, token, body)
	require.NoError(s.t, err)
	require.Equal(s.t, status, got, "%s %s: %v", method, target, a)
	return a
}

func (s *shop) wallet(name string) answer { return s.ask("GET", s.base+"/"+name, "", nil, 200) }

func (s *shop) grant(authServer string, access answer) answer {
	return s.ask("POST", authServer, "", answer{
		"access_token": answer{"access": []answer{access}}, "client": s.base + "/marketplace",
	}, 200)
}

// sale is a payment that the buyer has yet to approve.
type sale struct {
	buyer, seller, incoming, quote, grant answer
	sellerToken, quoteToken               string
}

// offer asks for value minor units of the seller's asset.
func (s *shop) offer(buyerName, sellerName, value string) sale {
	s.t.Helper()
	o := sale{buyer: s.wallet(buyerName), seller: s.wallet(sellerName)}
	o.sellerToken = s.grant(o.seller.at("authServer"), answer{"type": "incoming-payment", "actions": []string{"create", "read", "list", "complete"}}).at("access_token", "value")
	o.incoming = s.ask("POST", o.seller.at("resourceServer")+"/incoming-payments", o.sellerToken, answer{
		"walletAddress":  o.seller.at("id"),
		"incomingAmount": answer{"value": value, "assetCode": o.seller["assetCode"], "assetScale": o.seller["assetScale"]},
		"metadata":       answer{"description": `Mural & "more" <1>`},
	}, 201)
	o.quoteToken = s.grant(o.buyer.at("authServer"), answer{"type": "quote", "actions": []string{"create", "read"}}).at("access_token", "value")
	s.requote(&o)
	o.grant = s.askConsent(o, answer{"debitAmount": o.quote["debitAmount"], "receiver": o.incoming["id"]})
	return o
}

func (s *shop) requote(o *sale) {
	o.quote = s.ask("POST", o.buyer.at("resourceServer")+"/quotes", o.quoteToken, answer{
		"walletAddress": o.buyer["id"], "receiver": o.incoming["id"], "method": "ilp",
	}, 201)
}

func (s *shop) askConsent(o sale, limits answer) answer {
	return s.ask("POST", o.buyer.at("authServer"), "", answer{
		"access_token": answer{"access": []answer{{
			"type": "outgoing-payment", "actions": []string{"create", "read", "list"}, "identifier": o.buyer["id"], "limits": limits,
		}}},
		"client": answer{"walletAddress": s.base + "/marketplace"},
		"interact": answer{"start": []string{"redirect"}, "finish": answer{
			"method": "redirect", "uri": "http://127.0.0.1:8099/finish?order=42", "nonce": "client-nonce",
		}},
	}, 200)
}

// browse loads a page as the buyer's browser does, following redirects within the wallet.
func (s *shop) browse(method, target string, form url.Values) view {
	s.t.Helper()
	for range 5 {
		request, err := http.NewRequestWithContext(s.t.Context(), method, target, strings.NewReader(form.Encode()))
		require.NoError(s.t, err)
		request.Header.Set("Accept", "text/html")
		if form != nil {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if s.cookie != "" {
			request.Header.Set("Cookie", s.cookie)
		}
		response, err := noRedirects.Do(request)
		require.NoError(s.t, err)
		content, err := io.ReadAll(response.Body)
		require.NoError(s.t, err)
		require.NoError(s.t, response.Body.Close())
		if cookies := response.Cookies(); len(cookies) > 0 {
			s.cookie = cookies[0].Name + "=" + cookies[0].Value
		}
		location, err := response.Location()
		if err != nil || !strings.HasPrefix(location.String(), s.base+"/") {
			return view{response.StatusCode, response.Header, location, content}
		}
		method, target, form = http.MethodGet, location.String(), nil
	}
	require.Fail(s.t, "redirects without end")
	return view{}
}

// view is where a browser ended up.
type view struct {
	status   int
	header   http.Header
	location *url.URL // nil, or where it is sent beyond the wallet
	body     []byte
}

func (v view) page(t *testing.T) *goquery.Document {
	t.Helper()
	page, err := goquery.NewDocumentFromReader(bytes.NewReader(v.body))
	require.NoError(t, err)
	return page
}

// consentPage opens the page and returns it with the form that it holds.
func (s *shop) consentPage(grant answer) (*goquery.Document, url.Values) {
	s.t.Helper()
	shown := s.browse(http.MethodGet, grant.at("interact", "redirect"), nil)
	require.Equal(s.t, http.StatusOK, shown.status)
	page := shown.page(s.t)
	form := url.Values{}
	page.Find("form input").Each(func(_ int, input *goquery.Selection) {
		form.Set(input.AttrOr("name", ""), input.AttrOr("value", ""))
	})
	return page, form
}

// decide has the buyer press a button, and returns where the browser is sent.
func (s *shop) decide(grant answer, decision string) url.Values {
	s.t.Helper()
	page, form := s.consentPage(grant)
	form.Set("decision", page.Find("button#"+decision).AttrOr("value", ""))
	left := s.browse(http.MethodPost, s.base+page.Find("form").AttrOr("action", ""), form)
	require.Equal(s.t, http.StatusFound, left.status)
	require.Equal(s.t, "127.0.0.1:8099/finish", left.location.Host+left.location.Path)
	return left.location.Query()
}

// approve takes a sale to its access token.
func (s *shop) approve(o sale) string {
	s.t.Helper()
	back := s.decide(o.grant, "approve")
	return s.ask("POST", o.grant.at("continue", "uri"), o.grant.at("continue", "access_token", "value"),
		answer{"interact_ref": back.Get("interact_ref")}, 200).at("access_token", "value")
}

func (s *shop) pay(o sale, token string) answer {
	s.t.Helper()
	return s.ask("POST", o.buyer.at("resourceServer")+"/outgoing-payments", token,
		answer{"walletAddress": o.buyer["id"], "quoteId": o.quote["id"]}, 201)
}

func (s *shop) balance(name string) int64 {
	s.t.Helper()
	w, err := s.control.Wallet(s.t.Context(), name)
	require.NoError(s.t, err)
	return w.Balance
}

// open starts a sandbox whose clock is held and whose grants can be continued at once.
func open(t *testing.T) (*Program, *shop) {
	t.Helper()
	config := testConfig(t)
	config.HeldClock, config.ContinueWait = true, 0
	p := start(t, config)
	return p, newShop(t, p.URL())
}

// settle lets what is on its way arrive.
func settle(p *Program) {
	p.held.Advance(sandbox.DefaultLifetimes().Settle + sandbox.DefaultLifetimes().Complete)
}
