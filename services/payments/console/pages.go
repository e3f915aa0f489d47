// Package console is pages for the operator in a browser.
//
// They show whether money flows and what needs a person, the story of each payment, where each webhook is, what reconciliation found, whether the audit
// trail holds, and what operators did; and let the operator do what the rules allow. They are rendered here, work without JavaScript, and carry a
// content security policy that allows nothing from elsewhere. The service and the desk (package outbox) do what is asked; texts live in the
// templates. Whatever an operator does is kept (package operator).
//
//	overview.go        how it stands, each figure a link to what it counts
//	payment_list.go    payments, with filters
//	payment_page.go    one payment: what it means, its events, its webhooks, what can be done
//	webhook_log.go     the delivery log, with filters
//	webhook_page.go    one webhook: its body, each attempt
//	endpoint_list.go   who receives webhooks
//	reconciliation.go  what comparisons with the wallets found
//	audit_page.go      whether the audit trail holds; copies of it
//	action_list.go     what operators did
//	form.go export.go  filters and files, as all lists have them
//	access.go          who may come in
package console

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"path"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
)

// Root is where the pages are, below the service's address.
const Root = "/operator"

// Pages answers operators.
type Pages struct {
	read    reader
	desk    desk
	rules   rules
	tasks   tasks
	log     *slog.Logger
	gate    *apikey.Gate
	origins *http.CrossOriginProtection
	clock   clock.Clock
	pages   map[string]*template.Template
	style   asset
}

// reader is what the pages read; package store has it.
type reader interface {
	logReader
	webhookReader
	endpointReader
	overviewReader
	paymentReader
	auditReader
	taskReader
	actionKeeper
}

// desk is what an operator can do; outbox.Desk does it.
type desk interface {
	Change(ctx context.Context, by operator.Operator, id string, c outbox.EndpointChange) (outbox.Endpoint, error)
	Ping(ctx context.Context, by operator.Operator, id string) (outbox.Delivery, error)
	ReplayOne(ctx context.Context, by operator.Operator, id string) (outbox.Delivery, error)
	Replay(ctx context.Context, by operator.Operator, f outbox.Filter) (int, error)
}

// rules is what an operator can do with a payment; payments.Service does it.
type rules interface {
	Cancel(ctx context.Context, by payments.Actor, id payments.PaymentID) (payments.Payment, error)
	Look(ctx context.Context, id payments.PaymentID) error
	Compare(ctx context.Context, id payments.PaymentID) ([]payments.Finding, error)
}

// tasks takes what lasts longer than a page may.
type tasks interface {
	// Ask has a task done in the background. It reports false when one of its kind is under way.
	Ask(ctx context.Context, by operator.Operator, kind payments.TaskKind) (bool, error)
}

//go:embed templates static
var embedded embed.FS

// New makes the pages, behind the gate of the rest of the service. It fails only when a template is broken.
func New(read reader, d desk, r rules, t tasks, gate *apikey.Gate, c clock.Clock, log *slog.Logger) (*Pages, error) {
	p := &Pages{read: read, desk: d, rules: r, tasks: t, log: log, gate: gate, origins: http.NewCrossOriginProtection(), clock: c}
	var err error
	if p.style, err = loadAsset("static/" + styleSheet); err != nil {
		return nil, err
	}
	p.pages, err = p.parse()
	return p, err
}

// parse reads every page's template together with the layout and what pages share.
func (p *Pages) parse() (map[string]*template.Template, error) {
	shared, err := template.New("").Funcs(p.functions()).ParseFS(embedded, "templates/layout.html", "templates/shared.html")
	if err != nil {
		return nil, fmt.Errorf("parse the layout: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, name := range []string{
		"overview", "payment_list", "payment_page", "webhook_log", "webhook_page", "endpoint_list", "reconciliation", "audit_page", "action_list", "error",
	} {
		own, err := shared.Clone()
		if err != nil {
			return nil, err
		}
		if pages[name], err = own.ParseFS(embedded, path.Join("templates", name+".html")); err != nil {
			return nil, fmt.Errorf("parse the page %s: %w", name, err)
		}
	}
	return pages, nil
}

// Register adds the routes: all of them in one view.
func (p *Pages) Register(e *echo.Echo) {
	e.GET(Root+"/static/"+styleSheet, p.static, secured) // also for who has no key yet

	with := []echo.MiddlewareFunc{secured, p.withErrors, p.withKey, p.fromHere}
	e.GET(Root, p.overview, with...)
	e.GET(Root+"/", p.overview, with...)
	e.GET(Root+"/payments", p.paymentList, with...)
	e.GET(Root+"/payments.csv", p.paymentFile, with...)
	e.GET(Root+"/payments/:pendingId", p.paymentPage, with...)
	e.POST(Root+"/payments/:pendingId/cancel", p.cancelPayment, with...)
	e.POST(Root+"/payments/:pendingId/look", p.lookAtPayment, with...)
	e.POST(Root+"/payments/:pendingId/compare", p.comparePayment, with...)
	e.GET(Root+"/webhooks", p.webhookLog, with...)
	e.GET(Root+"/webhooks/:webhookId", p.webhookPage, with...)
	e.POST(Root+"/webhooks/replay", p.replayFiltered, with...)
	e.POST(Root+"/webhooks/:webhookId/replay", p.replayWebhook, with...)
	e.GET(Root+"/endpoints", p.endpointList, with...)
	e.POST(Root+"/endpoints/:endpointId/enable", p.setEnabled(true), with...)
	e.POST(Root+"/endpoints/:endpointId/disable", p.setEnabled(false), with...)
	e.POST(Root+"/endpoints/:endpointId/ping", p.pingEndpoint, with...)
	e.POST(Root+"/endpoints/:endpointId/replay", p.replayEndpoint, with...)
	e.GET(Root+"/reconciliation", p.reconciliation, with...)
	e.GET(Root+"/reconciliation.csv", p.findingFile, with...)
	e.POST(Root+"/reconciliation/run", p.askTask(payments.TaskReconcile, "/reconciliation"), with...)
	e.GET(Root+"/audit", p.auditPage, with...)
	e.GET(Root+"/audit.csv", p.auditFile("csv"), with...)
	e.GET(Root+"/audit.json", p.auditFile("json"), with...)
	e.POST(Root+"/audit/verify", p.askTask(payments.TaskVerifyAudit, "/audit"), with...)
	e.GET(Root+"/actions", p.actionList, with...)
	e.GET(Root+"/actions.csv", p.actionFile, with...)
	e.RouteNotFound(Root+"/*", func(echo.Context) error { return echo.ErrNotFound }, with...)
}

// secured keeps everything foreign out of a page, and the page out of everything foreign.
func secured(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		// Nothing is told to other sites. It is not "no-referrer", with which a form's Origin is "null" (Fetch, "append a request Origin header"):
		// over plain http, where browsers send no Sec-Fetch-Site, no form would then be known to come from here.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		return next(c)
	}
}

// frame is what every page's template sees; Page is its own.
type frame struct {
	Warnings []Warning
	Flash    Flash
	Page     any
}

// show writes a page with the warnings that stand on every one.
func (p *Pages) show(c echo.Context, status int, name string, page any) error {
	known, err := p.directory(c.Request().Context())
	if err != nil {
		return err
	}
	return p.render(c, status, name, frame{known.warnings(), takeFlash(c), page})
}

// render writes a page whole, or not at all.
func (p *Pages) render(c echo.Context, status int, name string, f frame) error {
	var body bytes.Buffer
	named := struct {
		frame
		Name string // of the page's template
	}{f, name}
	if err := p.pages[name].ExecuteTemplate(&body, "layout", named); err != nil {
		return fmt.Errorf("render the page %s: %w", name, err)
	}
	return c.HTMLBlob(status, body.Bytes())
}
