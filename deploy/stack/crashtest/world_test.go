package crashtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/crashpoint"
	"tianguis.example/payments/api"
	"tianguis.example/sandbox/control"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
	"tianguis.example/stack/postgres"
)

// The payer of the marketplace's seed.
const (
	funder   = "funder@example.com"
	worker   = "worker@example.com"
	password = "demo-tianguis"
)

// finishWait is short, so that slow wallets are left to the worker.
const finishWait = time.Second

// world is one stack with everything that tests look at it with. Its services are supervised: killed, they start again.
type world struct {
	*stack.Stack
	payments *api.Client
	wallets  *control.Client
	payer    *person.Payer
	worker   *person.Payer
	operator *stack.Program // the payments service's commands, on its database

	supervisors map[string]*supervisor
	folders     map[string]crashpoint.Folder
	lifetimes   control.Lifetimes // of the wallet, when nothing is special
	ahead       time.Duration     // how far the services' clocks are ahead
	jobs        []int64           // that wait to be paid, and nobody has taken
	newest      int64             // of all jobs that were made
	closing     sync.Once
}

// newWorld starts a stack of its own on that database.
func newWorld(t *testing.T, database string) *world {
	t.Helper()
	ports, err := stack.FreePorts(t.Context())
	require.NoError(t, err)
	state := t.TempDir()
	w := &world{folders: map[string]crashpoint.Folder{}, supervisors: map[string]*supervisor{}}
	config := stack.Config{Bin: bin, State: state, Ports: ports, Env: map[string]map[string]string{
		stack.Sandbox: {"SANDBOX_CONTINUE_WAIT": "0s", "SANDBOX_SETTLE_DELAY": "0s", "SANDBOX_COMPLETE_LAG": "0s", "SANDBOX_LOG_LEVEL": "warn"},
		stack.Payments: {
			"POLL_INTERVAL": "50ms", "FINISH_WAIT": finishWait.String(), "WALLET_TIMEOUT": "5s", "RECONCILE_INTERVAL": "1m",
		},
		// Time is moved on by days.
		stack.Marketplace: {"PAYMENTS_POLL_INTERVAL": "50ms", "DEADLINE_INTERVAL": "50ms", "SESSION_LIFETIME": "8760h", "DATABASE_MAX_CONNS": "4"},
	}}
	for _, service := range []string{stack.Payments, stack.Marketplace} {
		folder := filepath.Join(state, "crash-"+service)
		require.NoError(t, os.Mkdir(folder, 0o700))
		w.folders[service] = crashpoint.Folder(folder)
		config.Env[service][crashpoint.Variable] = folder
		config.Env[service]["RATE_LIMIT_ADDRESS"] = "0" // everybody is one address here
	}
	if database == "postgres" {
		config.PaymentsDatabase, config.MarketplaceDatabase = newSchema(t, "payments"), newSchema(t, "marketplace")
	}
	w.Stack, err = stack.New(config)
	require.NoError(t, err)
	require.NoError(t, w.Start(t.Context()))
	t.Cleanup(func() { w.close(t) })
	for _, p := range []*stack.Program{w.Payments, w.Marketplace} {
		w.supervisors[p.Name] = supervise(p, w.folders[p.Name])
	}
	key, err := stack.ReadSecret(w.Secrets.APIKey)
	require.NoError(t, err)
	operator := *w.Payments
	operator.Binary = filepath.Join(plain, stack.Payments)
	w.operator = &operator
	w.payments, w.wallets = api.NewClient(w.Payments.Address, key, nil), w.Wallets()
	w.lifetimes, err = w.wallets.Lifetimes(t.Context())
	require.NoError(t, err)
	w.payer, err = person.SignIn(t.Context(), w.Marketplace.Address, funder, password)
	require.NoError(t, err)
	w.worker, err = person.SignIn(t.Context(), w.Marketplace.Address, worker, password)
	require.NoError(t, err)
	return w
}

// lifespan is how far a world's services may be ahead of its wallet, whose time is its own: a wallet refuses an incoming payment that is to be open
// beyond its thirty days, and the services ask for one day of theirs. One scenario may take them ten days on.
const lifespan = 10 * 24 * time.Hour

// young is the world, or another one if its time has been moved on too far.
func (w *world) young(t *testing.T, database string) *world {
	if w.ahead < lifespan {
		return w
	}
	w.close(t)
	return newWorld(t, database)
}

// close ends the world, once.
func (w *world) close(t *testing.T) { w.closing.Do(func() { w.end(t) }) }

func (w *world) end(t *testing.T) {
	for _, s := range w.supervisors {
		s.stop()
	}
	err := w.Stop()
	if t.Failed() {
		t.Logf("this world was %s ahead of its wallet", w.ahead)
		for _, p := range w.Programs() {
			t.Logf("the end of the log of %s:\n%s", p.Name, stack.Tail(p.Log, 30))
		}
	}
	require.NoError(t, err)
	for _, p := range w.Programs() {
		log, err := os.ReadFile(p.Log)
		require.NoError(t, err)
		require.NotContains(t, string(log), "WARNING: DATA RACE", p.Name)
		require.NotContains(t, string(log), "panic", p.Name)
	}
}

// someJobs is how many jobs are made at a time.
const someJobs = 50

// nextJob is a job that waits to be paid, each time another.
func (w *world) nextJob(t *testing.T) int64 {
	t.Helper()
	if len(w.jobs) == 0 {
		w.makeJobs(t)
	}
	job := w.jobs[0]
	w.jobs = w.jobs[1:]
	return job
}

func (w *world) makeJobs(t *testing.T) {
	t.Helper()
	_, err := w.Marketplace.Run(t.Context(), "seed", "--to-pay", strconv.Itoa(someJobs))
	require.NoError(t, err)
	all, err := w.payer.Jobs(t.Context())
	require.NoError(t, err)
	for _, job := range all {
		if job.State == "reviewing" && strings.HasPrefix(job.Title, "Price tag ") && job.ID > w.newest {
			w.jobs = append(w.jobs, job.ID)
		}
	}
	w.newest = slices.Max(w.jobs)
	require.Len(t, w.jobs, someJobs)
}

// pass moves the services' time on, once they rest. The wallet's time is its own.
func (w *world) pass(t *testing.T, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !w.rest(t, ctx) {
		if clock.Sleep(ctx, clock.System(), 20*time.Millisecond) != nil {
			for name, folder := range w.folders {
				trace, err := folder.Trace()
				require.NoError(t, err)
				t.Logf("%s came by, at last: %q", name, trace[max(0, len(trace)-40):])
			}
			t.Fatalf("after %s a service still does not rest", patience)
		}
	}
	w.ahead += d
	for name, folder := range w.folders {
		trace, err := folder.Trace()
		require.NoError(t, err)
		w.supervisors[name].from.Store(int64(len(trace)))
		require.NoError(t, folder.MoveAhead(w.ahead))
	}
}

// forget clears what was traced.
func (w *world) forget(t *testing.T) {
	t.Helper()
	for name, folder := range w.folders {
		require.NoError(t, folder.Clear())
		w.supervisors[name].from.Store(0)
	}
}

// patience bounds every wait for something that must happen: generous, since it is only waited out by a failure.
const patience = 3 * time.Minute

// How often a service must have looked for work since its time was moved, and in a row without having found any, before its time is moved on. On a
// machine that is busy that takes as long as it takes, so that no lease ends while somebody is at work in it.
const (
	looks      = 6
	looksInRow = 3
)

// rest reports whether both services are up, have nothing in hand, and have looked for work since their time was moved.
func (w *world) rest(t *testing.T, ctx context.Context) bool { //nolint:revive // context-as-argument: t comes first in tests
	t.Helper()
	for name, folder := range w.folders {
		trace, err := folder.Trace()
		require.NoError(t, err)
		if !rests(trace[min(int(w.supervisors[name].from.Load()), len(trace)):]) {
			return false
		}
	}
	return w.ready(ctx)
}

// rests reads it from what a process has traced since it was started, or its time was moved. A claim is a look; it has its second point only when it
// has found something.
func rests(trace []string) bool {
	inHand, all, row := map[string]int{}, 0, 0
	for _, line := range trace {
		edge, what, _ := strings.Cut(line, " ")
		claim := strings.HasPrefix(what, "Claim")
		switch {
		case claim && edge == "before":
			all, row = all+1, row+1
			continue
		case edge == "before":
			inHand[what]++
		case !claim:
			inHand[what] = max(0, inHand[what]-1)
		}
		row = 0
	}
	for _, n := range inHand {
		if n > 0 {
			return false
		}
	}
	return all >= looks && row >= looksInRow
}

// waits are what services wait for, shortest first: a lease, a question after a lost start, a retry, a wallet that sends nothing,
// a look at what has ended.
var waits = []time.Duration{
	31 * time.Second, 31 * time.Second, time.Minute, 5 * time.Minute, 5 * time.Minute, 10 * time.Minute, 16 * time.Minute, 30 * time.Minute, time.Hour,
}

// until waits until something holds, and lets time pass for the services whenever nothing happens.
func (w *world) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	w.wait(t, waits, true, what, holds)
}

// soon is until, but lets four minutes pass for the services and no more.
func (w *world) soon(t *testing.T, what string, holds func() bool) {
	t.Helper()
	w.wait(t, []time.Duration{31 * time.Second, 31 * time.Second, time.Minute, time.Minute, time.Minute}, false, what, holds)
}

// wait lets the lengths of time pass, and the last of them again and again if it is to.
func (w *world) wait(t *testing.T, left []time.Duration, again bool, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for !holds() {
		if clock.Sleep(ctx, clock.System(), 20*time.Millisecond) != nil {
			t.Fatalf("after %s still not: %s", patience, what)
		}
		if len(left) == 0 || !w.rest(t, ctx) || holds() {
			continue
		}
		w.pass(t, left[0])
		if len(left) > 1 || !again {
			left = left[1:]
		}
	}
}

// ready reports whether both services are up.
func (w *world) ready(ctx context.Context) bool {
	_, err := w.payer.Browser.Open(ctx, w.Marketplace.Address+w.Marketplace.Health)
	return err == nil && w.payments.Ready(ctx) == nil
}

// supervisor starts a service again whenever it has ended.
type supervisor struct {
	program *stack.Program
	folder  crashpoint.Folder
	from    atomic.Int64 // how much of the trace is from before the process was started, or its time was moved
	orders  chan func()
	ended   sync.WaitGroup
}

func supervise(p *stack.Program, f crashpoint.Folder) *supervisor {
	s := &supervisor{program: p, folder: f, orders: make(chan func())}
	s.ended.Go(s.run)
	return s
}

func (s *supervisor) run() {
	for {
		select {
		case order, more := <-s.orders:
			if !more {
				return
			}
			order()
		case <-s.program.Ended():
			trace, err := s.folder.Trace()
			if err != nil {
				panic(fmt.Sprintf("read what %s has traced: %v", s.program.Name, err))
			}
			s.from.Store(int64(len(trace)))
			if err := s.program.Launch(); err != nil {
				panic(fmt.Sprintf("start %s again: %v", s.program.Name, err))
			}
		}
	}
}

// restart kills the service; it is started again.
func (s *supervisor) restart() { s.orders <- s.program.Kill }

// down kills the service, has something done without it, and starts it again.
func (s *supervisor) down(meanwhile func()) {
	done := make(chan struct{})
	s.orders <- func() {
		s.program.Kill()
		done <- struct{}{}
		<-done
	}
	<-done
	defer close(done)
	meanwhile()
}

func (s *supervisor) stop() {
	close(s.orders)
	s.ended.Wait()
}

// server is the Postgres of this run, started when it is first wanted.
var server = sync.OnceValues(func() (*postgres.Server, error) {
	serverWanted.Store(true)
	return postgres.Start(context.Background(), stack.FreePort)
})

var serverWanted atomic.Bool

func stopServer() {
	if !serverWanted.Load() {
		return
	}
	if s, err := server(); err == nil {
		s.Stop()
	}
}

func newSchema(t *testing.T, name string) string {
	t.Helper()
	s, err := server()
	if errors.Is(err, postgres.ErrNone) && os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED: %v", err)
	}
	require.NoError(t, err)
	address, err := postgres.NewSchema(t.Context(), s.Address, name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, postgres.DropSchema(context.WithoutCancel(t.Context()), address)) })
	return address
}
