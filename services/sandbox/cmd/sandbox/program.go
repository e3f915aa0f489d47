package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/tracing"
	"tianguis.example/sandbox"
	"tianguis.example/sandbox/authserver"
	"tianguis.example/sandbox/control"
	"tianguis.example/sandbox/resourceserver"
	"tianguis.example/sandbox/signature"
)

// cleanEvery is how often tokens that died long ago are dropped.
const cleanEvery = time.Hour

// Program is the sandbox as a process: New listens, Run serves, Close lets go.
type Program struct {
	config   Config
	log      *slog.Logger
	clock    clock.Clock
	held     *clock.Held
	listener net.Listener
	bank     *sandbox.Bank
	handler  http.Handler
	tracer   *tracing.Tracer // nil when nobody collects traces
}

// New opens the bank and listens, so that URL is known before Run is called.
func New(config Config, logs io.Writer) (*Program, error) {
	log, err := logging.New(logs, config.LogFormat, config.LogLevel)
	if err != nil {
		return nil, err
	}
	p := &Program{config: config, log: log.With("service", "sandbox"), clock: clock.System()}
	if config.HeldClock {
		p.held = clock.NewHeld(p.clock.Now())
		p.clock = p.held
	}
	if p.listener, err = new(net.ListenConfig).Listen(context.Background(), "tcp", config.Listen); err != nil {
		return nil, fmt.Errorf("listen: %w (is another sandbox running? SANDBOX_LISTEN chooses the address)", err)
	}
	if err := p.open(); err != nil {
		return nil, errors.Join(err, p.listener.Close())
	}
	if p.tracer, err = tracing.New(context.Background(), "sandbox", "", config.Settings, p.log); err != nil {
		return nil, errors.Join(err, p.listener.Close())
	}
	p.handler = p.doors()
	return p, nil
}

// open restores or seeds the bank.
func (p *Program) open() error {
	base := p.config.BaseURL
	if base == "" {
		_, port, err := net.SplitHostPort(p.listener.Addr().String())
		if err != nil {
			return fmt.Errorf("find out the port: %w", err)
		}
		base = "http://localhost:" + port
	}
	bank, err := sandbox.New(sandbox.Options{
		Clock: p.clock, BaseURL: base, Lifetimes: p.config.lifetimes(), SlippagePPM: int64(p.config.SlippagePPM),
	})
	if err != nil {
		return err
	}
	p.bank = bank
	if p.config.State != "" {
		found, err := bank.Restore(p.config.State)
		if err != nil || found {
			return err
		}
	}
	return bank.Seed()
}

// doors is the whole HTTP surface.
func (p *Program) doors() http.Handler {
	e := httpserver.New(httpserver.Options{
		Log: p.log, Clock: clock.System(), ErrorHandler: plainErrors,
		// Nobody here is a stranger: it is for development. What the control API is asked is no part of a payment.
		Trace: p.tracer.Server(tracing.ServerOptions{Trusts: func(echo.Context) bool { return true }, Skip: []string{"/control/*"}}),
	})
	directory := signature.NewDirectory(p.bank, nil)
	authserver.New(p.bank, directory).Routes(e)
	resourceserver.New(p.bank, directory).Routes(e)
	e.GET("/health", httpserver.Health("sandbox", p.clock))
	e.GET("/", p.index)
	peers, _ := httpserver.ParseNetworks(p.config.ControlFrom) // Validate has parsed them
	e.Any("/control/*", echo.WrapHandler(control.NewServer(p.bank, p.held, peers)))
	return control.Intercept(p.bank, e)
}

// plainErrors answers what no door did: as a real wallet, in plain text.
func plainErrors(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status := http.StatusInternalServerError
	if known := (*echo.HTTPError)(nil); errors.As(err, &known) {
		status = known.Code
	}
	if status == http.StatusMethodNotAllowed {
		status = http.StatusNotFound // the recorded wallet does not tell them apart
	}
	_ = c.String(status, http.StatusText(status)) // a peer that is gone misses its answer
}

// URL is what every URL of the wallet starts with.
func (p *Program) URL() string { return p.bank.BaseURL() }

// Run serves until ctx is done, and saves the state last.
func (p *Program) Run(ctx context.Context) error {
	p.log.InfoContext(ctx, "sandbox wallet is open", "url", p.URL(), "listen", p.listener.Addr().String(), "state", p.config.State)
	saved := make(chan error, 1)
	go func() {
		if p.config.State == "" {
			saved <- nil
			return
		}
		saved <- p.bank.KeepSaved(ctx, p.config.State, func(err error) {
			p.log.ErrorContext(ctx, "the state could not be saved", "error", err)
		})
	}()
	go p.keepClean(ctx)
	err := httpserver.Serve(ctx, p.listener, p.handler, httpserver.Options{
		Log: p.log, Clock: clock.System(), Drain: 3 * time.Second, WriteTimeout: 10 * time.Minute,
	})
	if ctx.Err() == nil {
		return err // it could not serve; there is nothing more to save than was saved
	}
	err = errors.Join(err, <-saved)
	if p.config.State != "" {
		err = errors.Join(err, p.bank.Save(p.config.State)) // what the last requests changed
	}
	p.log.InfoContext(ctx, "sandbox wallet is closed")
	return err
}

func (p *Program) keepClean(ctx context.Context) {
	for clock.Sleep(ctx, clock.System(), cleanEvery) == nil {
		p.bank.Clean()
	}
}

// Close lets go of the port if Run never did.
func (p *Program) Close() error {
	p.tracer.Close()
	if err := p.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close the sandbox: %w", err)
	}
	return nil
}
