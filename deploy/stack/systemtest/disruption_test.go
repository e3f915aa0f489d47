package systemtest

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
	"tianguis.example/stack/postgres"
)

// disruptions are what befalls a stack while people pay. They return when all is up again.
type disruptions interface {
	// Roll replaces the processes of a service, one after the other.
	Roll(ctx context.Context, service string) error
	// KillOne ends a process of a service as a power cut would, and starts it again after a while.
	KillOne(ctx context.Context, service string, down time.Duration) error
	// RestartPostgres does the same to the database.
	RestartPostgres(ctx context.Context, down time.Duration) error
}

// own are disruptions of one process of each service.
type own struct {
	world    *world
	postgres *postgres.Server // nil on SQLite
}

func (o own) program(service string) *stack.Program {
	if service == stack.Payments {
		return o.world.Payments
	}
	return o.world.Marketplace
}

func (o own) Roll(ctx context.Context, service string) error {
	p := o.program(service)
	return errors.Join(p.Stop(), p.Start(ctx))
}

func (o own) KillOne(ctx context.Context, service string, down time.Duration) error {
	p := o.program(service)
	p.Kill()
	return errors.Join(clock.Sleep(ctx, clock.System(), down), p.Start(ctx))
}

func (o own) RestartPostgres(ctx context.Context, down time.Duration) error {
	if err := o.postgres.Crash(); err != nil {
		return err
	}
	return errors.Join(clock.Sleep(ctx, clock.System(), down), o.postgres.Restart(ctx))
}

// TestDisruption: while people pay, each service is restarted and killed, and the database is. Every job that anybody
// wanted to pay is paid, once.
func TestDisruption(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, database string) {
		w, disrupt := newDisruptedWorld(t, database)
		const down = 2 * time.Second
		for _, c := range []struct {
			name    string
			disrupt func(ctx context.Context) error
		}{
			{"RollingRestartOfPayments", func(ctx context.Context) error { return disrupt.Roll(ctx, stack.Payments) }},
			{"RollingRestartOfMarketplace", func(ctx context.Context) error { return disrupt.Roll(ctx, stack.Marketplace) }},
			{"PaymentsReplicaKilled", func(ctx context.Context) error { return disrupt.KillOne(ctx, stack.Payments, down) }},
			{"MarketplaceReplicaKilled", func(ctx context.Context) error { return disrupt.KillOne(ctx, stack.Marketplace, down) }},
			{"PostgresRestart", func(ctx context.Context) error { return disrupt.RestartPostgres(ctx, down) }},
		} {
			if database == "sqlite" && c.name == "PostgresRestart" {
				continue // there is no server
			}
			t.Run(c.name, func(t *testing.T) { w.payMeanwhile(t, c.disrupt) }) // one after the other: they share a stack
		}
	})
}

func newDisruptedWorld(t *testing.T, database string) (*world, disruptions) {
	t.Helper()
	switch database {
	case "compose":
		return newWorld(t, database, nil), *there
	case "postgres":
		server, err := postgres.StartOwn(t.Context(), stack.FreePort)
		if errors.Is(err, postgres.ErrNone) {
			missing(t, err.Error())
		}
		require.NoError(t, err)
		t.Cleanup(server.Stop)
		var config stack.Config
		for name, address := range map[string]*string{"payments": &config.PaymentsDatabase, "marketplace": &config.MarketplaceDatabase} {
			*address, err = postgres.NewSchema(t.Context(), server.Address, name)
			require.NoError(t, err)
		}
		w := start(t, config)
		return w, own{w, server}
	default:
		w := newWorld(t, database, nil)
		return w, own{world: w}
	}
}

// shoppers is how many people pay at a time.
const shoppers = 4

// payMeanwhile lets people pay one job after the other, from a wallet of their own, until the disruption is over and each has paid
// one more. Then everything that anybody began to pay must be paid once.
func (w *world) payMeanwhile(t *testing.T, disrupt func(context.Context) error) {
	t.Helper()
	wallet := w.addWallet(t, 1_000_000_00)
	s := &street{world: w, wallet: w.Sandbox.Address + wallet, first: make(chan struct{}), over: make(chan struct{})}
	var people sync.WaitGroup
	for range shoppers {
		payer := w.signIn(t, funder)
		people.Go(func() { s.shop(t, payer) })
	}
	select {
	case <-s.first:
	case <-clock.System().NewTimer(patience).C():
		t.Errorf("nothing was paid within %s in peace", patience)
	}
	err := disrupt(t.Context())
	close(s.over)
	people.Wait()
	require.NoError(t, err)

	require.GreaterOrEqual(t, len(s.jobs), shoppers)
	for _, job := range s.jobs {
		facts := w.job(t, job)
		require.Equal(t, "complete", facts.Status, "job %d", job)
		require.Equal(t, 1, facts.times("pay"), "job %d", job)
	}
	require.Len(t, w.debits(t, wallet), len(s.jobs), "each job is paid once")
	t.Logf("%d jobs were paid, %d pages had to be asked for again", len(s.jobs), s.again)
}

// street is where people shop.
type street struct {
	world       *world
	wallet      string
	first, over chan struct{} // closed when the first job is paid, and when the disruption is over

	mu      sync.Mutex
	waiting []int64 // jobs that nobody has in hand
	jobs    []int64 // those that somebody had
	again   int
	paid    sync.Once
}

// timeToPay is how long one job may take, whatever happens: a payment whose process dies waits for its lease to end.
const timeToPay = leaseOfTheDead + 2*patience

func (s *street) shop(t *testing.T, payer *person.Payer) {
	for last := false; !last; {
		select {
		case <-s.over:
			last = true
		default:
		}
		job, err := s.next(t.Context(), payer)
		if err == nil {
			err = s.pay(t.Context(), payer, job)
		}
		if err != nil {
			t.Errorf("%v", err)
			return
		}
		s.paid.Do(func() { close(s.first) })
	}
}

// next takes a job that waits to be paid. When there is none it adds some.
func (s *street) next(ctx context.Context, payer *person.Payer) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, timeToPay)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) == 0 {
		_, err := s.world.Marketplace.Run(ctx, "seed", "--to-pay", "8")
		var all []person.Job
		if err == nil {
			all, err = payer.Jobs(ctx)
		}
		for _, job := range all {
			if job.State == "reviewing" && !slices.Contains(s.jobs, job.ID) {
				s.waiting = append(s.waiting, job.ID)
			}
		}
		if waited := clock.Sleep(ctx, clock.System(), 100*time.Millisecond); waited != nil {
			return 0, errors.Join(err, waited)
		}
	}
	job := s.waiting[0]
	s.waiting, s.jobs = s.waiting[1:], append(s.jobs, job)
	return job, nil
}

// pay does what a patient person does: goes to the job's page again until it says that the job is paid.
func (s *street) pay(ctx context.Context, payer *person.Payer, job int64) error {
	ctx, cancel := context.WithTimeout(ctx, timeToPay)
	defer cancel()
	for {
		err := s.visit(ctx, payer, job)
		if err == nil {
			return nil
		}
		s.mu.Lock()
		s.again++
		s.mu.Unlock()
		if clock.Sleep(ctx, clock.System(), 200*time.Millisecond) != nil {
			return err
		}
	}
}

func (s *street) visit(ctx context.Context, payer *person.Payer, job int64) error {
	status, err := payer.Status(ctx, job)
	if err != nil || person.Complete(status) {
		return err
	}
	if status.Payment != "confirming" {
		consent, err := payer.AskToPay(ctx, job, s.wallet)
		if err != nil {
			return err
		}
		finish, err := payer.Decide(ctx, consent, person.Approve)
		if err != nil {
			return err
		}
		page, err := payer.Browser.Open(ctx, finish.String())
		if err != nil {
			return err
		}
		if page.Status != http.StatusOK {
			return errors.New(http.StatusText(page.Status) + ": " + page.Text("main"))
		}
	}
	_, err = payer.WaitFor(ctx, job, patience, person.Complete)
	return err
}
