package payments

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tianguis.example/chassis/logging"
	"tianguis.example/payments/openpayments"
)

// ReconcileRequest says what is compared.
type ReconcileRequest struct {
	// ChangedSince: payments that have not ended, and those that changed since then; the zero time for all there are.
	ChangedSince time.Time
	// Nudge makes a payment that is paid_but_unmarked due at once: a worker then looks at the seller's side, and decides by the same
	// rules as ever. Nothing else is ever changed.
	Nudge bool
}

// Report is what a comparison found.
type Report struct {
	At       time.Time `json:"at"`       // when it began
	Compared int       `json:"compared"` // payments
	Findings []Finding `json:"findings"` // in the order of the payments' ids, which is that of their making
}

type reconcileStore interface {
	// PaymentsToCompare are up to limit payments with an id above after, in the order of their ids and without their secrets: those that have
	// not ended, and those that changed since changedSince; all of them for the zero time.
	PaymentsToCompare(ctx context.Context, changedSince time.Time, after PaymentID, limit int) ([]Payment, error)
	// PaymentView is the payment without its secrets.
	PaymentView(ctx context.Context, id PaymentID) (Payment, error)
}

const (
	compareBatch = 100              // payments read at a time
	compareAsks  = 8                // wallets asked at a time
	compareCall  = 20 * time.Second // for one call of a wallet
	compareLooks = 3                // how often a payment that moves meanwhile is looked at again
	silentAfter  = 3                // calls without an answer, after which a wallet is not asked again in this run
)

// Reconcile compares what we believe with what the wallets say: the seller's incoming payment, and for a payment that is being sent and whose
// token lives, the outgoing one. It asks a few wallets at a time, holds no transaction meanwhile, and changes nothing
// but for Nudge. With an error the report holds what was found before it.
func (s *Service) Reconcile(ctx context.Context, r ReconcileRequest) (Report, error) {
	report := Report{At: s.clock.Now()}
	run := &comparison{Service: s, nudge: r.Nudge, silent: map[string]int{}}
	for after := PaymentID(""); ; {
		batch, err := s.store.PaymentsToCompare(ctx, r.ChangedSince, after, compareBatch)
		if err != nil {
			return report, fmt.Errorf("read the payments to compare: %w", err)
		}
		if len(batch) == 0 {
			return report, nil
		}
		found := make([][]Finding, len(batch))
		asks, asking := errgroup.WithContext(ctx)
		asks.SetLimit(compareAsks)
		for i, p := range batch {
			asks.Go(func() (err error) {
				found[i], err = run.compare(asking, p)
				return err
			})
		}
		err = asks.Wait()
		report.Compared += len(batch)
		report.Findings = append(report.Findings, slices.Concat(found...)...)
		if err != nil {
			return report, err
		}
		after = batch[len(batch)-1].ID
	}
}

// Compare compares one payment, as Reconcile does all, and changes nothing. Errors: CodeNotFound.
func (s *Service) Compare(ctx context.Context, id PaymentID) ([]Finding, error) {
	p, err := s.store.PaymentView(ctx, id)
	if errors.Is(err, ErrUnknown) {
		return nil, Errorf(CodeNotFound, "there is no payment with this pendingId")
	}
	if err != nil {
		return nil, err
	}
	run := &comparison{Service: s, silent: map[string]int{}}
	return run.compare(ctx, p)
}

// Lookable reports whether a worker may be sent to look at the wallets at once. In the other states there is nothing to see, or somebody may have the payment in
// hand whose answer from a wallet would be lost.
func (p Payment) Lookable() bool {
	return p.IncomingPaymentID != "" && (p.State == Authorized || p.State == Sending || p.State.Ended())
}

// Look has a worker look at the wallets at once, instead of when the payment is due, and decide by its own rules; of one that has ended, whether money came after
// all. Errors: CodeNotFound; CodeWrongState for one that is not Lookable.
func (s *Service) Look(ctx context.Context, id PaymentID) error {
	p, err := s.payment(ctx, id)
	if err != nil {
		return err
	}
	if !p.Lookable() {
		return Errorf(CodeWrongState, "a payment that is %s is not looked at: nothing can have been paid yet, or it is just being worked on", p.State)
	}
	_, err = s.makeDue(ctx, p)
	return err
}

// comparison is one run.
type comparison struct {
	*Service
	nudge bool

	mu     sync.Mutex
	silent map[string]int // by the wallets' resource servers: how often they did not answer
}

// compare is one payment's share. A worker may move the payment while the wallet is asked: a finding counts only if the payment stands
// after the wallet's answer as it stood before, or else we would compare things of different times.
func (c *comparison) compare(ctx context.Context, p Payment) ([]Finding, error) {
	ctx = logging.With(ctx, slog.String("pending_id", string(p.ID)))
	for range compareLooks {
		found := p.Compare(c.see(ctx, p), c.clock.Now())
		if err := ctx.Err(); err != nil {
			return nil, err // what we could not see for that is no finding
		}
		if len(found) == 0 {
			return nil, nil
		}
		again, err := c.store.PaymentView(ctx, p.ID)
		if err != nil {
			return nil, fmt.Errorf("read payment %s again: %w", p.ID, err)
		}
		if again.Version != p.Version {
			p = again
			continue
		}
		return found, c.nudgeUnmarked(ctx, p, found)
	}
	return nil, nil // somebody works on it, this very moment
}

// see asks the wallets.
func (c *comparison) see(ctx context.Context, p Payment) Sight {
	if p.IncomingPaymentID == "" {
		return Sight{}
	}
	wallet := p.Seller.ResourceServer
	if c.isSilent(wallet) {
		return Sight{Err: fmt.Errorf("not asked: the wallet had not answered %d times before", silentAfter)}
	}
	w, err := c.walletsOf(p)
	if err != nil {
		return Sight{Err: err}
	}
	call, cancel := context.WithTimeout(ctx, compareCall)
	defer cancel()
	incoming, err := w.IncomingPayment.GetPublic(call, openpayments.IncomingPaymentGetPublicParams{URL: p.IncomingPaymentID})
	switch {
	case errors.Is(err, openpayments.ErrUnknownPayment), errors.Is(err, openpayments.ErrNotFound):
		return Sight{Gone: true}
	case err != nil:
		c.noteSilence(wallet, err)
		return Sight{Err: err}
	}
	return Sight{Received: incoming.ReceivedAmount, Outgoing: c.seeOutgoing(ctx, w, p)}
}

// seeOutgoing is what the buyer's wallet says, for a person to read: the seller's side alone decides. The token is used as it is, and
// never rotated here, which is the worker's.
func (c *comparison) seeOutgoing(ctx context.Context, w Wallets, p Payment) string {
	if p.State != Sending || p.Token.ManageURI == "" || !p.Token.ExpiresAt.IsZero() && !c.clock.Now().Before(p.Token.ExpiresAt) {
		return ""
	}
	whole, err := c.store.Payment(ctx, p.ID)
	if err != nil || whole.Token.Value == "" {
		return "" // the payment is compared without it
	}
	call, cancel := context.WithTimeout(ctx, compareCall)
	defer cancel()
	out, err := w.OutgoingPayment.Get(call, openpayments.OutgoingPaymentGetParams{URL: p.OutgoingPaymentID, AccessToken: whole.Token.Value.Reveal()})
	switch {
	case err != nil:
		return "the buyer's wallet: " + err.Error()
	case out.Failed:
		return strings.TrimSpace(fmt.Sprintf("the buyer's wallet: it failed. %.300s", out.Metadata["cancellationReason"]))
	}
	return fmt.Sprintf("the buyer's wallet: sent %s", out.SentAmount)
}

func (c *comparison) isSilent(wallet string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.silent[wallet] >= silentAfter
}

// noteSilence keeps a wallet that is down from holding up the run, a deadline for each of its payments.
func (c *comparison) noteSilence(wallet string, err error) {
	if !errors.Is(err, openpayments.ErrTimeout) && !errors.Is(err, openpayments.ErrUnreachable) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent[wallet]++
}

// nudgeUnmarked makes a payment due whose money is there. Whoever has it in hand finds it stale, which costs nothing any more in these
// states: the seller's side is full, and the next worker sees that before all else. In a state before them a nudge could cost an
// answer of the wallet, and is not made.
func (c *comparison) nudgeUnmarked(ctx context.Context, p Payment, found []Finding) error {
	i := slices.IndexFunc(found, func(f Finding) bool { return f.Kind == FoundPaidButUnmarked })
	if !c.nudge || i < 0 || !p.Lookable() || p.State.Received() {
		return nil
	}
	whole, err := c.store.Payment(ctx, p.ID)
	if err != nil {
		return fmt.Errorf("read payment %s: %w", p.ID, err)
	}
	if whole.Version != p.Version {
		return nil
	}
	found[i].Nudged, err = c.makeDue(ctx, whole)
	return err
}

// makeDue has a worker take the payment up at once; false when somebody has just done so.
func (s *Service) makeDue(ctx context.Context, p Payment) (bool, error) {
	now := s.clock.Now()
	switch err := s.store.Record(ctx, p.touch(now, now)); {
	case errors.Is(err, ErrStale):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("make payment %s due: %w", p.ID, err)
	}
	return true, nil
}
