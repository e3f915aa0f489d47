package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/sandbox/control"
	"tianguis.example/stack"
	"tianguis.example/stack/postgres"
	"tianguis.example/stack/tally"
)

// Config says what a run is like.
type Config struct {
	Payments int    // jobs that are to be paid
	Buyers   int    // how many pay at a time; two at least
	Seed     uint64 // what is drawn
	Bin      string // the folder of the services' programs
	State    string // the folder of everything that the run makes
	SQLite   bool   // one payments process on SQLite, instead of two on a Postgres that crashes too
	Pace     Pace
	Out      io.Writer // what is told as it goes

	// Metrics is where processes answer Prometheus, host:port, by name: payments, payments-2, marketplace. May be nil.
	Metrics map[string]string
}

// SecondPayments is the name of the second process of the payments service.
const SecondPayments = "payments-2"

// Result is what a run came to.
type Result struct {
	Account
	Payments int
	Blows    int // that befell processes and Postgres
	Faults   int // that were planted in the wallet

	From, To time.Time // while buyers bought
}

// Line is the result in one line.
func (r Result) Line() string {
	return fmt.Sprintf("chaos: %d payments, %d lost, %d double, %d stuck", r.Payments, len(r.Lost), len(r.Double), len(r.Stuck))
}

// Clean reports whether nothing at all is wrong.
func (r Result) Clean() bool { return r.clean() }

// run is a run that is under way.
type run struct {
	Config
	stack    *stack.Stack
	replicas []*stack.Program // of payments
	balancer *balancer
	postgres *postgres.Server // nil on SQLite
	wallets  *control.Client
	counts   tally.Tally
	done     atomic.Int64 // jobs that nobody pays any more
	planted  atomic.Int64 // faults
	calm     atomic.Bool  // the trouble is over
	began    time.Time

	mu       sync.Mutex
	offences []Offence
}

// offend notes something that must not be.
func (r *run) offend(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.offences = append(r.offences, Offence{Text: fmt.Sprintf(format, args...)})
}

// Run does it, and tells Out how it goes, with the result's line last. Its error is for a run that could not be made or ended; what is
// wrong with the payments is in the result.
func Run(ctx context.Context, c Config) (result Result, err error) {
	r := &run{Config: c, began: clock.System().Now()}
	fmt.Fprintf(c.Out, "chaos: seed %d, %d payments, %d buyers, %s; all that it makes is in %s\n", c.Seed, c.Payments, c.Buyers, r.database(), c.State)
	defer func() { err = errors.Join(err, r.stop()) }()
	if err := r.start(ctx); err != nil {
		return Result{}, err
	}
	jobs, err := r.jobs(ctx)
	if err != nil {
		return Result{}, err
	}
	buyers, err := r.enroll(ctx)
	if err != nil {
		return Result{}, err
	}
	r.tell("%d jobs wait to be paid; the trouble begins", len(jobs))
	bought := clock.System().Now()
	r.buyInTrouble(ctx, buyers, jobs)
	gone := clock.System().Now()
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	r.tell("the buyers are gone; everything has %s to end", c.Pace.Settle)
	a, err := r.settle(ctx)
	if err != nil {
		return Result{}, err
	}
	a.Others = append(a.Others, r.offences...)
	a.Others = append(a.Others, r.readLogs()...)
	result = Result{Account: a, Payments: c.Payments, Blows: r.counts.Of("blow."), Faults: r.counts.Of("fault."), From: bought, To: gone}
	r.report(ctx, result)
	return result, nil
}

func (r *run) database() string {
	if r.SQLite {
		return "one payments process on SQLite"
	}
	return "two payments processes on Postgres"
}

// start brings everything up, in peace.
func (r *run) start(ctx context.Context) error {
	ports, err := stack.FreePorts(ctx)
	if err != nil {
		return err
	}
	balanced, err := stack.FreePort(ctx)
	if err != nil {
		return err
	}
	config := stack.Config{Bin: r.Bin, State: r.State, Ports: ports, Env: map[string]map[string]string{
		stack.Sandbox: r.Pace.sandbox(), stack.Payments: r.Pace.payments(), stack.Marketplace: r.Pace.marketplace(),
	}}
	config.Env[stack.Marketplace]["PAYMENTS_SERVICE_URL"] = fmt.Sprintf("http://localhost:%d", balanced)
	for _, name := range []string{stack.Payments, stack.Marketplace} {
		config.Env[name]["METRICS_LISTEN"] = r.Metrics[name]
		config.Env[name]["RATE_LIMIT_ADDRESS"] = "0" // everybody is one address here
	}
	config.Env[stack.Payments]["RATE_LIMIT_KEY"] = "0"
	if !r.SQLite {
		if r.postgres, err = postgres.StartOwn(ctx, stack.FreePort); err != nil {
			return err
		}
		for name, address := range map[string]*string{"payments": &config.PaymentsDatabase, "marketplace": &config.MarketplaceDatabase} {
			if *address, err = postgres.NewSchema(ctx, r.postgres.Address, name); err != nil {
				return err
			}
		}
	}
	if r.stack, err = stack.New(config); err != nil {
		return err
	}
	r.wallets = r.stack.Wallets()
	if err := r.stack.Start(ctx); err != nil {
		return err
	}
	if _, err := r.stack.Marketplace.Run(ctx, "seed", "--to-pay", strconv.Itoa(r.Payments)); err != nil {
		return err
	}
	r.replicas = []*stack.Program{r.stack.Payments}
	if !r.SQLite {
		port, err := stack.FreePort(ctx)
		if err != nil {
			return err
		}
		second := r.stack.Payments.Replica(SecondPayments, "PAYMENTS_LISTEN", port)
		second.Env["METRICS_LISTEN"] = r.Metrics[SecondPayments]
		r.replicas = append(r.replicas, second)
		if err := second.Start(ctx); err != nil {
			return err
		}
	}
	addresses := make([]string, len(r.replicas))
	for i, p := range r.replicas {
		addresses[i] = p.Address
	}
	r.balancer, err = startBalancer(ctx, balanced, addresses...)
	return err
}

// enroll adds the jobs, signs the buyers in, and gives each a wallet, of two currencies by turns.
func (r *run) enroll(ctx context.Context) ([]*buyer, error) {
	buyers, err := signIn(ctx, r.stack, r.Buyers)
	if err != nil {
		return nil, err
	}
	for i, b := range buyers {
		w := control.Wallet{Name: fmt.Sprintf("buyer-%d", i+1), AssetCode: "MXN", AssetScale: 2, Balance: 1_000_000_000_00}
		if i%2 == 1 {
			w.AssetCode = "USD"
		}
		if err := r.wallets.AddWallet(ctx, w); err != nil {
			return nil, err
		}
		b.wallet = r.stack.Sandbox.Address + "/" + w.Name
	}
	return buyers, nil
}

// buyInTrouble lets every buyer pay every job that is theirs, while everything breaks: until nine jobs in ten are done, since a few buyers
// alone would meet all the trouble there is. Afterwards all is whole again.
func (r *run) buyInTrouble(ctx context.Context, buyers []*buyer, jobs []Job) {
	troubled, end := context.WithCancel(ctx)
	defer end()
	var troubles, shop, progress sync.WaitGroup
	for i, p := range r.replicas {
		troubles.Go(func() { r.trouble(troubled, p, stream(r.Seed, "payments", i)) })
	}
	troubles.Go(func() { r.trouble(troubled, r.stack.Marketplace, stream(r.Seed, "marketplace", 0)) })
	if r.postgres != nil {
		troubles.Go(func() { r.crashPostgres(troubled, r.postgres, stream(r.Seed, "postgres", 0)) })
	}
	troubles.Go(func() { r.knock(troubled) })
	shopping, closed := context.WithCancel(ctx)
	progress.Go(func() { r.progress(shopping, len(jobs)) })
	for i, b := range buyers {
		shop.Go(func() {
			for j := i; j < len(jobs) && ctx.Err() == nil; j += len(buyers) {
				r.counts.Add("end." + string(r.pay(ctx, b, jobs[j], planOf(r.Seed, j, r.Pace))))
				if r.done.Add(1) >= int64(len(jobs)*9/10) && !r.calm.Swap(true) {
					end()
					r.clearUp(context.WithoutCancel(ctx))
					r.tell("nine jobs in ten are done; the trouble ends")
				}
			}
		})
	}
	shop.Wait()
	closed()
	end()
	troubles.Wait()
	progress.Wait()
	r.clearUp(context.WithoutCancel(ctx)) // what was planted at the very end
}

const progressEvery = 5 * time.Second

func (r *run) progress(ctx context.Context, jobs int) {
	for clock.Sleep(ctx, clock.System(), progressEvery) == nil {
		r.tell("%d of %d jobs done, %d paid; %d kills, %d freezes, %d of Postgres; %d faults of the wallet, %d retries",
			r.done.Load(), jobs, r.counts.Of("end.paid"), r.counts.Of("blow.kill"), r.counts.Of("blow.freeze")+r.counts.Of("blow.freeze_short"),
			r.counts.Of("blow.postgres"), r.counts.Of("fault."), r.counts.Of("retry."))
	}
}

// tell writes a line with how long the run has lasted.
func (r *run) tell(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.Out, "%6s  %s\n", clock.System().Now().Sub(r.began).Round(time.Second), fmt.Sprintf(format, args...))
}

const (
	accountEvery = 2 * time.Second
	// quiet is how long the books must agree: what the wallet still has in hand settles in it.
	quiet = 2 * time.Second
)

// settle waits until the books agree, for a bounded time, and returns what they come to. They have to agree twice.
func (r *run) settle(ctx context.Context) (Account, error) {
	until := clock.System().Now().Add(r.Pace.Settle)
	agreed := false
	for told := ""; ; {
		b, err := r.books(ctx)
		if err != nil {
			return Account{}, err
		}
		a := account(b, strings.TrimPrefix(stack.WorkerWallet, "/"))
		if a.clean() && agreed || !clock.System().Now().Before(until) {
			return a, nil
		}
		agreed = a.clean()
		if said := fmt.Sprintf("%d lost, %d double, %d stuck by now", len(a.Lost), len(a.Double), len(a.Stuck)); said != told {
			r.tell("%s", said)
			told = said
		}
		pause := accountEvery
		if agreed {
			pause = quiet
		}
		if err := clock.Sleep(ctx, clock.System(), pause); err != nil {
			return Account{}, err
		}
	}
}

// readLogs looks for what no log may say.
func (r *run) readLogs() (found []Offence) {
	for _, p := range append(r.stack.Programs(), r.replicas[1:]...) {
		content, err := os.ReadFile(p.Log)
		if err != nil {
			found = append(found, Offence{Text: err.Error()})
			continue
		}
		for _, forbidden := range []string{"WARNING: DATA RACE", "panic"} {
			if at := strings.Index(string(content), forbidden); at >= 0 {
				line, _, _ := strings.Cut(string(content[at:]), "\n\n")
				found = append(found, Offence{Text: filepath.Base(p.Log) + ": " + line[:min(len(line), 2000)]})
			}
		}
	}
	return found
}

// stop ends whatever was started.
func (r *run) stop() error {
	var wrong []error
	if r.balancer != nil {
		r.balancer.Close()
	}
	if len(r.replicas) > 1 {
		wrong = append(wrong, r.replicas[1].Stop())
	}
	if r.stack != nil {
		wrong = append(wrong, r.stack.Stop())
	}
	if r.postgres != nil {
		r.postgres.Stop()
	}
	return errors.Join(wrong...)
}
