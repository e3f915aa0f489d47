//go:build crashpoints

package cmd

import (
	"net/http"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/crashpoint"
	"tianguis.example/payments"
	"tianguis.example/payments/store"
)

// crashes are where the crash test kills this process: before and after each wallet call, each commit and each webhook.
type crashes struct{ *crashpoint.Points }

func newCrashes() crashes { return crashes{crashpoint.FromEnvironment()} }

// keeper is the store as the program uses it.
type keeper = crashingStore

func (c crashes) store(s *store.Store) keeper { return crashingStore{s, c.Points} }

func (c crashes) clock(inner clock.Clock) clock.Clock { return c.Clock(inner) }

func (c crashes) wallets(of func(payments.Client) (payments.Wallets, error)) func(payments.Client) (payments.Wallets, error) {
	return func(who payments.Client) (payments.Wallets, error) {
		w, err := of(who)
		return crashingWallets(w, c.Points), err
	}
}

const webhookPoint = "webhook POST"

func (c crashes) receiver(client *http.Client) *http.Client {
	own := *client
	own.Transport = crashingTransport{client.Transport, c.Points}
	return &own
}

type crashingTransport struct {
	inner http.RoundTripper
	at    *crashpoint.Points
}

func (t crashingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return crashpoint.Get(t.at, webhookPoint, func() (*http.Response, error) { return t.inner.RoundTrip(r) })
}
