// Package web is the marketplace's pages and forms, for people in browsers.
//
// Pages are rendered here, work without JavaScript, and carry a content security policy that
// allows nothing from elsewhere. What a person may do is decided by package marketplace; what a
// person may see, by the store's reads, which take the viewer. Texts live in the templates.
package web

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/ratelimit"
	"tianguis.example/chassis/turnstile"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/language"
)

// Reader is what the pages read; package store has it.
type Reader interface {
	// Session returns CodeNotFound when no session has the token's hash. It counts what the person has not seen up to mostUnread.
	Session(ctx context.Context, tokenHash string, mostUnread int) (marketplace.SessionUser, error)
	// SeenSession writes down that a session is in use.
	SeenSession(ctx context.Context, id string, at time.Time) error
	SessionsOf(ctx context.Context, id marketplace.UserID, now time.Time) ([]marketplace.Session, error)
	// DeleteSession leaves a session alone that is not that person's.
	DeleteSession(ctx context.Context, id string, of marketplace.UserID) error
	AccountEvents(ctx context.Context, id marketplace.UserID, limit int) ([]marketplace.AccountEvent, error)
	JobsOf(ctx context.Context, viewer marketplace.User) (marketplace.JobsOfPerson, error)
	FindJobs(ctx context.Context, viewer marketplace.User, f marketplace.JobFilter) (marketplace.JobsFound, error)
	// JobFor returns CodeNotFound for a job that the viewer may not know of.
	JobFor(ctx context.Context, id marketplace.JobID, viewer marketplace.User) (marketplace.JobView, error)
	// StandingFor is JobFor with how the job's payment stands, and nothing else that is known of the job.
	StandingFor(ctx context.Context, id marketplace.JobID, viewer marketplace.User) (marketplace.JobView, error)
	// FileFor returns CodeNotFound for a file of work that the viewer may not see.
	FileFor(ctx context.Context, job marketplace.JobID, id string, viewer marketplace.User) (marketplace.File, error)
	// MoneyLines are a person's payments, the newest first, up to limit of them with an id below before.
	MoneyLines(ctx context.Context, who marketplace.UserID, before string, limit int) ([]marketplace.MoneyLine, error)
	MoneyOf(ctx context.Context, who marketplace.UserID, now time.Time) (marketplace.MyMoney, error)
	notificationReader
	operatorReader
}

// notificationReader is what a person was told, and what they chose to be told: their own only.
type notificationReader interface {
	// NotificationsOf are up to n, the newest first, older than before; from the newest on when that is 0.
	NotificationsOf(ctx context.Context, viewer marketplace.UserID, before int64, n int) ([]marketplace.Notification, error)
	// Unread counts up to most.
	Unread(ctx context.Context, viewer marketplace.UserID, most int) (int, error)
	// ReadNotification returns CodeNotFound for one that is not the viewer's.
	ReadNotification(ctx context.Context, viewer marketplace.UserID, id int64, now time.Time) (marketplace.Notification, error)
	ReadAllNotifications(ctx context.Context, viewer marketplace.UserID, upTo int64, now time.Time) error
	PreferencesOf(ctx context.Context, viewer marketplace.UserID) (marketplace.Preferences, error)
	SavePreferences(ctx context.Context, who marketplace.UserID, p marketplace.Preferences) error
}

// Options are the choices of whoever runs the marketplace.
type Options struct {
	BaseURL          string               // its public address; with https, cookies are sent over https only
	UnsignedWebhooks bool                 // webhooks without a signature are believed, of which operators are warned
	Assets           []marketplace.Asset  // that a budget can be given in
	SMS              bool                 // SMS are sent, so that people can ask for them
	ConsoleURL       string               // where operators' browsers reach the payments service; "" when that is not known
	Files            Files                // that were handed in
	Returns          ratelimit.Limit      // returns from a wallet that come to nothing, of a session or of a network where nobody is signed in
	Starts           *turnstile.Turnstile // before what starts a payment; nil for no bound
	Mails            func() []DevMail     // what /dev/mail shows, the newest first; nil for no such page
}

// Pages answers browsers.
type Pages struct {
	market  *marketplace.Market
	reader  Reader
	clock   clock.Clock
	log     *slog.Logger
	https   bool   // the marketplace's public address is https: cookies are Secure
	open    bool   // webhooks without a signature are believed
	sms     bool   // SMS are sent
	console string // see Options.ConsoleURL, without a slash at its end
	mails   func() []DevMail
	returns *ratelimit.Limiter
	starts  *turnstile.Turnstile
	files   Files
	assets  map[string]asset

	budgetAssets []marketplace.Asset

	catalogue *language.Catalogue
	pages     map[string]map[string]*template.Template // by language and name
}

//go:embed templates static
var embedded embed.FS

// New makes the pages. It fails only when a template is broken.
func New(market *marketplace.Market, reader Reader, c clock.Clock, log *slog.Logger, o Options) (*Pages, error) {
	p := &Pages{market: market, reader: reader, clock: c, log: log, https: strings.HasPrefix(o.BaseURL, "https://"), open: o.UnsignedWebhooks, sms: o.SMS, mails: o.Mails, files: o.Files, console: strings.TrimRight(o.ConsoleURL, "/"), budgetAssets: o.Assets, returns: ratelimit.New(o.Returns, c), starts: o.Starts}
	var err error
	if p.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if p.catalogue, err = language.Load(); err != nil {
		return nil, err
	}
	p.pages = map[string]map[string]*template.Template{}
	for _, l := range p.catalogue.Languages() {
		if p.pages[l.Code], err = p.parse(l); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// pageNames are those of the pages' templates.
var pageNames = []string{
	"login", "signup", "confirm", "forgot", "reset", "link", "profile", "email",
	"job_list", "job_page", "job_form", "pay", "consent", "finish", "money",
	"operator", "operator_people", "operator_person", "operator_person_act", "operator_jobs", "operator_payments", "operator_actions",
	"notifications", "preferences", "dev_mail", "error",
}

// parse reads every page's template in a language, together with the layout and what pages share.
func (p *Pages) parse(l *language.Language) (map[string]*template.Template, error) {
	shared, err := template.New("").Funcs(p.functions(l)).ParseFS(embedded, "templates/layout.html", "templates/shared.html")
	if err != nil {
		return nil, fmt.Errorf("parse the layout: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, name := range pageNames {
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

// frame is what every page's template sees; Page is its own.
type frame struct {
	Name    string // of the page's template
	Visitor visitor
	Here    string // the page's address, to come back to
	Flash   string // a code, which templates/shared.html turns into words
	Unread  int    // what the visitor was told and has not seen, counted up to countedUnread
	Page    any
}

// render writes a page whole, or not at all.
func (p *Pages) render(c echo.Context, status int, name string, page any) error {
	if what, ok := suspicious[status]; ok {
		httpserver.Suspect(c, what)
	}
	var body bytes.Buffer
	data := frame{Name: name, Visitor: visitorOf(c), Here: here(c), Flash: p.takeFlash(c), Page: page, Unread: visitorOf(c).unread}
	if data.Visitor.SignedIn() && !countsUnread(c) { // a form that was refused, for one
		var err error
		if data.Unread, err = p.reader.Unread(c.Request().Context(), data.Visitor.User.ID, countedUnread); err != nil {
			p.log.WarnContext(c.Request().Context(), "count what a person has not seen", "error", err) // the page is worth more than its bell
		}
	}
	c.Response().Header().Set("Content-Language", p.languageOf(c).Code)
	if err := p.pages[p.languageOf(c).Code][name].ExecuteTemplate(&body, "layout", data); err != nil {
		return fmt.Errorf("render the page %s: %w", name, err)
	}
	return c.HTMLBlob(status, body.Bytes())
}

// Register adds the routes: all of them in one view.
func (p *Pages) Register(e *echo.Echo) {
	e.GET("/static/*", p.static)
	e.GET("/language/:code", p.chooseLanguage, p.securityHeaders)

	open := []echo.MiddlewareFunc{p.securityHeaders, p.withVisitor, p.checkForm}
	e.GET("/login", p.loginForm, open...)
	e.POST("/login", p.login, open...)
	e.POST("/logout", p.logout, open...)
	e.GET("/signup", p.signUpForm, open...)
	e.POST("/signup", p.signUp, open...)
	e.GET("/signup/confirm", p.confirmForm, open...)
	e.POST("/signup/confirm", p.confirm, open...)
	e.GET("/forgot", p.forgotForm, open...)
	e.POST("/forgot", p.forgot, open...)
	e.GET("/reset", p.resetForm, open...)
	e.POST("/reset", p.reset, open...)
	e.GET("/payments/finish", p.finish, open...)

	closed := append(open, p.signedIn)
	e.GET("/profile", p.profile, closed...)
	e.POST("/profile", p.changeProfile, closed...)
	e.POST("/profile/wallet", p.changeWallet, closed...)
	e.POST("/profile/email", p.changeEmail, closed...)
	e.GET("/profile/email/confirm", p.emailForm, closed...)
	e.POST("/profile/email/confirm", p.confirmEmail, closed...)
	e.POST("/profile/password", p.changePassword, closed...)
	e.POST("/profile/sessions/end", p.endSession, closed...)
	e.POST("/profile/sessions/end-all", p.signOutEverywhere, closed...)
	e.GET("/", p.jobList, closed...)
	e.GET("/jobs/new", p.newJobForm, closed...)
	e.POST("/jobs/new", p.newJob, closed...)
	e.GET("/jobs/:job_id", p.jobPage, closed...)
	e.GET("/jobs/:job_id/edit", p.editForm, closed...)
	e.POST("/jobs/:job_id/edit", p.edit, closed...)
	for _, action := range []marketplace.Action{
		marketplace.Publish, marketplace.Apply, marketplace.Withdraw, marketplace.Close, marketplace.Select, marketplace.Accept, marketplace.Reject,
		marketplace.Cancel,
	} {
		e.POST("/jobs/:job_id/"+string(action), p.act(action), closed...)
	}
	e.POST(SubmitRoute, p.submit, p.securityHeaders, p.withVisitor, p.checkParts, p.signedIn)
	e.Match([]string{http.MethodGet, http.MethodHead}, "/jobs/:job_id/files/:file_id", p.file, closed...)
	e.POST("/jobs/:job_id/duplicate", p.duplicate, closed...)
	e.GET("/jobs/:job_id/status", p.jobStatus, closed...)
	e.GET("/jobs/:job_id/pay", p.payForm, closed...)
	e.POST("/jobs/:job_id/pay", p.pay, closed...)
	e.GET("/jobs/:job_id/pay/consent", p.consent, closed...)
	e.GET("/money", p.money, closed...)
	e.GET("/money.csv", p.moneyCSV, closed...)
	e.GET("/notifications", p.notifications, closed...)
	e.POST("/notifications/read", p.readNotifications, closed...)
	e.GET("/notifications/preferences", p.preferencesForm, closed...)
	e.POST("/notifications/preferences", p.preferences, closed...)
	e.GET("/notifications/:notification_id", p.notification, closed...)
	if p.mails != nil {
		e.GET("/dev/mail", p.devMail, open...)
		e.GET("/dev/mail/:message_id", p.devMailHTML, open...)
	}

	operators := append(closed, p.operators)
	e.GET("/operator", p.operator, operators...)
	e.POST("/operator/news/:entry_id/looked-into", p.lookedInto, operators...)
	e.GET("/operator/people", p.people, operators...)
	e.GET("/operator/people.csv", p.peopleCSV, operators...)
	e.GET("/operator/people/:user_id", p.person, operators...)
	for _, act := range marketplace.PersonActs {
		e.GET("/operator/people/:user_id/"+string(act), p.askPersonAct(act), operators...)
		e.POST("/operator/people/:user_id/"+string(act), p.doPersonAct(act), operators...)
	}
	e.GET("/operator/jobs", p.operatorJobs, operators...)
	e.GET("/operator/jobs.csv", p.operatorJobsCSV, operators...)
	e.GET("/operator/payments", p.operatorPayments, operators...)
	e.GET("/operator/payments.csv", p.operatorPaymentsCSV, operators...)
	e.GET("/operator/actions", p.operatorActions, operators...)
	e.GET("/operator/actions.csv", p.operatorActionsCSV, operators...)
}

// securityHeaders keeps everything foreign out of a page, and the page out of everything foreign.
func (p *Pages) securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		p.setSecurityHeaders(c.Response().Header())
		return next(c)
	}
}

func (p *Pages) setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; media-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer") // a finish's address carries its hash
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if p.https {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
