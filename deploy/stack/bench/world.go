package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"tianguis.example/chassis/database"
	"tianguis.example/payments/api"
	"tianguis.example/sandbox/control"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
	"tianguis.example/stack/postgres"
)

// world is the three services with databases of their own, and whoever uses them.
type world struct {
	*stack.Stack
	payments *api.Client
	wallets  *control.Client
	http     *http.Client      // keeps connections for all clients, follows no redirect, and knows no cookies
	wallet   string            // that everybody pays from
	sessions []session         // of the people who pay
	funders  int64             // the largest id of somebody before the people who pay
	workers  int64             // the largest id of somebody before the people who work
	metrics  map[string]string // the address of each service's metrics

	mu       sync.Mutex
	jobs     []int64 // that wait to be paid
	template int64   // one that waits to be paid, for ever
}

// session is somebody who is signed in.
type session struct{ cookie, csrf string }

// How many pay, and how many are paid: many payments of the same two people would wait for each other. Few sign in, since to try passwords is made slow
// on purpose: several clients share a session, as tabs of one browser do.
const (
	signedIn = 8
	working  = 64
)

// The people of the marketplace's seed.
const (
	funder   = "funder@example.com"
	worker   = "worker@example.com"
	password = "demo-tianguis" //nolint:gosec // G101: public on purpose
)

// place says where a world is.
type place struct {
	name   string
	sqlite bool
	hearer string // who is told of payments, if not the marketplace
}

// world starts one.
func (r *run) world(ctx context.Context, p place) (_ *world, err error) {
	ports, err := stack.FreePorts(ctx)
	if err != nil {
		return nil, err
	}
	w := &world{metrics: map[string]string{}, http: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 512, MaxIdleConns: 2048},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Minute,
	}}
	config := stack.Config{Bin: r.Bin, State: filepath.Join(r.State, p.name), Ports: ports, Env: map[string]map[string]string{
		stack.Sandbox: {
			"SANDBOX_STATE": "", "SANDBOX_CONTINUE_WAIT": "0s", "SANDBOX_SETTLE_DELAY": "0s", "SANDBOX_COMPLETE_LAG": "0s", "SANDBOX_LOG_LEVEL": "warn",
		},
		// What is copied into the database is at no wallet, so that it must not be looked for there.
		stack.Payments:    {"RATE_LIMIT_KEY": "0", "RECONCILE_INTERVAL": "0s"},
		stack.Marketplace: {},
	}}
	if p.hearer != "" {
		config.Env[stack.Payments]["MARKETPLACE_BASE_URL"] = p.hearer
	}
	for _, name := range []string{stack.Payments, stack.Marketplace} {
		port, err := stack.FreePort(ctx)
		if err != nil {
			return nil, err
		}
		w.metrics[name] = "127.0.0.1:" + strconv.Itoa(port)
		config.Env[name]["METRICS_LISTEN"] = w.metrics[name]
		config.Env[name]["RATE_LIMIT_ADDRESS"] = "0" // everybody is one address here
	}
	if !p.sqlite {
		for name, address := range map[string]*string{stack.Payments: &config.PaymentsDatabase, stack.Marketplace: &config.MarketplaceDatabase} {
			if *address, err = postgres.NewDatabase(ctx, r.postgres.Address, name); err != nil {
				return nil, err
			}
		}
	}
	if w.Stack, err = stack.New(config); err != nil {
		return nil, err
	}
	if err := w.Start(ctx); err != nil { // which leaves nothing behind then
		return nil, err
	}
	r.open(w)
	return w, w.furnish(ctx, r.many(signedIn, 2))
}

// furnish signs people in, gives them money, and makes a job to copy.
func (w *world) furnish(ctx context.Context, signedIn int) error {
	key, err := stack.ReadSecret(w.Secrets.APIKey)
	if err != nil {
		return err
	}
	w.payments, w.wallets = api.NewClient(w.Payments.Address, key, nil), w.Wallets()
	if w.wallet, err = w.addWallet(ctx, "bench-buyer"); err != nil {
		return err
	}
	if _, err := w.Marketplace.Run(ctx, "seed", "--to-pay", "1"); err != nil {
		return err
	}
	err = w.books(ctx, stack.Marketplace, func(db *database.DB) (err error) {
		if w.template, err = one[int64](ctx, db, "SELECT max(id) FROM jobs WHERE state = 'reviewing' AND title LIKE 'Price tag %'"); err != nil {
			return err
		}
		if w.funders, err = copyPeople(ctx, db, funder, "buyer", signedIn); err != nil {
			return err
		}
		w.workers, err = copyPeople(ctx, db, worker, "maker", working)
		return err
	})
	if err != nil {
		return err
	}
	at, err := url.Parse(w.Marketplace.Address)
	if err != nil {
		return err
	}
	for i := range signedIn {
		payer, err := person.SignIn(ctx, w.Marketplace.Address, fmt.Sprintf("buyer-%d@market.example", i+1), password)
		if err != nil {
			return err
		}
		page, err := payer.Browser.Open(ctx, w.Marketplace.Address+"/")
		if err != nil {
			return err
		}
		s := session{csrf: page.Document.Find("input[name=csrf]").First().AttrOr("value", "")}
		for _, cookie := range payer.Browser.Cookies(at) {
			s.cookie += cookie.Name + "=" + cookie.Value + "; "
		}
		w.sessions = append(w.sessions, s)
	}
	return nil
}

// addWallet adds a wallet that is rich enough for all that may come, and returns its address.
func (w *world) addWallet(ctx context.Context, name string) (string, error) {
	err := w.wallets.AddWallet(ctx, control.Wallet{Name: name, AssetCode: "MXN", AssetScale: 2, Balance: 1_000_000_000_00})
	return w.Sandbox.Address + "/" + name, err
}

// books opens the database of a service.
func (w *world) books(ctx context.Context, service string, f func(*database.DB) error) error {
	program := w.Payments
	if service == stack.Marketplace {
		program = w.Marketplace
	}
	return use(ctx, program.Env["DATABASE_URL"], f)
}

// stock sees to it that n jobs at least wait to be paid.
func (w *world) stock(ctx context.Context, n int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n -= len(w.jobs); n > 0 {
		ids, err := w.copyJobs(ctx, n)
		if err != nil {
			return err
		}
		w.jobs = append(w.jobs, ids...)
	}
	return w.lookAgain(ctx)
}

// lookAgain lets Postgres plan by how large the tables have become. It does so by itself once a minute (autovacuum_naptime), which is as long as all of
// what is measured lasts; until then it would read tables from end to end that were empty when it first looked.
func (w *world) lookAgain(ctx context.Context) error {
	for _, p := range w.services() {
		err := w.books(ctx, p.Name, func(db *database.DB) error {
			if db.Dialect() != database.Postgres {
				return nil
			}
			return db.Read(ctx).Exec("ANALYZE").Error
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// copyPeople makes n people like the one with that address, the same password included. It returns the largest id of anybody before them.
func copyPeople(ctx context.Context, db *database.DB, of, name string, n int) (last int64, err error) {
	if last, err = one[int64](ctx, db, "SELECT max(id) FROM users"); err != nil {
		return 0, err
	}
	if err := write(ctx, db, n, copies{
		table: "users", of: "t.email = '" + of + "'", skip: []string{"words"},
		set: map[string]string{"id": fmt.Sprintf("%d + i", last), "email": "'" + name + "-' || i || '@market.example'"},
	}); err != nil {
		return 0, err
	}
	return last, countOn(ctx, db, "users")
}

// copyJobs makes n jobs that wait to be paid, and returns their ids.
func (w *world) copyJobs(ctx context.Context, n int) ([]int64, error) {
	var ids []int64
	err := w.books(ctx, stack.Marketplace, func(db *database.DB) error {
		last, err := one[int64](ctx, db, "SELECT max(id) FROM jobs")
		if err != nil {
			return err
		}
		id := fmt.Sprintf("(%d + i)", last)
		job := fmt.Sprintf("t.job_id = %d", w.template)
		funders := fmt.Sprintf("%d + %s %% %d + 1", w.funders, id, len(w.sessions)) // as sessionOf has it
		workers := fmt.Sprintf("%d + %s %% %d + 1", w.workers, id, working)
		if err := write(ctx, db, n,
			copies{table: "jobs", of: fmt.Sprintf("t.id = %d", w.template), skip: []string{"words"}, set: map[string]string{"id": id, "funder_id": funders, "worker_id": workers}},
			copies{table: "job_applications", of: job, set: map[string]string{"job_id": id, "worker_id": workers}},
			copies{table: "job_submissions", of: job, set: map[string]string{"id": numbered("01HBENCHWORK", id), "job_id": id, "worker_id": workers}},
			copies{table: "job_history", of: job, set: map[string]string{"job_id": id}, skip: []string{"id"}},
		); err != nil {
			return err
		}
		for i := range n {
			ids = append(ids, last+int64(i)+1)
		}
		return countOn(ctx, db, "jobs")
	})
	return ids, err
}

// countOn lets the database give ids beyond those that were given by hand.
func countOn(ctx context.Context, db *database.DB, table string) error {
	if db.Dialect() != database.Postgres {
		return nil // SQLite goes on from the largest
	}
	return db.Read(ctx).Exec("SELECT setval(pg_get_serial_sequence('" + table + "', 'id'), (SELECT max(id) FROM " + table + "))").Error
}

// take is a job that waits to be paid, and that nobody else gets.
func (w *world) take() (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.jobs) == 0 {
		return 0, errDry
	}
	job := w.jobs[0]
	w.jobs = w.jobs[1:]
	return job, nil
}

// sessionOf is the session of whoever pays a job.
func (w *world) sessionOf(job int64) session { return w.sessions[job%int64(len(w.sessions))] }

// usual is the world of all that needs no other, started when it is first wanted.
func (r *run) usual(ctx context.Context) (w *world, err error) {
	if r.shared == nil {
		r.shared, err = r.world(ctx, place{name: "usual"})
	}
	return r.shared, err
}

// heard is the world whose payments nobody but the hearer is told of.
func (r *run) heard(ctx context.Context) (*world, *hearer, error) {
	if r.aside == nil {
		r.hearer = newHearer()
		address, err := r.hearer.listen(ctx)
		if err != nil {
			return nil, nil, err
		}
		if r.aside, err = r.world(ctx, place{name: "heard", hearer: address}); err != nil {
			return nil, nil, err
		}
		if r.hearer.secrets, err = r.aside.secrets(); err != nil {
			return nil, nil, err
		}
	}
	return r.aside, r.hearer, nil
}

// open notes what is to be stopped in the end.
func (r *run) open(w *world) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.worlds = append(r.worlds, w)
}

// close stops a world that is not needed any more: it would only take time from others.
func (w *world) close() error {
	w.http.CloseIdleConnections()
	return w.Stop()
}

// stop ends whatever was started.
func (r *run) stop() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var wrong []error
	for _, w := range r.worlds {
		wrong = append(wrong, w.Stop())
	}
	if r.hearer != nil {
		r.hearer.close()
	}
	if r.postgres != nil {
		r.postgres.Stop()
	}
	return errors.Join(wrong...)
}
