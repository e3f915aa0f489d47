package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"path"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox"
)

func TestPayment_MovesExactlyWhatItSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		buyer, seller, asked string
		debit, sent, arrives int64
	}{
		{"buyer-usd", "worker-usd", "1250", 1263, 1250, 1250},
		{"buyer-mxn", "worker-mxn", "1999", 2019, 1999, 1999},
		{"buyer-usd", "worker-mxn", "10000", 592, 586, 10003},
		{"buyer-usd", "worker-mxn", "1999", 120, 118, 2014},
		{"buyer-usd", "yen", "1500", 1011, 1000, 1500},
		{"scale9", "worker-usd", "400", 1010001, 1000000, 400},
		{"buyer-usd", "scale9", "1", 2, 1, 2500},
	} {
		t.Run(c.buyer+" pays "+c.seller+" "+c.asked, func(t *testing.T) {
			t.Parallel()
			p, s := open(t)
			payer, payee := s.balance(c.buyer), s.balance(c.seller)
			o := s.offer(c.buyer, c.seller, c.asked)
			require.Equal(t, fmt.Sprint(c.debit), o.quote.at("debitAmount", "value"))
			token := s.approve(o)
			made := s.pay(o, token)
			require.Equal(t, path.Base(o.quote.at("id")), path.Base(made.at("id")), "an outgoing payment has its quote's UUID")
			require.Equal(t, payer, s.balance(c.buyer), "nothing moves before it settles")
			settle(p)

			done := s.ask("GET", made.at("id"), token, nil, 200)
			require.Equal(t, fmt.Sprint(c.sent), done.at("sentAmount", "value"))
			public := s.ask("GET", o.incoming.at("id"), "", nil, 200)
			require.Equal(t, fmt.Sprint(c.arrives), public.at("receivedAmount", "value"))
			incoming := s.ask("GET", o.incoming.at("id"), o.sellerToken, nil, 200)
			require.Equal(t, true, incoming["completed"])
			require.Equal(t, payer-c.sent, s.balance(c.buyer))
			require.Equal(t, payee+c.arrives, s.balance(c.seller))
			ledger, err := s.control.Ledger(t.Context())
			require.NoError(t, err)
			require.True(t, ledger.Conserved)
		})
	}
}

func TestConsent_HashIsTheOneOfRFC9635(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	o := s.offer("buyer-usd", "worker-mxn", "10000")
	back := s.decide(o.grant, "approve")
	sum := sha256.Sum256([]byte("client-nonce\n" + o.grant.at("interact", "finish") + "\n" + back.Get("interact_ref") + "\n" + o.buyer.at("authServer")))
	require.Equal(t, base64.StdEncoding.EncodeToString(sum[:]), back.Get("hash"))
	require.Equal(t, "42", back.Get("order"), "the client's own query stays")
}

func TestPayment_WithoutFundsFailsLate(t *testing.T) {
	t.Parallel()
	p, s := open(t)
	o := s.offer("marketplace", "worker-mxn", "500") // the marketplace has nothing
	token := s.approve(o)
	made := s.pay(o, token)
	require.Equal(t, false, made["failed"])
	settle(p)
	done := s.ask("GET", made.at("id"), token, nil, 200)
	require.Equal(t, true, done["failed"])
	require.NotEmpty(t, done.at("metadata", "cancellationReason"))
	spent := s.ask("GET", o.buyer.at("resourceServer")+"/outgoing-payment-grant", token, nil, 200)
	require.Equal(t, "0", spent.at("spentDebitAmount", "value"), "a failed payment frees the limit")
}

func TestControl_SettlesBeforeItsTime(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	o := s.offer("buyer-usd", "worker-mxn", "10000")
	token := s.approve(o)
	made := s.pay(o, token)
	require.Equal(t, "0", s.ask("GET", made.at("id"), token, nil, 200).at("sentAmount", "value"), "the clock is held")
	require.NoError(t, s.control.Settle(t.Context()))
	require.Equal(t, "586", s.ask("GET", made.at("id"), token, nil, 200).at("sentAmount", "value"))
}

func TestPayment_ManyAtOnceConserveMoney(t *testing.T) {
	t.Parallel()
	config := testConfig(t)
	config.ContinueWait, config.SettleDelay = 0, 0
	p := start(t, config)
	s := newShop(t, p.URL())
	var sales []sale
	var tokens []string
	for range 12 {
		o := s.offer("buyer-usd", "worker-mxn", "10000")
		sales, tokens = append(sales, o), append(tokens, s.approve(o))
	}
	var all sync.WaitGroup
	created := make(chan int, 3*len(sales))
	for n, o := range sales {
		for range 3 { // the same quote, three times at once
			all.Go(func() {
				status, _, err := s.try("POST", o.buyer.at("resourceServer")+"/outgoing-payments", tokens[n],
					answer{"walletAddress": o.buyer["id"], "quoteId": o.quote["id"]})
				if err == nil {
					created <- status
				}
			})
		}
	}
	all.Wait()
	close(created)
	count := map[int]int{}
	for status := range created {
		count[status]++
	}
	require.Equal(t, map[int]int{http.StatusCreated: len(sales), http.StatusBadRequest: 2 * len(sales)}, count)
	require.Equal(t, int64(100_000+12*10_003), s.balance("worker-mxn"))
	require.True(t, p.bank.Ledger().Conserved)
}

func TestGrant_OfAnotherClientIsOutOfReach(t *testing.T) {
	t.Parallel()
	p, s := open(t)
	o := s.offer("buyer-usd", "worker-usd", "100")
	token := s.approve(o)
	made := s.pay(o, token)
	// The same access, but of a client with another key, reads nothing of ours.
	require.NoError(t, p.bank.RegisterKey("yen", otherKey.jwk("other")))
	g, issued, err := p.bank.RequestGrant(sandbox.GrantRequest{
		Tenant: "bahia", Client: sandbox.Client{WalletAddress: s.base + "/yen"},
		Access: []sandbox.AccessItem{{Type: sandbox.AccessIncoming, Actions: []string{"read"}}},
	})
	require.NoError(t, err)
	require.Nil(t, g.Interaction)
	status, refused, err := s.try("GET", o.incoming.at("id"), issued.Value, nil) // signed by us, not by that client
	require.NoError(t, err)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, refused.at("error", "description"), "Signature validation error")
	require.Equal(t, 403, func() int { n, _, _ := s.try("GET", made.at("id"), o.sellerToken, nil); return n }(), "a token of the other wallet is inactive here")
}

func TestQuote_DiesAndIsReplacedWithinTheConsent(t *testing.T) {
	t.Parallel()
	p, s := open(t)
	o := s.offer("buyer-usd", "worker-usd", "500")
	token := s.approve(o)
	p.held.Advance(5*time.Minute + time.Second)
	refused := s.ask("POST", o.buyer.at("resourceServer")+"/outgoing-payments", token,
		answer{"walletAddress": o.buyer["id"], "quoteId": o.quote["id"]}, 400)
	require.Equal(t, "invalid quote", refused.at("error", "description"))
	unmade := o.buyer.at("resourceServer") + "/outgoing-payments/" + path.Base(o.quote.at("id"))
	require.Equal(t, "Failed to get wallet address from outgoing payment",
		s.ask("GET", unmade, token, nil, 401).at("error", "details", "description"), "a probe tells that it was never made")
	s.requote(&o)
	s.pay(o, token)
	settle(p)
	require.Equal(t, "500", s.ask("GET", o.incoming.at("id"), "", nil, 200).at("receivedAmount", "value"))
}

func TestClient_KnownByItsKeyAlone(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	jwk := clientKey.jwk(clientKeyID)
	seller := s.wallet("worker-mxn")
	granted := s.ask("POST", seller.at("authServer"), "", answer{
		"access_token": answer{"access": []answer{{"type": "incoming-payment", "actions": []string{"create"}}}},
		"client":       answer{"jwk": jwk},
	}, 200)
	s.ask("POST", seller.at("resourceServer")+"/incoming-payments", granted.at("access_token", "value"), answer{"walletAddress": seller["id"]}, 201)
	refused := s.ask("POST", s.wallet("buyer-usd").at("authServer"), "", answer{
		"access_token": answer{"access": []answer{{"type": "outgoing-payment", "actions": []string{"create"}, "identifier": s.base + "/buyer-usd"}}},
		"client":       answer{"jwk": jwk}, "interact": answer{"start": []string{"redirect"}},
	}, 400)
	require.Equal(t, "invalid_client", refused.at("error", "code"))
}

func TestGrant_ForASubject(t *testing.T) {
	t.Parallel()
	_, s := open(t)
	buyer := s.wallet("buyer-usd")
	grant := s.ask("POST", buyer.at("authServer"), "", answer{
		"subject": answer{"sub_ids": []answer{{"id": buyer["id"], "format": "uri"}}},
		"client":  s.base + "/marketplace",
		"interact": answer{"start": []string{"redirect"}, "finish": answer{
			"method": "redirect", "uri": "http://127.0.0.1:8099/finish?order=42", "nonce": "client-nonce"}},
	}, 200)
	page, _ := s.consentPage(grant)
	require.Equal(t, buyer.at("id"), page.Find(`[data-field="subject"]`).Text())
	back := s.decide(grant, "approve")
	done := s.ask("POST", grant.at("continue", "uri"), grant.at("continue", "access_token", "value"),
		answer{"interact_ref": back.Get("interact_ref")}, 200)
	require.NotContains(t, done, "access_token")
	require.Equal(t, map[string]any{"sub_ids": []any{map[string]any{"id": buyer.at("id"), "format": "uri"}}}, done["subject"])
}
