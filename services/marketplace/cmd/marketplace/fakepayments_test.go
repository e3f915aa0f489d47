package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/webhook"
)

// fakePayments is a payments service as the marketplace meets it, written from its documented wire and sharing no code with
// its types. It is hostile within the contract: it wants its key and exact JSON, finishes stay pending until the test says
// that the money came, a hash must be right, and a rejection must come from the payer's session.
type fakePayments struct {
	*httptest.Server
	t       *testing.T
	secret  string
	secrets webhook.Secrets

	mu       sync.Mutex
	sellers  map[string]string           // id to wallet address
	payments map[string]*fakePayment     // by pendingId
	calls    map[string]int              // by route
	fault    map[string]fault            // by route: what happens in the place of an answer
	asset    string                      // of the sellers' wallets
	redirect func(pending string) string // the wallet's page
	looked   []string                    // wallet addresses that were looked at
}

type fakePayment struct {
	PendingID, OfferID, SellerID, Buyer, Amount string
	Status, State, Reason, Message, OutgoingID  string
	CreatedAt                                   time.Time
}

// fault decides about one call: true means that it has written the answer. after says whether the call took effect before.
type fault struct {
	after bool
	do    func(w http.ResponseWriter, r *http.Request) bool
}

const (
	fakeKey  = "fake-payments-key"
	fakeHash = "RightHash/+=="
)

func newFakePayments(t *testing.T) *fakePayments {
	t.Helper()
	secret := webhook.GenerateSecret()
	secrets, err := webhook.ParseSecrets(secret)
	require.NoError(t, err)
	f := &fakePayments{
		t: t, secret: secret, secrets: secrets, sellers: map[string]string{}, payments: map[string]*fakePayment{}, calls: map[string]int{}, fault: map[string]fault{},
		asset: "MXN", redirect: func(pending string) string { return "https://wallet.example/interact/" + pending },
	}
	mux := http.NewServeMux()
	for route, handler := range map[string]http.HandlerFunc{
		"POST /sellers":                       f.register,
		"POST /offers/{offerId}/quotes/start": f.start,
		"GET /payments/finish":                f.finish,
		"GET /payments/{pendingId}/status":    f.status,
		"GET /offers/{offerId}/payments":      f.ofOffer,
		"POST /api/wallet/profile":            f.profile,
		"POST /payments/{pendingId}/cancel":   f.cancel,
	} {
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) { f.serve(route, handler, w, r) })
	}
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	return f
}

func (f *fakePayments) serve(route string, handler http.HandlerFunc, w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.calls[route]++
	now := f.fault[route]
	f.mu.Unlock()
	if now.do != nil && !now.after && now.do(w, r) {
		return
	}
	if r.Header.Get("Authorization") != "Bearer "+fakeKey {
		f.refuse(w, http.StatusUnauthorized, "unauthorized")
		return
	}
	f.mu.Lock()
	recorder := httptest.NewRecorder()
	handler(recorder, r)
	f.mu.Unlock()
	if now.do != nil && now.do(w, r) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes())
}

// breakRoute makes a route misbehave; nil heals it.
func (f *fakePayments) breakRoute(route string, after bool, do func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault[route] = fault{after, do}
}

// answerWith makes a route answer with an error.
func (f *fakePayments) answerWith(route string, status int, code string) {
	f.breakRoute(route, false, func(w http.ResponseWriter, _ *http.Request) bool {
		f.refuse(w, status, code)
		return true
	})
}

func (f *fakePayments) called(route string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[route]
}

func (f *fakePayments) refuse(w http.ResponseWriter, status int, code string) {
	f.write(w, status, map[string]any{"error": "<b>internal words of 10.0.0.7</b>", "code": code})
}

func (f *fakePayments) write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (f *fakePayments) read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		f.refuse(w, http.StatusBadRequest, "malformed")
		return false
	}
	return true
}

func (f *fakePayments) register(w http.ResponseWriter, r *http.Request) {
	var body struct{ ID, WalletAddressURL string }
	if !f.read(w, r, &body) {
		return
	}
	if strings.Contains(body.WalletAddressURL, "nobody") {
		f.refuse(w, http.StatusUnprocessableEntity, "invalid_wallet_address")
		return
	}
	f.sellers[body.ID] = body.WalletAddressURL
	f.write(w, http.StatusCreated, map[string]any{"ok": true, "id": body.ID})
}

// profile knows every wallet but nobody's.
func (f *fakePayments) profile(w http.ResponseWriter, r *http.Request) {
	var body struct{ WalletAddressURL string }
	if !f.read(w, r, &body) {
		return
	}
	f.looked = append(f.looked, body.WalletAddressURL)
	if strings.Contains(body.WalletAddressURL, "nobody") {
		f.refuse(w, http.StatusBadRequest, "invalid_wallet_address")
		return
	}
	name := body.WalletAddressURL[strings.LastIndex(body.WalletAddressURL, "/")+1:]
	f.write(w, http.StatusOK, map[string]any{"success": true, "wallet": map[string]any{
		"id": body.WalletAddressURL, "publicName": "Wallet of " + name, "assetCode": f.asset, "assetScale": 2,
		"authServer": "https://auth.wallet.example", "resourceServer": "https://wallet.example",
	}})
}

func (f *fakePayments) start(w http.ResponseWriter, r *http.Request) {
	var body struct{ SellerID, BuyerWalletAddressURL, Amount string }
	if !f.read(w, r, &body) {
		return
	}
	offer := r.PathValue("offerId")
	if f.sellers[body.SellerID] == "" {
		f.refuse(w, http.StatusNotFound, "not_found")
		return
	}
	if strings.Contains(body.BuyerWalletAddressURL, "nobody") {
		f.refuse(w, http.StatusUnprocessableEntity, "invalid_wallet_address")
		return
	}
	var live *fakePayment
	for _, p := range f.payments {
		if p.OfferID != offer {
			continue
		}
		switch {
		case p.Status == "paid":
			f.refuse(w, http.StatusConflict, "already_paid")
			return
		case p.Status == "pending" && p.State != "awaiting_approval":
			f.refuse(w, http.StatusConflict, "payment_in_progress")
			return
		case p.Status == "pending":
			live = p
		}
	}
	if live != nil && live.Buyer != body.BuyerWalletAddressURL { // replaced, as another wallet is to pay
		live.Status, live.State, live.Reason = "failed", "failed", "canceled"
		live = nil
	}
	if live == nil {
		live = &fakePayment{
			PendingID: ulid.MustNew(ulid.Timestamp(clock.System().Now()), rand.Reader).String(), OfferID: offer, SellerID: body.SellerID, Buyer: body.BuyerWalletAddressURL,
			Amount: body.Amount, Status: "pending", State: "awaiting_approval", CreatedAt: clock.System().Now(),
		}
		f.payments[live.PendingID] = live
	}
	minor := strings.ReplaceAll(body.Amount, ".", "")
	f.write(w, http.StatusOK, map[string]any{
		"pendingId": live.PendingID, "redirectUrl": f.redirect(live.PendingID), "paymentUrl": f.redirect(live.PendingID), "incomingPaymentId": "https://w.example/i/1",
		"quoteId": "https://w.example/q/1", "amount": body.Amount, "assetCode": f.asset, "offerId": offer, "status": "pending", "state": live.State, "assetScale": 2,
		"debitAmount":   map[string]any{"value": "561", "assetCode": "USD", "assetScale": 2},
		"receiveAmount": map[string]any{"value": strings.TrimLeft(minor, "0"), "assetCode": f.asset, "assetScale": 2},
		"expiresAt":     live.CreatedAt.Add(10 * time.Minute), "somethingNew": true,
	})
}

func (f *fakePayments) finish(w http.ResponseWriter, r *http.Request) {
	p := f.payments[r.URL.Query().Get("pendingId")]
	switch {
	case p == nil:
		f.refuse(w, http.StatusNotFound, "not_found")
		return
	case p.Status != "pending":
	case r.URL.Query().Get("result") != "":
		if r.Header.Get("Payers-Session") != "true" {
			f.refuse(w, http.StatusForbidden, "hash_invalid")
			return
		}
		p.Status, p.State, p.Reason = "failed", "failed", "rejected"
	case r.URL.Query().Get("hash") != fakeHash || r.URL.Query().Get("interact_ref") == "":
		f.refuse(w, http.StatusForbidden, "hash_invalid")
		return
	case p.State == "awaiting_approval":
		p.State = "sending"
	}
	f.write(w, http.StatusOK, map[string]any{
		"ok": p.Status != "failed", "status": p.Status, "state": p.State, "reason": p.Reason, "message": p.Message, "pendingId": p.PendingID, "offerId": p.OfferID,
		"outgoingPayment": map[string]any{"id": p.OutgoingID},
	})
}

func (f *fakePayments) wire(p *fakePayment) map[string]any {
	return map[string]any{
		"pendingId": p.PendingID, "offerId": p.OfferID, "status": p.Status, "state": p.State, "reason": p.Reason, "message": p.Message,
		"buyerWalletAddressUrl": p.Buyer, "incomingPaymentId": "https://w.example/i/1", "outgoingPaymentId": p.OutgoingID, "quoteId": "https://w.example/q/1",
		"sellerId": p.SellerID, "createdAt": p.CreatedAt, "updatedAt": p.CreatedAt,
	}
}

func (f *fakePayments) status(w http.ResponseWriter, r *http.Request) {
	if p := f.payments[r.PathValue("pendingId")]; p != nil {
		f.write(w, http.StatusOK, f.wire(p))
		return
	}
	f.refuse(w, http.StatusNotFound, "not_found")
}

func (f *fakePayments) cancel(w http.ResponseWriter, r *http.Request) {
	p := f.payments[r.PathValue("pendingId")]
	switch {
	case p == nil:
		f.refuse(w, http.StatusNotFound, "not_found")
		return
	case p.Status == "paid":
		f.refuse(w, http.StatusConflict, "already_paid")
		return
	case p.Status == "pending" && p.State != "awaiting_approval":
		f.refuse(w, http.StatusConflict, "payment_in_progress")
		return
	}
	p.Status, p.State, p.Reason = "failed", "failed", "canceled"
	f.write(w, http.StatusOK, f.wire(p))
}

func (f *fakePayments) ofOffer(w http.ResponseWriter, r *http.Request) {
	list := []any{}
	for _, p := range f.payments {
		if p.OfferID == r.PathValue("offerId") {
			list = append(list, f.wire(p))
		}
	}
	f.write(w, http.StatusOK, map[string]any{"offerId": r.PathValue("offerId"), "payments": list})
}

// pay lets the money arrive. The marketplace is not told.
func (f *fakePayments) pay(pendingID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.payments[pendingID]
	p.Status, p.State, p.OutgoingID = "paid", "paid", "https://wallet.example/outgoing-payments/"+pendingID
}

// fail ends a payment unpaid. The marketplace is not told.
func (f *fakePayments) fail(pendingID, reason, message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.payments[pendingID]
	p.Status, p.State, p.Reason, p.Message = "failed", "failed", reason, message
}

// known is how a payment stands.
func (f *fakePayments) known(pendingID string) fakePayment {
	f.mu.Lock()
	defer f.mu.Unlock()
	return *f.payments[pendingID]
}

// only is the one payment that there is.
func (f *fakePayments) only() fakePayment {
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Len(f.t, f.payments, 1)
	for _, p := range f.payments {
		return *p
	}
	return fakePayment{}
}

// event is the webhook's body for how a payment stands.
func (f *fakePayments) event(pendingID string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.payments[pendingID]
	kind := "payment.completed"
	if p.Status == "failed" {
		kind = "payment.failed"
	}
	body, err := json.Marshal(map[string]any{
		"type": kind, "pendingId": p.PendingID, "offerId": p.OfferID, "status": p.Status, "outgoingPaymentId": p.OutgoingID,
		"timestamp": p.CreatedAt, "reason": p.Reason, "message": p.Message,
	})
	require.NoError(f.t, err)
	return body
}

// answered is what the marketplace said to a webhook.
type answered struct {
	status int
	body   string
}

// deliver sends a body to the marketplace's webhook door.
func deliver(t *testing.T, base string, body []byte, headers http.Header) answered {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+webhook.Path, bytes.NewReader(body))
	require.NoError(t, err)
	request.Header = headers
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return answered{response.StatusCode, strings.TrimSpace(string(content))}
}

// signed are the headers of a webhook that is signed now.
func (f *fakePayments) signed(id string, body []byte) http.Header {
	h := http.Header{}
	f.secrets.Sign(h, id, clock.System().Now(), body)
	return h
}

// notify delivers how a payment stands, signed.
func (f *fakePayments) notify(base, id, pendingID string) answered {
	body := f.event(pendingID)
	return deliver(f.t, base, body, f.signed(id, body))
}

// returnQuery is what the wallet appends to the finish address after an approval.
func returnQuery(pendingID string) string {
	return "/payments/finish?" + url.Values{"pendingId": {pendingID}, "interact_ref": {"ref-1"}, "hash": {fakeHash}}.Encode()
}
