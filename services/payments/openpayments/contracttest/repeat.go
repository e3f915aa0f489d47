package contracttest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	op "tianguis.example/payments/openpayments"
)

// A read is repeated, and each repetition is signed.
func readsAreRepeated(t *testing.T, makeWallets New) {
	good := recording(t, "10d: GET outgoing #1")
	var asked atomic.Int64
	c := makeWallets.client(t, wallet(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 3 || !validSignature(r, nil) {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		good.answer(w, r)
	}), 0)
	got, err := c.OutgoingPayment.Get(t.Context(), op.OutgoingPaymentGetParams{URL: good.URL, AccessToken: token})
	require.NoError(t, err)
	require.Equal(t, good.URL, got.ID)
	require.EqualValues(t, 3, asked.Load())
}

// A signature is dated by the clock that was given, and afresh each time.
func signaturesAreDatedByNow(t *testing.T, makeWallets New) {
	dates := make(chan string, 3)
	httpClient := wallet(t, func(w http.ResponseWriter, r *http.Request) {
		_, after, _ := strings.Cut(r.Header.Get("Signature-Input"), ";created=")
		date, _, _ := strings.Cut(after, ";")
		dates <- date
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	var second atomic.Int64
	c := makeWallets.wallets(t, op.Config{HTTPClient: httpClient, Now: func() time.Time { return time.Unix(second.Add(1), 0) }})
	require.ErrorIs(t, everyCall(t, c)["outgoing get"](t.Context()), op.ErrServer)
	require.Equal(t, []string{"1", "2", "3"}, []string{<-dates, <-dates, <-dates})
}

func repeatGivesUp(t *testing.T, makeWallets New) {
	cases := map[string]struct {
		handler http.HandlerFunc
		times   int64
		kind    error
		after   time.Duration
	}{
		"server error": {says(500, "text/plain", "Internal Server Error"), 3, op.ErrServer, 0},
		"dropped":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 3, op.ErrConnection, 0},
		"refused":      {says(403, "application/json", `{"error":{"code":"403","description":"Inactive Token"}}`), 1, op.ErrInactiveToken, 0},
		"comes back later": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusServiceUnavailable)
		}, 1, op.ErrServer, time.Hour},
		"too often": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "Thu, 01 Jan 1970 00:01:30 GMT")
			w.WriteHeader(http.StatusTooManyRequests)
		}, 1, op.ErrTooManyRequests, 90 * time.Second},
		"nonsense date": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "-99999999999999999999")
			w.WriteHeader(http.StatusTooManyRequests)
		}, 1, op.ErrTooManyRequests, 0},
		"for ever": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "9223372036854775807")
			w.WriteHeader(http.StatusTooManyRequests)
		}, 1, op.ErrTooManyRequests, 365 * 24 * time.Hour},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			c := makeWallets.client(t, wallet(t, func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				test.handler(w, r)
			}), 0)
			err := everyCall(t, c)["outgoing get"](t.Context())
			require.ErrorIs(t, err, test.kind)
			require.Equal(t, test.times, asked.Load())
			require.NotContains(t, err.Error(), base)
			var e *op.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, test.after, e.RetryAfter)
		})
	}
}

// Whatever goes wrong, what has an effect is asked for once.
func repeatNothingWithEffect(t *testing.T, makeWallets New) {
	for _, handler := range []http.HandlerFunc{
		says(500, "text/plain", "Internal Server Error"), says(503, "text/plain", ""), says(429, "text/plain", ""),
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		var asked atomic.Int64
		c := makeWallets.client(t, wallet(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			handler(w, r)
		}), 0)
		calls := everyCall(t, c)
		effects := []string{"grant request", "grant continue", "token rotate", "incoming create", "quote create", "outgoing create"}
		if calls["incoming complete"] != nil {
			effects = append(effects, "incoming complete")
		}
		for _, method := range effects {
			require.Error(t, calls[method](t.Context()), method)
		}
		require.Error(t, c.Grant.Cancel(t.Context(), op.GrantCancelParams{URL: grant, AccessToken: token}))
		more := 1
		if s, ok := c.Token.(revoke); ok {
			require.Error(t, s.Revoke(t.Context(), op.TokenRevokeParams{URL: manage, AccessToken: token}))
			more++
		}
		require.EqualValues(t, len(effects)+more, asked.Load())
	}
}

// A refused connection may be a restart; a forbidden address or an unknown name stays one.
func repeatOnlyWhatMayMend(t *testing.T, makeWallets New) {
	for name, test := range map[string]struct {
		cause error
		dials int64
	}{
		"refused":   {syscall.ECONNREFUSED, 3},
		"forbidden": {errors.New("not public"), 1},
		"no host":   {&net.DNSError{Err: "no such host", Name: "wallet.example", IsNotFound: true}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var dials atomic.Int64
			c := makeWallets.client(t, &http.Client{Transport: &http.Transport{
				DialContext: func(context.Context, string, string) (net.Conn, error) {
					dials.Add(1)
					return nil, &net.OpError{Op: "dial", Net: "tcp", Err: test.cause}
				},
			}}, 0)
			require.ErrorIs(t, everyCall(t, c)["outgoing get"](t.Context()), op.ErrUnreachable)
			require.Equal(t, test.dials, dials.Load())
		})
	}
}

// The cookie of one wallet user's server must not follow to the next request.
func noCookies(t *testing.T, makeWallets New) {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	var cookies atomic.Int64
	httpClient := wallet(t, func(w http.ResponseWriter, r *http.Request) {
		cookies.Add(int64(len(r.Cookies())))
		http.SetCookie(w, &http.Cookie{Name: "who", Value: "you", Path: "/"})
		w.WriteHeader(http.StatusForbidden)
	})
	address, err := url.Parse(base)
	require.NoError(t, err)
	jar.SetCookies(address, []*http.Cookie{{Name: "before", Value: "x"}})
	httpClient.Jar = jar
	c := makeWallets.client(t, httpClient, 0)
	for range 2 {
		require.Error(t, everyCall(t, c)["outgoing get"](t.Context()))
	}
	require.Zero(t, cookies.Load())
}
