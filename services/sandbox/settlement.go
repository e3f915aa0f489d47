package sandbox

import (
	"cmp"
	"slices"
	"time"
)

// noFunds is what the recorded wallet says (traces/05-10-late-approval.json, 10d).
const noFunds = "Account does not have enough balance."

// settleDue moves the money of every payment whose time has come, in the order in
// which it came. The caller holds the lock.
func (b *Bank) settleDue(now time.Time) {
	if !slices.ContainsFunc(b.s.due, func(p *OutgoingPayment) bool { return !p.Due.After(now) }) {
		return
	}
	slices.SortFunc(b.s.due, func(x, y *OutgoingPayment) int {
		return cmp.Or(x.Due.Compare(y.Due), cmp.Compare(x.Seq, y.Seq))
	})
	done := 0
	for _, p := range b.s.due {
		if p.Due.After(now) {
			break
		}
		b.settle(p)
		done++
	}
	b.s.due = slices.Delete(b.s.due, 0, done)
	b.touch()
}

// SettleNow moves the money of every payment that is under way, whatever its time.
func (b *Bank) SettleNow() {
	now := b.enter()
	defer b.leave()
	for _, p := range b.s.due {
		p.Due = now
	}
	b.settleDue(now)
}

// settle does one payment, at the moment it fell due.
func (b *Bank) settle(p *OutgoingPayment) {
	at := p.Due
	p.Settled = true
	payer := walletAccount(p.Account)
	in, receiverLives := b.incoming(p.Quote.Incoming, at)
	fault := b.takeFault(OpSettle, "/"+p.ID)
	switch {
	case fault != nil && fault.Kind == FailPayment:
		p.Failed, p.CancellationReason = true, cmp.Or(fault.Reason, "The payment was made to fail.")
	case !at.Before(p.Quote.Expires), !receiverLives:
		// A quote that dies between the 201 and the sending: failed, without a reason
		// (traces/05-01-requote-within-consent.json, 1D).
		p.Failed = true
	case b.s.Balances[payer] < p.Quote.Debit.Value:
		p.Failed, p.CancellationReason = true, noFunds
	default:
		deliver := in.wanted(p.Quote.Receive.Value)
		if fault != nil && fault.Kind == Overpay {
			deliver = p.Quote.Receive.Value
		}
		b.deliver(p, in, deliver, at)
	}
}

// deliver sends what it takes for value to arrive. When nothing is wanted any more
// the payment stays as it is for ever, neither sent nor failed, as the loser of two
// at once did (traces/05-12-double.json, 12b).
func (b *Bank) deliver(p *OutgoingPayment, in *IncomingPayment, value int64, at time.Time) {
	from, to := p.Sent.Asset, in.Received.Asset
	sent, err := b.convert(value, to, from, up)
	if err != nil || sent > p.Quote.Debit.Value {
		// The rate moved by more than the slippage since the quote.
		p.Failed = true
		return
	}
	arrived, err := b.convert(sent, from, to, down)
	if err != nil {
		p.Failed = true
		return
	}
	payer, payee := walletAccount(p.Account), walletAccount(in.Account)
	if from == to {
		b.post(at, payer, payee, Amount{sent, from}, "payment", p.ID)
	} else {
		b.post(at, payer, liquidityAccount(from), Amount{sent, from}, "payment sent", p.ID)
		b.post(at, liquidityAccount(to), payee, Amount{arrived, to}, "payment received", p.ID)
	}
	p.Sent.Value, p.Arrived.Value = sent, arrived
	b.receive(in, arrived, at)
}
