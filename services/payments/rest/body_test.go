package rest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/payments"
)

// posts are the routes that read a body.
var posts = []string{"/sellers", "/offers/7/quotes/start", "/api/payments/incoming", "/api/wallet/profile"}

func TestBody_BadOnes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	for _, path := range posts {
		for name, c := range map[string]struct {
			body   string
			kind   string
			status int
			code   string
		}{
			"nothing":               {"", "application/json", 400, "invalid_request"},
			"not JSON":              {"id=alice", "application/json", 400, "invalid_request"},
			"half of it":            {`{"id":"alice"`, "application/json", 400, "invalid_request"},
			"two of them":           {`{} {}`, "application/json", 400, "invalid_request"},
			"an array":              {`[]`, "application/json", 400, "invalid_request"},
			"text":                  {`"alice"`, "application/json", 400, "invalid_request"},
			"a number":              {`7`, "application/json", 400, "invalid_request"},
			"deeply nested":         {strings.Repeat("[", 60_000), "application/json", 400, "invalid_request"},
			"a form":                {`id=alice`, "application/x-www-form-urlencoded", 415, "unsupported_media_type"},
			"JSON called text":      {`{}`, "text/plain", 415, "unsupported_media_type"},
			"JSON called nothing":   {`{}`, "", 415, "unsupported_media_type"},
			"JSON called something": {`{}`, "application/jsonx", 415, "unsupported_media_type"},
			"too much":              {`{"id":"` + strings.Repeat("x", 64<<10) + `"}`, "application/json", 413, "too_large"},
		} {
			got := h.ask(t, http.MethodPost, path, c.body, withKey, func(r *http.Request) {
				r.Header.Del("Content-Type")
				if c.kind != "" {
					r.Header.Set("Content-Type", c.kind)
				}
			})
			require.Equal(t, c.status, got.status, "%s: %s: %s", path, name, got.body)
			failure := got.failure(t)
			require.Equal(t, c.code, failure.Code, "%s: %s", path, name)
			require.NotContains(t, failure.Error, "api.", "no name of a type of ours")
		}
	}
	require.Empty(t, sellersOf(t, h))
}

func TestBody_TooMuchWithoutSayingSo(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	for _, path := range posts {
		got := h.ask(t, http.MethodPost, path, "", withKey, header("Content-Type", "application/json"), func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(`{"id":"` + strings.Repeat("x", 70<<10) + `"}`))
			r.ContentLength = -1 // chunked
		})
		require.Equal(t, http.StatusRequestEntityTooLarge, got.status, path)
		require.Equal(t, "too_large", got.failure(t).Code)
	}
}

func TestBody_WrongTypes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	for _, c := range []struct{ path, body, code, says string }{
		{"/sellers", `{"id":7}`, "invalid_request", "id must be a string, not a number"},
		{"/sellers", `{"id":["a"]}`, "invalid_request", "id must be a string, not a array"},
		{"/offers/7/quotes/start", `{"sellerId":"alice","amount":100}`, "invalid_amount", `"100.00"`},
		{"/offers/7/quotes/start", `{"sellerId":"alice","amount":19.99}`, "invalid_amount", `"100.00"`},
		{"/offers/7/quotes/start", `{"sellerId":true}`, "invalid_request", "sellerId must be a string, not a bool"},
		{"/api/payments/incoming", `{"amount":{"value":"1"}}`, "invalid_amount", `"100.00"`},
		{"/api/wallet/profile", `{"walletAddressUrl":null}`, "invalid_wallet_address", "walletAddressUrl"},
		{"/api/wallet/profile", `null`, "invalid_wallet_address", "walletAddressUrl"},
		{"/api/wallet/profile", `{}`, "invalid_wallet_address", "walletAddressUrl"},
	} {
		got := h.ask(t, http.MethodPost, c.path, c.body, withKey)
		require.Equal(t, http.StatusBadRequest, got.status, "%s %s", c.path, c.body)
		require.Equal(t, c.code, got.failure(t).Code, c.body)
		require.Contains(t, got.failure(t).Error, c.says)
	}
}

// Fields that we do not know, and a charset, do not matter.
func TestBody_MayHoldMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	got := h.ask(t, http.MethodPost, "/sellers", "{\"id\":\"alice\",\"walletAddressUrl\":\"https://wallet.example/alice\",\"more\":{\"x\":[1]}}\n\n", withKey,
		func(r *http.Request) { r.Header.Set("Content-Type", "application/json; charset=utf-8") })
	require.Equal(t, http.StatusCreated, got.status, got.body)
}

// Postgres takes no NUL and no broken UTF-8 in a text: neither may become an internal error.
func TestBody_TextThatADatabaseCannotHold(t *testing.T) {
	t.Parallel()
	for _, dialect := range []string{database.SQLite, database.Postgres} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			address := databasetest.SQLiteAddress(t)
			if dialect == database.Postgres {
				address = databasetest.PostgresAddress(t)
			}
			h := newHouseOn(t, theKey, address)
			h.rules.finish = nil
			const wallet = `"buyerWalletAddressUrl":"https://wallet.example/bob"`
			for _, c := range []struct{ method, path, body string }{
				{http.MethodGet, "/offers/%00/payments", ""},
				{http.MethodGet, "/offers/%ff/payments", ""},
				{http.MethodGet, "/offers/a%2F%00/payments", ""},
				{http.MethodGet, "/payments/%00/status", ""},
				{http.MethodGet, "/payments/finish?pendingId=%00&hash=a&interact_ref=b", ""},
				{http.MethodPost, "/offers/%00/quotes/start", `{"sellerId":"alice","amount":"1.00",` + wallet + `}`},
				{http.MethodPost, "/offers/7/quotes/start", `{"sellerId":"\u0000","amount":"1.00",` + wallet + `}`},
				{http.MethodPost, "/offers/7/quotes/start", "{\"sellerId\":\"\xff\",\"amount\":\"1.00\"," + wallet + "}"},
				{http.MethodPost, "/sellers", `{"id":"a\u0000","walletAddressUrl":"https://wallet.example/alice"}`},
				{http.MethodPost, "/sellers", `{"id":"a","walletAddressUrl":"https://wallet.example/alice\u0000"}`},
				{http.MethodPost, "/sellers", `{"id":"a","walletAddressUrl":"https://wallet.example/alice","keyId":"\u0000","privateKeyPath":"\u0000"}`},
				{http.MethodPost, "/api/payments/incoming", `{"sellerId":"\u0000","amount":"1.00"}`},
			} {
				got := h.ask(t, c.method, c.path, c.body, withKey)
				require.GreaterOrEqual(t, got.status, 400, "%s %s: %s", c.path, c.body, got.body)
				require.Less(t, got.status, 500, "%s %s: %s", c.path, c.body, got.body)
				require.NotEqual(t, "internal", got.failure(t).Code)
			}
			require.Empty(t, sellersOf(t, h))
		})
	}
}

// What an offer is called is the marketplace's affair: it comes through as it was escaped.
func TestPath_OfferIDsComeThrough(t *testing.T) {
	t.Parallel()
	h := newHouse(t, theKey)
	var asked string
	h.rules.start = func(r payments.StartRequest) (payments.Payment, error) {
		asked = r.OfferID
		return aPayment(t), nil
	}
	for path, want := range map[string]string{
		"7": "7", "job-7_x.y~z": "job-7_x.y~z", "a%2Fb": "a/b", "a%2fb%25": "a/b%", "50%25": "50%", "a%20b": "a b", "a%3Fb%23": "a?b#", "..%2F..": "../..", "%C3%B1": "ñ", "a+b": "a+b",
	} {
		got := h.ask(t, http.MethodPost, "/offers/"+path+"/quotes/start", startBody, withKey)
		require.Equal(t, http.StatusOK, got.status, path)
		require.Equal(t, want, asked)
		listed := h.ask(t, http.MethodGet, "/offers/"+path+"/payments", "", withKey)
		require.Equal(t, http.StatusOK, listed.status, path)
	}
}
