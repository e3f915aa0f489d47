package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"tianguis.example/payments/api"
	"tianguis.example/sandbox/control"
)

// slow is how much longer each call of the wallet takes here, so that it alone is what a start waits for.
const slow = 50 * time.Millisecond

// The calls of the wallet that wait for each other by the protocol. Of a start whose wallets are known: the incoming payment, its quote, the consent to
// pay that. Of one whose wallets were never seen: who they are, before all that; and of the first one at an auth server one more, which does not count here,
// for the tokens that later ones share. Of a finish: the grant, and the payment.
const (
	warmChain   = 3
	coldChain   = 4
	finishChain = 2
)

// within is how near to the latencies alone the time must come.
const within = 1 / 1.15

// sample is one payment at a slow wallet.
type sample struct {
	cold, warm, sent                time.Duration
	coldCalls, warmCalls, sentCalls int
}

// chain measures how many calls of the wallet a payment waits for, one after the other, and for how long when each takes its time.
func (r *run) chain(ctx context.Context) ([]Row, error) {
	w, _, err := r.heard(ctx)
	if err != nil {
		return nil, err
	}
	// Where wallets look up our keys is their own affair, and so is the page of consent.
	for _, operation := range []string{opWalletAddress, "grant.*", "incoming-payment.*", "quote.*", "outgoing-payment.*"} {
		if err := w.wallets.AddFault(ctx, control.Fault{Kind: control.Latency, Operation: operation, Latency: control.Duration(slow)}); err != nil {
			return nil, err
		}
	}
	row := func(id, what string, chain int) (counted, timed Row) {
		counted = Row{
			ID: id + "-calls", What: what + ": calls that wait for each other", LimitIs: "the protocol's own chain", Less: true, Aim: Aim{AtMost: float64(chain)},
		}
		timed = Row{
			ID: id + "-time", What: fmt.Sprintf("%s: time, each call %d ms", what, slow.Milliseconds()), Unit: "ms", Less: true, Aim: Aim{Share: within},
			LimitIs: fmt.Sprintf("%d × %d ms", chain, slow.Milliseconds()),
		}
		return counted, timed
	}
	warmCalls, warm := row("start-warm", "start, wallets known", warmChain)
	coldCalls, cold := row("start-cold", "start, wallets never seen", coldChain)
	sentCalls, sent := row("finish", "approved → sent", finishChain)
	for round := range r.Rounds {
		var all []sample
		for i := range r.many(7, 2) {
			s, err := w.sample(ctx, fmt.Sprintf("%d-%d", round, i))
			if err != nil {
				return nil, err
			}
			all = append(all, s)
		}
		for _, of := range []struct {
			row    *Row
			chain  int
			figure func(sample) float64
		}{
			{&warmCalls, warmChain, func(s sample) float64 { return float64(s.warmCalls) }},
			{&coldCalls, coldChain, func(s sample) float64 { return float64(s.coldCalls) }},
			{&sentCalls, finishChain, func(s sample) float64 { return float64(s.sentCalls) }},
			{&warm, warmChain * int(slow.Milliseconds()), func(s sample) float64 { return milliseconds(s.warm) }},
			{&cold, coldChain * int(slow.Milliseconds()), func(s sample) float64 { return milliseconds(s.cold) }},
			{&sent, finishChain * int(slow.Milliseconds()), func(s sample) float64 { return milliseconds(s.sent) }},
		} {
			var figures []float64
			for _, s := range all {
				figures = append(figures, of.figure(s))
			}
			of.row.add(median(figures), float64(of.chain))
		}
	}
	if err := w.wallets.ClearFaults(ctx); err != nil {
		return nil, err
	}
	return []Row{warmCalls, warm, coldCalls, cold, sentCalls, sent}, nil
}

// sample starts a payment between two wallets that nobody has heard of, and another between the same two, and finishes that.
func (w *world) sample(ctx context.Context, name string) (s sample, err error) {
	buyer, err := w.addWallet(ctx, "buyer-"+name)
	if err != nil {
		return s, err
	}
	seller, err := w.addWallet(ctx, "seller-"+name)
	if err != nil {
		return s, err
	}
	if _, err := w.payments.RegisterSeller(ctx, api.RegisterSeller{ID: "seller-" + name, WalletAddressURL: seller}); err != nil {
		return s, err
	}
	asked := api.Start{SellerID: "seller-" + name, BuyerWalletAddressURL: buyer, Amount: "10.00"}
	if _, s.cold, s.coldCalls, err = w.timedStart(ctx, "cold-"+name, asked); err != nil {
		return s, err
	}
	started, took, count, err := w.timedStart(ctx, "warm-"+name, asked)
	if err != nil {
		return s, err
	}
	s.warm, s.warmCalls = took, count
	back, err := w.consent(ctx, started.RedirectURL)
	if err != nil {
		return s, err
	}
	u, err := url.Parse(back)
	if err != nil {
		return s, err
	}
	if err := w.wallets.ClearHistory(ctx); err != nil {
		return s, err
	}
	query := u.Query()
	if _, err := w.payments.Finish(ctx, api.Finish{PendingID: started.PendingID, InteractRef: query.Get("interact_ref"), Hash: query.Get("hash")}); err != nil {
		return s, err
	}
	if s.sentCalls, err = w.waited(ctx, opOutgoingCreate); err != nil {
		return s, err
	}
	told, err := w.payments.Events(ctx, started.PendingID)
	if err != nil {
		return s, err
	}
	at := func(state string) time.Time {
		i := slices.IndexFunc(told.Events, func(e api.Event) bool { return e.To == state })
		if i < 0 {
			return time.Time{}
		}
		return told.Events[i].At
	}
	if at("approved").IsZero() || at("sending").IsZero() {
		return s, errors.New("a payment that was approved was not sent")
	}
	s.sent = at("sending").Sub(at("approved"))
	return s, nil
}

// timedStart starts a payment at the payments service itself, and tells how long its answer took, and how many calls of the wallet waited for
// each other meanwhile.
func (w *world) timedStart(ctx context.Context, offer string, asked api.Start) (started api.Started, took time.Duration, count int, err error) {
	if err = w.wallets.ClearHistory(ctx); err != nil {
		return started, 0, 0, err
	}
	from := now()
	if started, err = w.payments.Start(ctx, offer, asked); err != nil {
		return started, 0, 0, err
	}
	took = now().Sub(from)
	count, err = w.waited(ctx, "")
	return started, took, count, err
}

// waited is how many of the calls that the wallet remembers began only when another had ended, up to the one with that name.
func (w *world) waited(ctx context.Context, last string) (int, error) {
	asked, err := w.wallets.History(ctx)
	if err != nil {
		return 0, err
	}
	var begun []time.Time
	for _, request := range asked {
		if request.Fault == control.Latency {
			begun = append(begun, request.At)
		}
		if request.Operation == last && last != "" {
			break
		}
	}
	return inARow(begun), nil
}

// inARow is how many calls there are in the longest row of which each began when the one before had ended: none takes less than slow.
func inARow(begun []time.Time) (n int) {
	var free time.Time
	for _, at := range slices.SortedFunc(slices.Values(begun), time.Time.Compare) {
		if at.Before(free) {
			continue
		}
		n++
		free = at.Add(slow)
	}
	return n
}
