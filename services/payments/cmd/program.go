package cmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/httpclient"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/openapi"
	"tianguis.example/chassis/ratelimit"
	"tianguis.example/chassis/settings"
	"tianguis.example/chassis/tracing"
	"tianguis.example/chassis/turnstile"
	"tianguis.example/chassis/worker"
	"tianguis.example/payments"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/console"
	"tianguis.example/payments/egress"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/rest"
	"tianguis.example/payments/store"
)

// program is the service, wired: started by main, and by tests on port 0.
type program struct {
	config   config
	log      *slog.Logger
	clock    clock.Clock
	db       *database.DB
	store    keeper
	service  *payments.Service
	listener net.Listener
	server   httpserver.Options
	handler  http.Handler
	payments *worker.Loop[payments.Payment]
	webhooks *outbox.Dispatcher
	compares *worker.Loop[time.Time] // nil when nobody wants it
	tasks    *worker.Loop[payments.Task]
	asked    worker.Bell // rung after a commit that asked for a task
	gate     *apikey.Gate
	forged   string // what was told of API keys that somebody else wrote
	measured measured
	tracer   *tracing.Tracer // nil when nobody collects traces
}

// drain is how long work in hand may go on after a stop: longer than a wallet call may take.
const drain = 20 * time.Second

// newProgram opens the database and the port. Close releases them.
func newProgram(ctx context.Context, c config, log *slog.Logger, clk clock.Clock) (_ *program, err error) {
	if err := c.forServing(); err != nil {
		return nil, err
	}
	crash := newCrashes()
	clk = crash.clock(clk)
	p := &program{config: c, log: log, clock: clk}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	if p.db, err = openMigrated(ctx, c, 0, log, clk); err != nil {
		return nil, err
	}
	if p.measured, err = newMeasured(c, p.db, clk); err != nil {
		return nil, err
	}
	if p.tracer, err = tracing.New(ctx, "payments", version, c.Settings, log); err != nil {
		return nil, err
	}
	seal, err := store.ReadKeys(c.TokenEncryptionKey)
	if err != nil {
		return nil, err
	}
	kept := store.New(p.db, seal)
	p.measured.asks(kept, clk, log)
	keep := crash.store(kept)
	p.store = keep
	keys, err := apikey.ParseConfigured(c.APIKey.Reveal())
	if err != nil {
		return nil, settings.Wrong("PAYMENTS_API_KEY", "%v", err)
	}
	p.gate = apikey.NewGate(keys, c.gateLimits(), clk)
	if err := p.readAPIKeys(ctx); err != nil {
		return nil, fmt.Errorf("read the API keys: %w", err)
	}
	proxies, err := httpserver.ParseNetworks(c.TrustedProxies)
	if err != nil {
		return nil, settings.Wrong("PAYMENTS_TRUSTED_PROXIES", "cannot be used: %v", err)
	}
	secrets, err := c.secrets()
	if err != nil {
		return nil, err
	}
	if secrets == nil {
		log.WarnContext(ctx, "[webhook] webhooks are sent unsigned: WEBHOOK_ALLOW_UNSIGNED is set, and there is no WEBHOOK_SECRET")
	}
	toWallets := withWalletLog(p.measured.wallets(egress.Client(egress.Options{AllowHosts: c.WalletAllowHosts})), clk, log)
	ids, err := newIdentities(c, walletsTraced(p.tracer, c, toWallets), c.WalletCacheLifetime, clk)
	if err != nil {
		return nil, err
	}
	if ids.platform == nil {
		log.WarnContext(ctx, "no client identity: payments cannot be started until the SELLER_… variables are set")
	}

	news := worker.NewBell()
	service := payments.New(traceStore(p.tracer, keep), crash.wallets(ids.of), clk, log, payments.Settings{
		FinishURL:       strings.TrimRight(c.BaseURL, "/") + "/payments/finish",
		ConsentLifetime: c.ConsentLifetime, FinishWait: c.FinishWait, Lease: c.PaymentLease, Watch: p.measured.life,
	}, news.Ring)
	if err := bootstrap(ctx, c, service); err != nil {
		return nil, err
	}
	p.service = service
	tracedService := traced{Service: service, tracer: p.tracer, read: keep}
	p.payments = &worker.Loop[payments.Payment]{
		Name: "payments", Clock: clk, Log: log, Claim: service.Claim, Work: tracedService.Advance,
		Workers: c.PaymentWorkers, Poll: c.PollInterval, Drain: drain, Watch: p.measured.loops,
	}
	schedule, err := outbox.ParseSchedule(c.WebhookRetrySchedule)
	if err != nil {
		return nil, settings.Wrong("WEBHOOK_RETRY_SCHEDULE", "%v", err)
	}
	toMarketplace := httpclient.WithRequestID(egress.Client(egress.Options{AllowHosts: []string{c.marketplaceHost()}}))
	toOthers := egress.Options{AllowHosts: c.WebhookAllowHosts}
	p.webhooks = outbox.NewDispatcher(keep, clk, log, outbox.Options{
		ToMarketplace: crash.receiver(p.tracer.Client(toMarketplace, tracing.ClientOptions{Tells: tracing.TellAll})),
		ToOthers:      p.tracer.Client(egress.Client(toOthers), tracing.ClientOptions{HidesPath: true}), Trace: traceAttempt(p.tracer),
		Unsigned: secrets == nil, Schedule: schedule, Workers: c.WebhookWorkers, Poll: c.PollInterval, Drain: drain, Watch: p.measured.sent,
	}, news)
	desk := outbox.NewDesk(keep, clk, toOthers.Check, news.Ring)
	expired, err := desk.Configure(ctx, c.webhookURL(), secrets)
	if err != nil {
		return nil, err
	}
	for _, s := range expired {
		log.WarnContext(ctx, "[webhook] WEBHOOK_SECRET still names a secret that was replaced, and signs nothing any more: set it to the new one",
			"fingerprint", s.Secret.Fingerprint(), "expired_at", s.ExpiresAt)
	}
	if c.ReconcileInterval > 0 {
		p.compares = &worker.Loop[time.Time]{
			Name: "reconcile", Clock: clk, Log: log, Claim: p.claimReconcile, Work: p.askReconcile,
			Workers: 1, Poll: min(c.ReconcileInterval, time.Minute), Drain: drain, Watch: p.measured.loops,
		}
	}
	p.asked = worker.NewBell()
	p.tasks = &worker.Loop[payments.Task]{
		Name: "tasks", Clock: clk, Log: log, Claim: p.claimTasks, Work: p.runTask,
		Workers: 2, Poll: max(c.PollInterval, taskPoll), Wake: p.asked, Drain: drain, Watch: p.measured.loops,
	}

	api := rest.New(tracedService, desk, keep, rest.Options{
		Gate: p.gate, Marketplace: c.MarketplacePublic, Guesses: ratelimit.Limit{N: c.RateLimitFinish, Per: time.Minute},
		Starts: turnstile.New(c.StartsAtOnce, clk, p.measured.starts),
	}, clk, log)
	p.server = httpserver.Options{
		Log: log, Clock: clk, ErrorHandler: rest.ErrorHandler(log), BodyLimit: 64 << 10, Drain: drain, Answered: p.measured.requests.Answered,
		TrustedProxies: proxies, Trace: p.tracer.Server(tracing.ServerOptions{Trusts: api.Authorized, Params: pathParams}),
	}
	e := httpserver.New(p.server)
	e.Use(httpserver.LimitAddresses(ratelimit.New(c.addressLimit(), clk), api.Authorized))
	api.Routes(e)
	document, err := openapi.New(rest.Document)
	if err != nil {
		return nil, err
	}
	document.Register(e)
	pages, err := console.New(keep, desk, tracedService, p, p.gate, clk, log)
	if err != nil {
		return nil, err
	}
	pages.Register(e)
	p.handler = e
	if p.listener, err = net.Listen("tcp", c.Listen); err != nil { //nolint:noctx // it does not block
		return nil, fmt.Errorf("PAYMENTS_LISTEN: %w", err)
	}
	return p, nil
}

// openMigrated opens the database with its schema up to date: SQLite is migrated here, since nobody else does; on Postgres, where
// several replicas start at once, migrating is a step of its own. maxConns 0 is what the settings say.
func openMigrated(ctx context.Context, c config, maxConns int, log *slog.Logger, clk clock.Clock) (*database.DB, error) {
	db, err := database.Open(ctx, c.DatabaseURL.Reveal(), database.Options{Clock: clk, Limits: c.Limits, MaxConns: maxConns})
	if err != nil {
		return nil, err
	}
	if db.Dialect() == database.SQLite {
		applied, err := database.Migrate(ctx, db, store.Migrations())
		if err != nil {
			return nil, errors.Join(err, db.Close())
		}
		if len(applied) > 0 {
			log.InfoContext(ctx, "migrated the database", "applied", applied)
		}
		return db, nil
	}
	if err := migrated(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// migrated returns an error that says what to do unless the schema is up to date.
func migrated(ctx context.Context, db *database.DB) error {
	all, err := database.Migrations(ctx, db, store.Migrations())
	if err != nil {
		return err
	}
	for _, m := range all {
		if !m.Applied {
			return fmt.Errorf("the database lacks migration %s: run `payments migrate` first", m.Name)
		}
	}
	return nil
}

// Addr is where the service listens.
func (p *program) Addr() string { return p.listener.Addr().String() }

// Run serves until ctx is done, then finishes what is in hand.
func (p *program) Run(ctx context.Context) error {
	p.log.InfoContext(ctx, "payments is ready", "address", p.Addr(), "database", p.db.Dialect(), "webhooks_to", p.config.MarketplaceBaseURL)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var loops sync.WaitGroup
	loops.Go(func() { p.payments.Run(ctx) })
	loops.Go(func() { p.webhooks.Run(ctx) })
	loops.Go(func() { p.tasks.Run(ctx) })
	loops.Go(func() { p.prune(ctx) })
	loops.Go(func() { p.followAPIKeys(ctx) })
	loops.Go(func() { p.pinAudit(ctx) })
	if p.measured.listener != nil {
		loops.Go(func() { p.measured.registry.Serve(ctx, p.measured.listener, p.log) })
	}
	if p.compares != nil {
		loops.Go(func() { p.compares.Run(ctx) })
	}
	err := httpserver.Serve(ctx, p.listener, p.handler, p.server)
	stop()
	loops.Wait()
	p.log.InfoContext(context.WithoutCancel(ctx), "payments has stopped")
	return err
}

// prune deletes, every hour, what is kept for a while only.
func (p *program) prune(ctx context.Context) {
	for clock.Sleep(ctx, p.clock, time.Hour) == nil {
		now := p.clock.Now()
		if err := p.store.PruneIdempotent(ctx, now); err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "prune idempotency keys", "error", err)
		}
		pruned, err := p.store.PruneDeliveries(ctx, now.Add(-p.config.WebhookRetention))
		if err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "[webhook] prune those that ended long ago", "error", err)
		}
		if pruned > 0 {
			p.log.InfoContext(ctx, "[webhook] pruned those that ended long ago", "webhooks", pruned)
		}
	}
}

// Close releases what newProgram opened.
func (p *program) Close() {
	if p.listener != nil {
		_ = p.listener.Close()
	}
	if p.measured.listener != nil {
		_ = p.measured.listener.Close()
	}
	if p.db != nil {
		_ = p.db.Close()
	}
	p.tracer.Close()
}
