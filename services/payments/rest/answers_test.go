package rest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/openpayments"
)

func TestStart_Answer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	var asked payments.StartRequest
	h.rules.start = func(r payments.StartRequest) (payments.Payment, error) {
		asked = r
		return aPayment(t), nil
	}
	got := h.ask(t, http.MethodPost, "/offers/7/quotes/start", `{"sellerId":"alice","buyerWalletAddressUrl":"https://wallet.example/bob","amount":"100.00"}`, withKey)
	require.Equal(t, http.StatusOK, got.status)
	require.Equal(t, payments.StartRequest{OfferID: "7", SellerID: "alice", BuyerWalletAddressURL: "https://wallet.example/bob", Amount: "100.00"}, asked)
	require.JSONEq(t, `{"pendingId":"`+string(pendingID)+`","redirectUrl":"https://wallet.example/interact?a=1&b=2","paymentUrl":"https://wallet.example/interact?a=1&b=2",
		"incomingPaymentId":"https://wallet.example/incoming-payments/1","quoteId":"https://wallet.example/quotes/1","amount":"100.00","assetCode":"MXN","offerId":"7",
		"status":"pending","state":"awaiting_approval","assetScale":2,"debitAmount":{"value":"533","assetCode":"USD","assetScale":2},
		"receiveAmount":{"value":"10000","assetCode":"MXN","assetScale":2},"expiresAt":"2026-11-23T12:10:00Z"}`, got.body)
	require.Contains(t, got.body, "?a=1&b=2", "it can be copied from a terminal")
	require.NotContains(t, got.body, planted)
}

func TestStatus_Answer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	h.keep(t, aPayment(t))
	const one = `{"pendingId":"` + string(pendingID) + `","offerId":"7","status":"pending","buyerWalletAddressUrl":"https://wallet.example/bob",
		"incomingPaymentId":"https://wallet.example/incoming-payments/1","outgoingPaymentId":"","quoteId":"https://wallet.example/quotes/1",
		"sellerId":"alice","state":"awaiting_approval","redirectUrl":"https://wallet.example/interact?a=1&b=2",
		"amount":{"value":"10000","assetCode":"MXN","assetScale":2},"debitAmount":{"value":"533","assetCode":"USD","assetScale":2},
		"createdAt":"2026-11-23T12:00:00Z","updatedAt":"2026-11-23T12:00:00Z","expiresAt":"2026-11-23T12:10:00Z"}`
	for path, want := range map[string]string{
		"/payments/" + string(pendingID) + "/status": one,
		"/payments/pending":                          `{"payments":[` + one + `]}`,
		"/offers/7/payments":                         `{"offerId":"7","payments":[` + one + `]}`,
		"/offers/8/payments":                         `{"offerId":"8","payments":[]}`,
	} {
		got := h.ask(t, http.MethodGet, path, "", withKey)
		require.Equal(t, http.StatusOK, got.status, path)
		require.JSONEq(t, want, got.body, path)
		require.NotContains(t, got.body, planted, path)
	}
	for _, id := range []string{"01KAR0000000000000000000ZZ", "test-123", "%20", "%2e%2e"} {
		got := h.ask(t, http.MethodGet, "/payments/"+id+"/status", "", withKey)
		require.Equal(t, http.StatusNotFound, got.status, id)
		require.Equal(t, "not_found", got.failure(t).Code, id)
	}
	require.NotContains(t, h.lines.String(), planted)
}

// A consent that is being called off is nowhere to go to.
func TestStatus_NoRedirectOnceItIsEnding(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	p := aPayment(t)
	p.Ending = payments.Canceled
	h.keep(t, p)
	got := h.ask(t, http.MethodGet, "/payments/"+string(pendingID)+"/status", "", withKey)
	require.NotContains(t, got.body, "redirectUrl")
	require.NotContains(t, got.body, "expiresAt")
}

func TestSellers_RegisterAndList(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	require.JSONEq(t, `{"sellers":[]}`, h.ask(t, http.MethodGet, "/sellers", "", withKey).body)
	register := func(wallet string) answer {
		return h.ask(t, http.MethodPost, "/sellers", `{"id":"bob","walletAddressUrl":"`+wallet+`"}`, withKey)
	}
	got := register("https://wallet.example/b")
	require.Equal(t, http.StatusCreated, got.status)
	require.JSONEq(t, `{"ok":true,"id":"bob"}`, got.body)
	require.Equal(t, http.StatusCreated, register("https://wallet.example/bob").status, "the same id again changes the seller")
	require.NoError(t, h.store.PutSeller(t.Context(), payments.Seller{
		ID: "alice", WalletAddressURL: "https://wallet.example/alice", KeyID: "key-1", PrivateKeyPath: "planted/path.pem", CreatedAt: at, UpdatedAt: at,
	}, nil))
	got = h.ask(t, http.MethodGet, "/sellers", "", withKey)
	require.JSONEq(t, `{"sellers":[{"id":"alice","walletAddressUrl":"https://wallet.example/alice","keyId":"key-1"},
		{"id":"bob","walletAddressUrl":"https://wallet.example/bob"}]}`, got.body)
	require.NotContains(t, got.body, "planted")
}

func TestSellers_Refused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	for body, code := range map[string]string{
		`{}`:           "invalid_request",
		`{"id":"bob"}`: "invalid_wallet_address",
		`{"id":"a b","walletAddressUrl":"https://w.example/b"}`:                                            "invalid_request",
		`{"id":"bob","walletAddressUrl":"ftp://w.example/b"}`:                                              "invalid_wallet_address",
		`{"id":"bob","walletAddressUrl":"https://u:p@w.example/b"}`:                                        "invalid_wallet_address",
		`{"id":"bob","walletAddressUrl":"/etc/passwd"}`:                                                    "invalid_wallet_address",
		`{"id":"bob","walletAddressUrl":"https://w.example/b","keyId":"k"}`:                                "invalid_request",
		`{"id":"bob","walletAddressUrl":"https://w.example/b","privateKeyPath":"k.pem"}`:                   "invalid_request",
		`{"id":"bob","walletAddressUrl":"https://w.example/b","keyId":"k","privateKeyPath":"/etc/shadow"}`: "invalid_key",
	} {
		got := h.ask(t, http.MethodPost, "/sellers", body, withKey)
		require.Equal(t, http.StatusBadRequest, got.status, body)
		require.Equal(t, code, got.failure(t).Code, body)
	}
	require.Empty(t, sellersOf(t, h))
}

func TestIncoming_Answer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	asked := amount(t, 1999, "MXN", 2)
	h.rules.incoming = func(r payments.IncomingRequest) (openpayments.IncomingPayment, error) {
		if r != (payments.IncomingRequest{SellerID: "alice", Amount: "19.99", Description: "Mole & tortillas"}) {
			return openpayments.IncomingPayment{}, fmt.Errorf("asked for %+v", r)
		}
		p := openpayments.IncomingPayment{IncomingAmount: &asked}
		p.ID, p.WalletAddress, p.ReceivedAmount, p.ExpiresAt = "https://w.example/i/1", "https://w.example/alice", amount(t, 0, "MXN", 2), at
		return p, nil
	}
	got := h.ask(t, http.MethodPost, "/api/payments/incoming", `{"sellerId":"alice","amount":"19.99","description":"Mole & tortillas"}`, withKey)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.JSONEq(t, `{"success":true,"paymentId":"https://w.example/i/1","payment_id":"https://w.example/i/1","data":{"id":"https://w.example/i/1",
		"walletAddress":"https://w.example/alice","incomingAmount":{"value":"1999","assetCode":"MXN","assetScale":2},
		"receivedAmount":{"value":"0","assetCode":"MXN","assetScale":2},"completed":false,"expiresAt":"2026-11-23T12:00:00Z","description":"Mole & tortillas"}}`, got.body)
}

func TestProfile_Answer(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	h.rules.profile = func(url string) (openpayments.WalletAddress, error) {
		return openpayments.WalletAddress{ID: url, AssetCode: "MXN", AssetScale: 2, AuthServer: "https://a.example", ResourceServer: "https://r.example"}, nil
	}
	got := h.ask(t, http.MethodPost, "/api/wallet/profile", `{"walletAddressUrl":"https://w.example/alice"}`, withKey)
	require.Equal(t, http.StatusOK, got.status)
	require.JSONEq(t, `{"success":true,"wallet":{"id":"https://w.example/alice","assetCode":"MXN","assetScale":2,"authServer":"https://a.example","resourceServer":"https://r.example"}}`, got.body)
}

func TestErrors_UnknownOnesStayInTheLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	for _, unknown := range []error{
		errors.New("dial tcp 10.0.0.7:5432: planted"),
		fmt.Errorf("read the seller: %w", context.DeadlineExceeded),
		payments.Errorf("a_code_without_a_row", "planted"),
	} {
		h.rules.start = func(payments.StartRequest) (payments.Payment, error) { return payments.Payment{}, unknown }
		got := h.ask(t, http.MethodPost, "/offers/7/quotes/start", `{}`, withKey)
		require.Equal(t, http.StatusInternalServerError, got.status)
		require.Equal(t, "internal", got.failure(t).Code)
		require.NotEmpty(t, got.header.Get(httpserver.RequestIDHeader))
		require.NotContains(t, got.body, "planted")
		require.NotContains(t, got.body, "10.0.0.7")
		require.NotContains(t, got.body, "deadline")
		require.Contains(t, h.lines.String(), got.header.Get(httpserver.RequestIDHeader))
	}
	require.Contains(t, h.lines.String(), "planted")
}

func TestErrors_APanicIsInternal(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	h.rules.start = func(payments.StartRequest) (payments.Payment, error) { panic("planted") }
	got := h.ask(t, http.MethodPost, "/offers/7/quotes/start", `{}`, withKey)
	require.Equal(t, http.StatusInternalServerError, got.status)
	require.Equal(t, "internal", got.failure(t).Code)
	require.NotContains(t, got.body, "planted")
}

// The cause is for the log; the words and when to come back are for the caller.
func TestErrors_KnownOnes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	h.rules.start = func(payments.StartRequest) (payments.Payment, error) {
		return payments.Payment{}, fmt.Errorf("start: %w", &payments.Error{
			Code: payments.CodeWalletDown, Message: "the wallet is away", RetryAfter: 1500 * time.Millisecond, Err: errors.New("planted"),
		})
	}
	got := h.ask(t, http.MethodPost, "/offers/7/quotes/start", `{}`, withKey)
	require.Equal(t, http.StatusBadGateway, got.status)
	require.Equal(t, "2", got.header.Get("Retry-After"))
	require.Equal(t, api.Failure{Error: "the wallet is away", Code: api.CodeWalletDown, RequestID: got.header.Get(httpserver.RequestIDHeader)}, got.failure(t))
	require.Contains(t, h.lines.String(), "planted")
}

// The client and the doors agree, over the wire.
func TestClient_AgainstTheDoors(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	h.keep(t, aPayment(t))
	client := api.NewClient(h.url, theKey, &http.Client{Transport: watch})
	require.NoError(t, client.Ready(t.Context()))
	p, err := client.Payment(t.Context(), string(pendingID))
	require.NoError(t, err)
	require.Equal(t, amount(t, 10_000, "MXN", 2), *p.Amount)
	require.Equal(t, at, p.CreatedAt)
	require.True(t, p.PaidAt.IsZero())
	all, err := client.Pending(t.Context())
	require.NoError(t, err)
	require.Len(t, all.Payments, 1)
	_, err = client.Payment(t.Context(), "test-123")
	said, ok := errors.AsType[*api.Error](err)
	require.True(t, ok)
	require.Equal(t, api.CodeNotFound, said.Code)
	require.Equal(t, http.StatusNotFound, said.Status)
	_, err = api.NewClient(h.url, "wrong", &http.Client{Transport: watch}).Sellers(t.Context())
	require.ErrorContains(t, err, "unauthorized")
}
