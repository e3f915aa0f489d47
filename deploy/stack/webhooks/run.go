package webhooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/stack"
	"tianguis.example/stack/postgres"
	"tianguis.example/stack/tally"
)

// Config says what a run is like.
type Config struct {
	Events int    // that have to arrive
	Seed   uint64 // what is drawn
	Bin    string // the folder of the services' programs
	State  string // the folder of everything that the run makes
	SQLite bool   // instead of Postgres
	Out    io.Writer
}

// Result is what a run came to.
type Result struct {
	Account
	Events     int
	Kills      int // of both services
	Enabled    int // times that the operator enabled the endpoint again
	Arrivals   int // requests on the path
	Taken      int // of them, those that the marketplace answered with 200, as far as anybody heard
	Duplicates int // of those, what it had taken before
}

// Line is the result in one line.
func (r Result) Line() string {
	return fmt.Sprintf("webhooks: %d events, %d lost, %d applied twice, %d undelivered", r.Events, len(r.Lost), len(r.Twice), len(r.Undelivered))
}

// Clean reports whether nothing at all is wrong.
func (r Result) Clean() bool { return r.clean() }

// run is a run that is under way.
type run struct {
	Config
	stack                     *stack.Stack
	postgres                  *postgres.Server // nil on SQLite
	paymentsDB, marketplaceDB string
	path                      *path
	events                    []event
	versions                  map[int64]int64 // of the jobs, at first
	counts                    tally.Tally
	began                     time.Time

	mu     sync.Mutex
	others []string // offences
}

// offend notes something that must not be.
func (r *run) offend(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.others = append(r.others, fmt.Sprintf(format, args...))
}

const (
	// most is how long the trouble may last.
	most = 5 * time.Minute
	// settle is how long everything may take to arrive once it is over. What the last killed process had claimed stays its own for 45 s.
	settle = 3 * time.Minute
)

// Run does it, and tells Out how it goes, with the result's line last. Its error is for a run that could not be made or ended; what is
// wrong with the webhooks is in the result.
func Run(ctx context.Context, c Config) (result Result, err error) {
	r := &run{Config: c, began: clock.System().Now()}
	fmt.Fprintf(c.Out, "webhooks: seed %d, %d events on %s; all that it makes is in %s\n", c.Seed, c.Events, r.database(), c.State)
	defer func() { err = errors.Join(err, r.stop(context.WithoutCancel(ctx))) }()
	if err := r.prepare(ctx); err != nil {
		return Result{}, err
	}
	r.tell("%d events about %d jobs are in the outbox; the trouble begins", len(r.events), len(r.versions))
	troubled := clock.System().Now()
	if err := r.inTrouble(ctx); err != nil {
		return Result{}, err
	}
	r.tell("the trouble is over; what is left has %s to arrive", settle)
	if err := r.calm(ctx); err != nil {
		return Result{}, err
	}
	sending := clock.System().Now().Sub(troubled)
	r.path.close() // what was to arrive late has arrived
	books, err := r.books(ctx)
	if err != nil {
		return Result{}, err
	}
	result = Result{Account: account(books, r.events, r.versions), Events: len(r.events), Kills: r.counts.Of("kill."), Enabled: r.counts.Of("enabled")}
	result.Arrivals, result.Taken, result.Duplicates = r.path.received()
	r.readLogs()
	r.mu.Lock()
	result.Others = append(result.Others, r.others...)
	r.mu.Unlock()
	r.report(result, sending)
	return result, nil
}

func (r *run) database() string {
	if r.SQLite {
		return "SQLite"
	}
	return "Postgres"
}

// environment are the payments service's variables: pauses so short that what takes days elsewhere takes seconds, and so many that nothing is given up.
func environment() map[string]string {
	var pauses []string
	for range 4 {
		pauses = append(pauses, "50ms")
	}
	for range 6 {
		pauses = append(pauses, "200ms")
	}
	for range 20 {
		pauses = append(pauses, "1s")
	}
	return map[string]string{
		"WEBHOOK_RETRY_SCHEDULE": strings.Join(pauses, ","), "POLL_INTERVAL": "50ms", "LOG_LEVEL": "warn",
		"RECONCILE_INTERVAL": "0s",
		// Nothing is paid here, so that no wallet is needed.
		"SELLER_ID": "", "SELLER_WALLET_ADDRESS_URL": "", "SELLER_KEY_ID": "", "SELLER_PRIVATE_KEY_PATH": "",
	}
}

// prepare lays out the two services and the path between them, and writes the events into the databases.
func (r *run) prepare(ctx context.Context) error {
	ports, err := stack.FreePorts(ctx)
	if err != nil {
		return err
	}
	between, err := stack.FreePort(ctx)
	if err != nil {
		return err
	}
	env := environment()
	env["MARKETPLACE_BASE_URL"] = "http://localhost:" + strconv.Itoa(between)
	config := stack.Config{Bin: r.Bin, State: r.State, Ports: ports, Env: map[string]map[string]string{
		stack.Payments: env, stack.Marketplace: {"LOG_LEVEL": "warn"},
	}}
	if !r.SQLite {
		if r.postgres, err = postgres.Start(ctx, stack.FreePort); err != nil {
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
	r.paymentsDB, r.marketplaceDB = r.stack.Payments.Env["DATABASE_URL"], r.stack.Marketplace.Env["DATABASE_URL"]
	for _, p := range []*stack.Program{r.stack.Payments, r.stack.Marketplace} {
		if _, err := p.Run(ctx, "migrate"); err != nil {
			return err
		}
	}
	if err := r.write(ctx); err != nil {
		return err
	}
	marketplace, err := url.Parse(r.stack.Marketplace.Address)
	if err != nil {
		return err
	}
	r.path = newPath(between, marketplace.Host, r.events, r.Seed, &r.counts, r.offend)
	if err := r.path.up(ctx); err != nil {
		return err
	}
	return r.stack.Marketplace.Start(ctx)
}

// write writes jobs, the payments of them, and the webhooks.
func (r *run) write(ctx context.Context) error {
	kinds := plan(r.Seed, r.Events)
	if _, err := r.stack.Marketplace.Run(ctx, "seed", "--to-pay", strconv.Itoa(len(kinds))); err != nil {
		return err
	}
	jobs, err := r.jobs(ctx)
	if err != nil {
		return err
	}
	r.versions = map[int64]int64{}
	ids := make([]int64, len(jobs))
	for i, j := range jobs {
		ids[i], r.versions[j.ID] = j.ID, j.Version
	}
	if len(ids) != len(kinds) {
		return fmt.Errorf("there are %d jobs, and not %d", len(ids), len(kinds))
	}
	now := clock.System().Now()
	r.events = eventsOf(r.Seed, kinds, ids, now)
	if err := writeAttempts(ctx, r.marketplaceDB, r.events, now); err != nil {
		return fmt.Errorf("write the payments of jobs: %w", err)
	}
	if err := writeDeliveries(ctx, r.paymentsDB, r.events, now); err != nil {
		return fmt.Errorf("write the webhooks: %w", err)
	}
	return nil
}

// How often each service is killed, more or less, and when the trouble ends: a few last events alone would meet all there is.
const (
	killPayments    = 2500 * time.Millisecond
	killMarketplace = 8 * time.Second
	enough          = 90 // in a hundred
)

// inTrouble lets the webhooks be sent while everything breaks, until most have arrived. Afterwards all is whole again.
func (r *run) inTrouble(ctx context.Context) error {
	if err := r.stack.Payments.Start(ctx); err != nil {
		return err
	}
	troubled, end := context.WithCancel(ctx)
	var troubles sync.WaitGroup
	troubles.Go(func() { r.kill(troubled, r.stack.Payments, killPayments) })
	troubles.Go(func() { r.kill(troubled, r.stack.Marketplace, killMarketplace) })
	troubles.Go(func() { r.path.live(troubled) })
	err := r.watch(ctx, len(r.events)*(100-enough)/100, most)
	end()
	troubles.Wait()
	return err
}

// calm waits until no webhook is pending any more.
func (r *run) calm(ctx context.Context) error { return r.watch(ctx, 0, settle) }

var errTime = errors.New("its time is over")

const (
	lookEvery = 250 * time.Millisecond
	tellEvery = 20 // looks
)

// watch returns when no more than left webhooks are pending, or lasts is over: the account says what is left then. It is the operator
// too, who enables the endpoint when a 410 has disabled it.
func (r *run) watch(ctx context.Context, left int, lasts time.Duration) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lasts, errTime)
	defer cancel()
	defer func() {
		if errors.Is(context.Cause(ctx), errTime) {
			err = nil
		}
	}()
	for look := 1; ; look++ {
		pending, dead, err := r.left(ctx)
		if err != nil {
			return err
		}
		if pending <= left {
			return nil
		}
		if err := r.enable(ctx); err != nil {
			return err
		}
		if look%tellEvery == 0 {
			arrivals, taken, duplicates := r.path.received()
			r.tell("%d webhooks wait, %d were given up; %d arrivals, %d taken, %d of them again; %d kills", pending, dead, arrivals, taken, duplicates, r.counts.Of("kill."))
		}
		if err := clock.Sleep(ctx, clock.System(), lookEvery); err != nil {
			return err
		}
	}
}

func (r *run) enable(ctx context.Context) error {
	disabled, err := r.disabled(ctx)
	if err != nil || !disabled {
		return err
	}
	if _, err := r.stack.Payments.Run(ctx, "webhook", "endpoint", "enable", "marketplace"); err != nil {
		return err
	}
	r.counts.Add("enabled")
	return nil
}

// kill kills a service now and then until ctx is done, and leaves it running.
func (r *run) kill(ctx context.Context, p *stack.Program, every time.Duration) {
	random := stream(r.Seed, p.Name, 0)
	for {
		b := drawBlow(random, every)
		if !r.undisturbed(ctx, p, b.pause) {
			return
		}
		p.Kill()
		r.counts.Add("kill." + p.Name)
		_ = clock.Sleep(ctx, clock.System(), b.down)
		if err := p.Start(context.WithoutCancel(ctx)); err != nil {
			r.offend("start %s again: %v", p.Name, err)
			return
		}
	}
}

// undisturbed waits, and returns false when ctx is done. A process that ends by itself is an offence.
func (r *run) undisturbed(ctx context.Context, p *stack.Program, d time.Duration) bool {
	timer := clock.System().NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C():
		return true
	case <-p.Ended():
		r.offend("%s has ended by itself; the end of its log:\n%s", p.Name, stack.Tail(p.Log, 10))
		return false
	}
}

// readLogs looks for what no log may say.
func (r *run) readLogs() {
	for _, p := range []*stack.Program{r.stack.Payments, r.stack.Marketplace} {
		content, err := os.ReadFile(p.Log)
		if err != nil {
			r.offend("%v", err)
			continue
		}
		for _, forbidden := range []string{"WARNING: DATA RACE", "panic"} {
			if at := strings.Index(string(content), forbidden); at >= 0 {
				line, _, _ := strings.Cut(string(content[at:]), "\n\n")
				r.offend("%s: %.2000s", filepath.Base(p.Log), line)
			}
		}
	}
}

// stop ends whatever was started.
func (r *run) stop(ctx context.Context) error {
	var wrong []error
	if r.path != nil {
		r.path.close()
	}
	if r.stack != nil {
		wrong = append(wrong, r.stack.Stop())
	}
	if r.postgres != nil {
		for _, address := range []string{r.paymentsDB, r.marketplaceDB} {
			if address != "" {
				wrong = append(wrong, postgres.DropSchema(ctx, address))
			}
		}
		r.postgres.Stop()
	}
	return errors.Join(wrong...)
}
