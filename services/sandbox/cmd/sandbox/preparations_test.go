package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox/control"
)

// What whoever recorded the traces did between two requests, by changing rows in the
// wallet's database, is done here with the clock and the control API. The key is the
// name of the exchange that follows, and which of that name it is.
var preparations = map[string]func(r *replay, e *exchange){
	// Rejected and pending grants: a reference that the wallet never told anybody.
	"a: continue after rejection, the real (never disclosed) interact_ref|1":   undisclosed,
	"d4: finish grant, correct but undisclosed interact_ref before approval|1": undisclosed,
	"10a: continue with the (undisclosed) ref|1":                               undisclosed,
	"10b: continue with the undisclosed ref|1":                                 undisclosed,

	// Things that died.
	"d15: browser: finish of an expired interaction|1":                                          ahead(10*time.Minute + time.Second),
	"10a: browser opens interact.redirect after expiry|1":                                       ahead(10*time.Minute + time.Second),
	"10b: browser finish after expiry (accepted in time)|1":                                     ahead(10*time.Minute + time.Second),
	"f: POST outgoing-payments with expired quote|1":                                            quoteDies,
	"1A (debitAmount only; same quote token): pay quote1, expired|1":                            quoteDies,
	"1B (debitAmount + receiver; new quote token): pay quote1, expired|1":                       quoteDies,
	"j: use expired token|1":                                                                    ahead(10*time.Minute + time.Second),
	"10c: continue 40 days after the finish redirect (rows aged)|1":                             ahead(40 * 24 * time.Hour),
	"5: rotate 9 (token row aged to 29 days)|1":                                                 ahead(29 * 24 * time.Hour),
	"5: rotate 10 (token row aged to 31 days, grant row to 400 days, cleanup has not run)|1":    ahead(31 * 24 * time.Hour),
	"5d: rotate after the auth server was restarted (cleanup runs at boot); row aged 31 days|1": restartAfter(29*24*time.Hour + 10*time.Minute),
	"1A (debitAmount only; same quote token): quote1|1":                                         lifetimes(control.Lifetimes{Quote: control.For(time.Second)}),
	"1B (debitAmount + receiver; new quote token): quote1|1":                                    lifetimes(control.Lifetimes{Quote: control.For(time.Second)}),
	"1A (debitAmount only; same quote token): quote2 for the same incoming payment|1":           lifetimes(control.Lifetimes{Quote: control.For(5 * time.Minute)}),
	"1B (debitAmount + receiver; new quote token): quote2 for the same incoming payment|1":      lifetimes(control.Lifetimes{Quote: control.For(5 * time.Minute)}),
	"1D: pay; quote expires between the 201 and sending|1":                                      quoteAboutToDie,
	// The payer's wallet was recorded with tokens of 20 s, the payee's with the usual ones.
	"05-05-deferred-release/(setup) quote grant|1":                   lifetimes(control.Lifetimes{Token: control.For(20 * time.Second)}),
	"05-05-deferred-release/(setup) incoming grant|2":                lifetimes(control.Lifetimes{Token: control.For(10 * time.Minute)}),
	"05-05-deferred-release/(setup) quote grant|2":                   lifetimes(control.Lifetimes{Token: control.For(20 * time.Second)}),
	"05-05c-token-row-over-30-days/(setup) outgoing-payment grant|2": ahead(48 * time.Hour),
	"05-10-late-approval/(setup) incoming payment|1":                 renewed,
	"10d: quote for a wallet with a balance of 0.50 EUR|1":           renewed,
	"10d: incoming|1": renewed,
	"02-i-incoming-wrong-asset-and-validation/(setup) incoming payment|3": dyingSoon,

	// Prices that moved.
	"05-01-requote-within-consent/(setup) quote|2": slippage(12_000),
	"05-01-requote-within-consent/(setup) quote|3": slippage(10_000),
	"i: GET expired incoming payment (token)|1":    ahead(2 * time.Second),
}

// repriced are quotes whose recorded answer is not what was paid later: the row was
// changed after it was sent.
var repriced = map[string]bool{"05-01-requote-within-consent/(setup) quote|2": true}

func ahead(by time.Duration) func(*replay, *exchange) {
	return func(r *replay, _ *exchange) { r.program.held.Advance(by) }
}

func lifetimes(l control.Lifetimes) func(*replay, *exchange) {
	return func(r *replay, _ *exchange) {
		require.NoError(r.t, r.control.SetLifetimes(r.t.Context(), l))
	}
}

func quoteDies(r *replay, _ *exchange) { r.program.held.Set(r.quote.Add(time.Second)) }
func quoteAboutToDie(r *replay, _ *exchange) {
	r.program.held.Set(r.quote.Add(-100 * time.Millisecond))
}

// restartAfter lets time pass, and then the cleaning run that a real wallet does at its start.
func restartAfter(by time.Duration) func(*replay, *exchange) {
	return func(r *replay, _ *exchange) {
		r.program.held.Advance(by)
		require.NoError(r.t, r.control.Clean(r.t.Context()))
	}
}

// undisclosed learns the reference of the grant that is about to be continued from
// the wallet's own state: nobody outside of it could.
func undisclosed(r *replay, e *exchange) {
	file := filepath.Join(r.t.TempDir(), "state.json")
	require.NoError(r.t, r.program.bank.Save(file))
	data, err := os.ReadFile(file)
	require.NoError(r.t, err)
	var state struct {
		Grants map[string]struct {
			ContinueID  string `json:"continueId"`
			Interaction struct {
				Ref string `json:"ref"`
			} `json:"interaction"`
		} `json:"grants"`
	}
	require.NoError(r.t, json.Unmarshal(data, &state))
	var recorded struct {
		Ref string `json:"interact_ref"`
	}
	require.NoError(r.t, json.Unmarshal(e.Request.Body, &recorded))
	for _, g := range state.Grants {
		if strings.HasSuffix(r.live(e.Request.URL), "/"+g.ContinueID) {
			r.known[recorded.Ref] = g.Interaction.Ref
			return
		}
	}
	require.Fail(r.t, "no such grant", e.Request.URL)
}

func slippage(ppm int64) func(*replay, *exchange) {
	return func(r *replay, _ *exchange) { require.NoError(r.t, r.control.SetSlippage(r.t.Context(), ppm)) }
}

// renewed rotates the token that is about to be used: it outlived the rows that were
// aged in the recording, and does not outlive a clock that was moved.
func renewed(r *replay, e *exchange) {
	recorded := strings.TrimPrefix(e.Request.Headers["authorization"], "GNAP ")
	live := r.known[recorded]
	_, token, err := r.program.bank.Rotate(r.manage[live], live)
	require.NoError(r.t, err)
	r.known[recorded], r.manage[token.Value] = token.Value, token.ManageID
}

var anyExpiry = regexp.MustCompile(`"expiresAt":\s*"[^"]*"`)

// dyingSoon lets an incoming payment live for a second.
func dyingSoon(_ *replay, e *exchange) {
	soon := `"expiresAt":"` + e.At.Add(time.Second).Format(time.RFC3339Nano) + `"`
	e.Request.Body = anyExpiry.ReplaceAll(e.Request.Body, []byte(soon))
}
