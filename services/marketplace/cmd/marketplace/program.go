package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/httpclient"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/openapi"
	"tianguis.example/chassis/ratelimit"
	"tianguis.example/chassis/tracing"
	"tianguis.example/chassis/turnstile"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/deadline"
	"tianguis.example/marketplace/inbox"
	"tianguis.example/marketplace/notify"
	"tianguis.example/marketplace/store"
	"tianguis.example/marketplace/uploads"
	"tianguis.example/marketplace/web"
	"tianguis.example/payments/api"
	"tianguis.example/payments/webhook"
)

const service = "marketplace"

// spareRoom is what uploads leave free of their disk.
const spareRoom = 100 << 20 // bytes

// sweepEvery is how often it is looked for files that are nobody's.
const sweepEvery = time.Hour

// Program is the running marketplace: main starts it, and so do tests.
type Program struct {
	db       *database.DB
	listener net.Listener
	echo     *echo.Echo
	options  httpserver.Options
	poller   *inbox.Poller
	notifier *notify.Dispatcher
	keeper   *deadline.Keeper
	files    *uploads.Disk
	sweeper  *uploads.Sweeper
	log      *slog.Logger
	measured measured
	tracer   *tracing.Tracer // nil when nobody collects traces
}

// New opens the database, brings its schema up to date or refuses, and listens. Close undoes it.
func New(ctx context.Context, c Config, log *slog.Logger, now clock.Clock) (_ *Program, err error) {
	crash := newCrashes()
	now = crash.clock(now)
	secrets, err := c.webhookSecrets()
	if err != nil {
		return nil, err
	}
	assets, err := c.assets()
	if err != nil {
		return nil, err
	}
	proxies, err := httpserver.ParseNetworks(c.TrustedProxies)
	if err != nil {
		return nil, err
	}
	p := &Program{log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close())
		}
	}()
	if p.db, err = openMigrated(ctx, c.databaseConfig, log, now); err != nil {
		return nil, err
	}
	if p.files, err = uploads.NewDisk(c.uploads(), spareRoom); err != nil {
		return nil, fmt.Errorf("UPLOADS_DIR cannot be used: %w", err)
	}
	plain := store.New(p.db)
	measured, err := newMeasured(c, p.db, plain, now, log)
	if err != nil {
		return nil, err
	}
	p.measured = measured
	if p.tracer, err = tracing.New(ctx, service, version, c.Settings, log); err != nil {
		return nil, err
	}
	kept := crash.store(plain)
	toPayments := p.tracer.Client(httpclient.WithRequestID(measured.payments()), tracing.ClientOptions{Tells: tracing.TellAll})
	payments := crash.payments(api.NewClient(c.PaymentsURL, c.PaymentsKey.Reveal(), toPayments))
	market := marketplace.New(kept, payments, now, log, marketplace.Options{
		SellerID: c.SellerID, SessionLife: c.SessionLife, Longest: c.PaymentsTimeout, Watch: measured.news, Mails: c.MailDelivery != mailOff,
		Files: countedFiles{p.files, measured}, FileSize: int64(c.UploadMaxSize),
	})
	senders, shown, err := c.senders(now)
	if err != nil {
		return nil, err
	}
	_, sms := senders[marketplace.SMS]
	pages, err := web.New(market, kept, now, log, web.Options{
		BaseURL: c.BaseURL, UnsignedWebhooks: c.AllowUnsigned, Assets: assets, SMS: sms, Files: p.files, ConsoleURL: c.ConsoleURL, Mails: mails(shown),
		Returns: ratelimit.Limit{N: c.RateLimitFinish, Per: time.Minute}, Starts: turnstile.New(c.StartsAtOnce, now, measured.starts),
	})
	if err != nil {
		return nil, err
	}
	p.options = httpserver.Options{
		Log: log, Clock: now, BodyLimit: 256 << 10, Streamed: []string{web.SubmitRoute}, ErrorHandler: errorHandler(pages),
		WriteTimeout:   c.PaymentsTimeout + 15*time.Second, // a page may wait that long for the payments service
		TrustedProxies: proxies, Answered: measured.requests.Answered, Trace: tracePages(p.tracer),
	}
	p.echo = httpserver.New(p.options)
	addresses := ratelimit.New(ratelimit.Limit{N: c.RateLimitAddress, Per: time.Second, Burst: 10 * c.RateLimitAddress}, now)
	p.echo.Use(httpserver.LimitAddresses(addresses, func(c echo.Context) bool { return c.Path() == webhook.Path }))
	p.echo.GET("/health", httpserver.Health(service, now))
	p.echo.GET("/ready", httpserver.Ready(service, now, log, kept.Ping))
	inbox.NewReceiver(market, secrets, c.AllowUnsigned, now, log).Register(p.echo, traceWebhooks(p.tracer)...)
	pages.Register(p.echo)
	document, err := openapi.New(inbox.Document)
	if err != nil {
		return nil, err
	}
	document.Register(p.echo)
	p.poller = &inbox.Poller{
		Market: market, Attempts: kept, Clock: now, Log: log,
		Every: c.PollEvery, Workers: c.PollWorkers, Lease: 2 * c.PaymentsTimeout, Watch: measured.loops, Trace: traceQuestion(p.tracer),
	}
	p.notifier = &notify.Dispatcher{
		Store: kept, Senders: senders, Clock: now, Log: log, Every: c.MessagesEvery, Workers: c.MessagesWorkers, Watch: measured.messages,
	}
	p.keeper = &deadline.Keeper{Market: market, Jobs: kept, Clock: now, Log: log, Every: c.DeadlineEvery, Watch: measured.loops}
	p.sweeper = &uploads.Sweeper{Disk: p.files, Known: kept.KnownFiles, Clock: now, Log: log, Every: sweepEvery}
	if p.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen); err != nil {
		return nil, fmt.Errorf("MARKETPLACE_LISTEN cannot be used: %w", err)
	}
	if c.AllowUnsigned {
		log.WarnContext(ctx, "WEBHOOK_ALLOW_UNSIGNED is set: whoever reaches this service can mark jobs as paid")
	} else if len(secrets) == 0 {
		log.WarnContext(ctx, "WEBHOOK_SECRET is not set: webhooks are refused, and payments are learnt of by asking only")
	}
	return p, nil
}

// errorHandler writes errors to machines as JSON and to people as pages.
func errorHandler(pages *web.Pages) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if strings.HasPrefix(c.Request().URL.Path, "/api/") {
			inbox.Error(err, c)
			return
		}
		pages.Error(err, c)
	}
}

// Address is where the program listens, host:port.
func (p *Program) Address() string { return p.listener.Addr().String() }

// Handler answers requests without a listener.
func (p *Program) Handler() http.Handler { return p.echo }

// Run serves until ctx is done, then finishes what is in hand.
func (p *Program) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return httpserver.Serve(ctx, p.listener, p.echo, p.options) })
	group.Go(func() error { p.poller.Run(ctx); return nil })
	group.Go(func() error { p.notifier.Run(ctx); return nil })
	group.Go(func() error { p.keeper.Run(ctx); return nil })
	group.Go(func() error { p.sweeper.Run(ctx); return nil })
	if p.measured.listener != nil {
		group.Go(func() error { p.measured.registry.Serve(ctx, p.measured.listener, p.log); return nil })
	}
	return group.Wait()
}

// Close lets go of the listeners and the database.
func (p *Program) Close() (err error) {
	for _, l := range []net.Listener{p.listener, p.measured.listener} {
		if l == nil {
			continue
		}
		if closed := l.Close(); !errors.Is(closed, net.ErrClosed) { // else Run has closed it
			err = errors.Join(err, closed)
		}
	}
	if p.files != nil {
		err = errors.Join(err, p.files.Close())
	}
	if p.db != nil {
		err = errors.Join(err, p.db.Close())
	}
	p.tracer.Close()
	return err
}
