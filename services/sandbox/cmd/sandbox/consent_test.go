package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"
)

func field(page *goquery.Document, name string) string {
	return strings.ReplaceAll(strings.TrimSpace(page.Find(`[data-field="`+name+`"]`).Text()), "\u00a0", " ")
}

func TestConsentPage_SaysWhoForHowMuchToWhom(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	o := s.offer("buyer-usd", "worker-mxn", "10000")
	page, form := s.consentPage(o.grant)
	require.Equal(t, "Tianguis Marketplace", field(page, "client-name"))
	require.Equal(t, s.base+"/marketplace", field(page, "client-url"))
	require.Equal(t, "5.92 USD", field(page, "max-debit"))
	require.Equal(t, "Beto Hernández", field(page, "receiver-name"))
	require.Equal(t, "100.03 MXN", field(page, "arrives"))
	require.Equal(t, `Mural & "more" <1>`, field(page, "note"))
	require.Equal(t, "Fernanda Ruiz", field(page, "payer-name"))
	require.Equal(t, "10,000,000.00 USD", field(page, "balance"))
	require.Zero(t, page.Find(".notice").Length())
	require.NotEmpty(t, form.Get("csrf"))
	require.Equal(t, 1, page.Find("button#approve[name=decision]").Length())
	require.Equal(t, 1, page.Find("button#decline[name=decision]").Length())
	require.Equal(t, "en", page.Find("html").AttrOr("lang", ""))
	require.Zero(t, page.Find("script").Length(), "it works without JavaScript")
}

func TestConsentPage_WarnsOfWhatHasNoLimit(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	o := s.offer("buyer-usd", "worker-mxn", "10000")
	page, _ := s.consentPage(s.askConsent(o, answer{"receiver": o.incoming["id"]}))
	require.Equal(t, "No limit", field(page, "max-debit"))
	require.Equal(t, 1, page.Find(".notice").Length())
}

func TestConsent_Declined(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	o := s.offer("buyer-usd", "worker-mxn", "10000")
	back := s.decide(o.grant, "decline")
	require.Equal(t, url.Values{"order": {"42"}, "result": {"grant_rejected"}}, back)
	refused := s.ask("POST", o.grant.at("continue", "uri"), o.grant.at("continue", "access_token", "value"), nil, 401)
	require.Equal(t, "request_denied", refused.at("error", "code"))
}

func TestConsent_TakesNoDecisionFromAnotherPage(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	o := s.offer("buyer-usd", "worker-mxn", "10000")
	_, form := s.consentPage(o.grant)
	form.Set("decision", "approve")
	post := func(change func(url.Values)) int {
		changed := url.Values{}
		for name := range form {
			changed.Set(name, form.Get(name))
		}
		change(changed)
		return s.browse(http.MethodPost, s.base+"/consent", changed).status
	}
	require.Equal(t, http.StatusUnauthorized, post(func(f url.Values) { f.Set("csrf", "guess") }))
	require.Equal(t, http.StatusBadRequest, post(func(f url.Values) { f.Set("nonce", "0000000000000000") }))
	require.Equal(t, http.StatusBadRequest, post(func(f url.Values) { f.Set("decision", "perhaps") }))
	mine := s.cookie
	s.cookie = "sessionId=someone-else"
	require.Equal(t, http.StatusUnauthorized, post(func(url.Values) {}))
	s.cookie = mine
	require.Equal(t, http.StatusFound, post(func(url.Values) {}), "and the buyer's own still counts")
}

func TestConsent_TooLateOrWithdrawn(t *testing.T) {
	t.Parallel()
	p, s := open(t)
	late := s.offer("buyer-usd", "worker-mxn", "10000")
	p.held.Advance(10*time.Minute + time.Second)
	require.Equal(t, url.Values{"order": {"42"}, "result": {"invalid_interaction"}, "message": {"interaction expired"}}, s.decide(late.grant, "approve"))

	withdrawn := s.offer("buyer-usd", "worker-mxn", "10000")
	page, form := s.consentPage(withdrawn.grant)
	require.Equal(t, 1, page.Find("form").Length())
	s.ask("DELETE", withdrawn.grant.at("continue", "uri"), withdrawn.grant.at("continue", "access_token", "value"), nil, 204)
	require.Equal(t, http.StatusGone, s.browse(http.MethodGet, s.base+"/consent?interactId="+form.Get("interactId")+"&nonce="+form.Get("nonce"), nil).status, "a reload says so")
	form.Set("decision", "approve")
	require.Equal(t, "unknown_interaction", s.browse(http.MethodPost, s.base+"/consent", form).location.Query().Get("result"))
}

func TestPages_SayWhatIsWrong(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	shown := s.browse(http.MethodGet, s.base+"/interact/nobody/knows", nil)
	require.Equal(t, http.StatusBadRequest, shown.status)
	require.Equal(t, "This link leads nowhere", shown.page(t).Find("h1").Text())
	require.Contains(t, shown.header.Get("Content-Security-Policy"), "frame-ancestors 'none'")
}

func TestIndex_ListsTheWallets(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	row := s.browse(http.MethodGet, s.base+"/", nil).page(t).Find(`tr[data-wallet="buyer-usd"]`)
	require.Equal(t, s.base+"/buyer-usd", row.Find("code").Text())
	require.Contains(t, row.Text(), "10,000,000.00")
}
