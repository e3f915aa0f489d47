package systemtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/api"
	"tianguis.example/sandbox/control"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// TestOverload: far more people want to start payments than the service takes at a time, while the wallet is slow. Who is sent away is told so, and
// has left nothing behind; what was begun is finished and paid meanwhile. When the crowd is gone everybody gets in, with the same Idempotency-Key, and
// in the end each has paid once.
func TestOverload(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		const atOnce, burst = 4, 60
		port, err := stack.FreePort(t.Context())
		require.NoError(t, err)
		metrics := "127.0.0.1:" + decimal(int64(port))
		w := newWorld(t, database, env{stack.Payments: {"STARTS_AT_ONCE": decimal(atOnce), "METRICS_LISTEN": metrics}})
		wallet := w.addWallet(t, 100_000) // hundredths: enough for all, and the wallet's fees
		_, err = w.payments.RegisterSeller(t.Context(), api.RegisterSeller{ID: "else", WalletAddressURL: w.Sandbox.Address + stack.WorkerWallet})
		require.NoError(t, err)
		before := w.start(t, "100.00 MXN", "/buyer-mxn")
		later := w.signIn(t, funder)
		laterJob := w.jobToPay(t, later, "19.99 MXN")

		// One of the calls of a start takes longer than anybody waits to be let in; no other step of a payment makes it.
		require.NoError(t, w.wallets.AddFault(t.Context(), control.Fault{
			Kind: control.Latency, Operation: "quote.create", Latency: control.Duration(4 * time.Second),
		}))
		crowd := &crowd{world: w, wallet: wallet, started: make([]*api.Started, burst)}
		all := make([]int, burst)
		for i := range all {
			all[i] = i
		}
		require.NoError(t, crowd.each(all, func(i int) error { return crowd.once(t.Context(), i) }))
		out := crowd.out()
		require.NotEmpty(t, out)
		require.Less(t, len(out), burst, "some were let in")
		for _, i := range out {
			left, err := w.payments.OfferPayments(t.Context(), crowd.offer(i))
			require.NoError(t, err)
			require.Empty(t, left.Payments, "whoever was sent away has no payment")
		}

		// Those who were sent away come again and again.
		ctx, goHome := context.WithCancel(t.Context())
		defer goHome()
		home := make(chan error, 1)
		go func() { home <- crowd.each(out, func(i int) error { return crowd.untilIn(ctx, i) }) }()
		moreAreRefused := func() {
			t.Helper()
			so := crowd.refused.Load()
			eventually(t, "more are sent away", func() bool { return crowd.refused.Load() > so })
		}
		moreAreRefused()
		before.open(t, before.decide(t, person.Approve))
		before.complete(t)
		for _, i := range all {
			if !slices.Contains(out, i) {
				require.NoError(t, crowd.pay(t.Context(), i), "what was begun is finished")
			}
		}
		eventually(t, "a payer is told that many are paying", func() bool {
			page, err := later.Browser.Open(t.Context(), w.Marketplace.Address+"/jobs/"+decimal(laterJob)+"/pay")
			require.NoError(t, err)
			page, err = page.Click(t.Context(), "form#pay button", nil)
			require.NoError(t, err)
			if page.Status != http.StatusServiceUnavailable {
				return false
			}
			require.Contains(t, page.Text("#pay-error"), "Many people are paying at the moment. Nothing was paid.")
			return true
		})
		moreAreRefused() // all of that was while the crowd stood before the door
		goHome()
		require.NoError(t, <-home)
		require.NoError(t, w.wallets.ClearFaults(t.Context()))
		told := ask(t, http.MethodGet, "http://"+metrics+"/metrics", "", nil).body
		require.Contains(t, told, "tianguis_starts_in_hand 0\n")
		require.Regexp(t, `tianguis_starts_refused_total [1-9]`, told)

		for _, i := range crowd.out() { // with the key with which each was sent away before
			require.NoError(t, crowd.once(t.Context(), i))
			require.NotNil(t, crowd.started[i], "nobody else wants in any more")
		}
		consent, err := later.AskToPay(t.Context(), laterJob, w.Sandbox.Address+"/buyer-mxn")
		require.NoError(t, err)
		afterwards := attempt{job: laterJob, payer: later, consent: consent}
		afterwards.open(t, afterwards.decide(t, person.Approve))
		afterwards.complete(t)
		require.NoError(t, crowd.each(all, func(i int) error { return crowd.pay(t.Context(), i) }))

		for i := range all {
			rows, err := w.payments.OfferPayments(t.Context(), crowd.offer(i))
			require.NoError(t, err)
			require.Len(t, rows.Payments, 1, crowd.offer(i))
			require.Equal(t, "paid", w.ended(t, rows.Payments[0].PendingID).Status, crowd.offer(i))
		}
		require.Len(t, w.debits(t, wallet), burst, "each paid once")
		require.Len(t, w.debits(t, "/buyer-mxn"), 2)
		for _, job := range []int64{before.job, laterJob} {
			require.Equal(t, 1, w.job(t, job).times("pay"))
		}
	})
}

// crowd are people of another marketplace, each with an offer to pay and an Idempotency-Key to start it with.
type crowd struct {
	*world
	wallet  string
	refused atomic.Int64

	mu      sync.Mutex
	started []*api.Started // nil for who is still out
	paid    map[int]bool
}

func (c *crowd) offer(i int) string { return "another-marketplace-" + decimal(int64(i)) }

// once asks to start i's payment, and returns an error for any other refusal than that the service is busy.
func (c *crowd) once(ctx context.Context, i int) error {
	started, err := c.payments.Start(ctx, c.offer(i), api.Start{
		SellerID: "else", BuyerWalletAddressURL: c.Sandbox.Address + c.wallet, Amount: "7.00", IdempotencyKey: "key-" + decimal(int64(i)),
	})
	if failed, ok := errors.AsType[*api.Error](err); ok && failed.Code == api.CodeBusy {
		if failed.Status != http.StatusServiceUnavailable || failed.RetryAfter < time.Second {
			return fmt.Errorf("busy, with status %d and Retry-After %s", failed.Status, failed.RetryAfter)
		}
		c.refused.Add(1)
		return nil
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", c.offer(i), err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started[i] = &started
	return nil
}

// untilIn asks until i is let in, or ctx is done.
func (c *crowd) untilIn(ctx context.Context, i int) error {
	for {
		if err := c.once(context.WithoutCancel(ctx), i); err != nil || c.isIn(i) {
			return err
		}
		if clock.Sleep(ctx, clock.System(), 250*time.Millisecond) != nil {
			return nil //nolint:nilerr // the crowd goes home
		}
	}
}

func (c *crowd) isIn(i int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.started[i] != nil
}

// out are those who have not been let in.
func (c *crowd) out() (out []int) {
	for i := range c.started {
		if !c.isIn(i) {
			out = append(out, i)
		}
	}
	return out
}

// pay approves i's payment at the wallet and finishes it. Who has done so before has nothing to do.
func (c *crowd) pay(ctx context.Context, i int) error {
	c.mu.Lock()
	started, paid := c.started[i], c.paid[i]
	if c.paid == nil {
		c.paid = map[int]bool{}
	}
	c.paid[i] = true
	c.mu.Unlock()
	if paid {
		return nil
	}
	finish, err := c.approve(ctx, *started)
	if err != nil {
		return fmt.Errorf("approve %s: %w", c.offer(i), err)
	}
	if _, err = c.payments.Finish(ctx, finish); err != nil {
		return fmt.Errorf("finish %s: %w", c.offer(i), err)
	}
	return nil
}

// each does something for all of those, at the same time.
func (c *crowd) each(those []int, do func(int) error) error {
	failed := make([]error, len(those))
	var all sync.WaitGroup
	for n, i := range those {
		all.Go(func() { failed[n] = do(i) })
	}
	all.Wait()
	return errors.Join(failed...)
}
