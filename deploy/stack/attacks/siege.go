package attacks

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/webhook"
	"tianguis.example/sandbox/control"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// siege is the services under attack, and whoever is in and around them.
type siege struct {
	config   Config
	stack    *stack.Stack
	keyless  *stack.Program // a payments service without an API key, as developers have it on loopback
	wallets  *control.Client
	hostile  *hostileWallet
	trap     *trap
	client   *http.Client
	journals map[string]*journal
	shots    atomic.Int64

	key     string          // the API key
	secrets webhook.Secrets // that webhooks are signed with

	payer     *visitor // funds the jobs
	elsewhere *visitor // the same person in another browser
	worker    *visitor // does them
	other     *visitor // has nothing to do with them
	operator  *visitor // looks after the marketplace

	awaiting victim // approved at the wallet; the payer has not come back yet
	twin     victim // the same, of another job
	paid     victim // the money has arrived
	due      int64  // a job that waits to be paid, of which nothing was started
	planted  int64  // a job of the other's with markup in every text
	working  int64  // a job whose work the worker is about to hand in
	handed   int64  // a job whose work was handed in
	file     string // the id of a file of that
	reset    string // the token of a link with which the other has chosen a new password
}

// visitor is a browser in which somebody is signed in.
type visitor struct {
	*person.Payer
	cookies []*http.Cookie
	csrf    string // what the forms of this session carry
}

// victim is a payment.
type victim struct {
	job       int64
	pendingID string
	finish    url.Values // with which the wallet sends the payer back
}

// keylessPayments is the name of the payments service without a key.
const keylessPayments = "payments-open"

// The people of the seed, and one more.
const (
	funderEmail   = "funder@example.com"
	workerEmail   = "worker@example.com"
	operatorEmail = "operator@example.com"
	password      = "demo-tianguis" //nolint:gosec // G101: public on purpose

	otherEmail    = "otilia@example.com"
	otherPassword = "a password of her own"
	newPassword   = "and then another one"
)

func newSiege(c Config) *siege {
	return &siege{config: c, journals: map[string]*journal{}, client: &http.Client{
		// A connection for each request, so that it has a name in the logs; and no proxy.
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true},
		Timeout:       rawBound,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// start brings the services and the people to where the attacks find them.
func (s *siege) start(ctx context.Context) (err error) {
	if s.trap, err = setTrap(ctx); err != nil {
		return err
	}
	if s.hostile, err = openHostileWallet(ctx); err != nil {
		return err
	}
	if err := s.startServices(ctx); err != nil {
		return err
	}
	if s.key, err = stack.ReadSecret(s.stack.Secrets.APIKey); err != nil {
		return err
	}
	secret, err := stack.ReadSecret(s.stack.Secrets.WebhookSecret)
	if err != nil {
		return err
	}
	if s.secrets, err = webhook.ParseSecrets(secret); err != nil {
		return err
	}
	if err := s.people(ctx); err != nil {
		return err
	}
	return s.victims(ctx)
}

func (s *siege) startServices(ctx context.Context) error {
	ports, err := stack.FreePorts(ctx)
	if err != nil {
		return err
	}
	keyless, err := stack.FreePort(ctx)
	if err != nil {
		return err
	}
	keys := filepath.Join(s.config.State, "seller-keys")
	everywhere := map[string]string{
		"LOG_FORMAT": "json", "HTTP_PROXY": s.trap.address("http", ""), "HTTPS_PROXY": s.trap.address("http", ""), "ALL_PROXY": s.trap.address("http", ""),
	}
	config := stack.Config{Bin: s.config.Bin, State: s.config.State, Ports: ports, Env: map[string]map[string]string{
		stack.Sandbox: {"SANDBOX_CONTINUE_WAIT": "0s", "SANDBOX_SETTLE_DELAY": "50ms", "SANDBOX_COMPLETE_LAG": "0s"},
		stack.Payments: {
			"WALLET_ALLOW_HOSTS": fmt.Sprintf("localhost:%d,%s", ports.Sandbox, s.hostile.host), "WALLET_TIMEOUT": "2s", "FINISH_WAIT": "2s",
			"PAYMENT_LEASE": "20s", "POLL_INTERVAL": "100ms", "KEY_FOLDER": keys,
		},
		stack.Marketplace: {"MAIL_DELIVERY": "page", "MESSAGES_POLL_INTERVAL": "100ms", "UPLOAD_MAX_SIZE": strconv.Itoa(uploadMax)},
	}}
	for _, name := range []string{stack.Payments, stack.Marketplace} {
		for variable, value := range everywhere {
			config.Env[name][variable] = value
		}
	}
	if s.stack, err = stack.New(config); err != nil {
		return err
	}
	// A way out of the folder of keys, as somebody may have left one.
	if err := errors.Join(os.MkdirAll(keys, 0o700), os.Symlink(s.stack.Secrets.APIKey, filepath.Join(keys, "link.pem"))); err != nil {
		return err
	}
	s.wallets = s.stack.Wallets()
	if err := s.stack.Start(ctx); err != nil {
		return err
	}
	if _, err := s.stack.Marketplace.Run(ctx, "seed", "--to-pay", "2"); err != nil {
		return err
	}
	s.keyless = s.stack.Payments.Replica(keylessPayments, "PAYMENTS_LISTEN", keyless)
	delete(s.keyless.Env, "PAYMENTS_API_KEY_FILE")
	s.keyless.Env["DATABASE_URL"] = "sqlite:" + filepath.Join(s.config.State, "open.db")
	if err := s.keyless.Start(ctx); err != nil {
		return err
	}
	for _, name := range []string{stack.Payments, stack.Marketplace, keylessPayments} {
		s.journals[name] = &journal{file: s.program(name).Log}
	}
	return nil
}

func (s *siege) program(name string) *stack.Program {
	switch name {
	case stack.Payments:
		return s.stack.Payments
	case keylessPayments:
		return s.keyless
	default:
		return s.stack.Marketplace
	}
}

func (s *siege) address(program string) string { return s.program(program).Address }

func (s *siege) stop() error {
	var wrong []error
	if s.keyless != nil {
		wrong = append(wrong, s.keyless.Stop())
	}
	if s.stack != nil {
		wrong = append(wrong, s.stack.Stop())
	}
	if s.hostile != nil {
		s.hostile.close()
	}
	if s.trap != nil {
		s.trap.close()
	}
	return errors.Join(wrong...)
}

// people signs everybody in, and lets the worker take a name that a sheet would compute, and the other plant markup.
func (s *siege) people(ctx context.Context) (err error) {
	if err := s.signUp(ctx, otherEmail, otherPassword); err != nil {
		return err
	}
	if err := s.forget(ctx); err != nil {
		return err
	}
	for _, one := range []struct {
		who             **visitor
		email, password string
	}{{&s.payer, funderEmail, password}, {&s.elsewhere, funderEmail, password}, {&s.worker, workerEmail, password}, {&s.other, otherEmail, newPassword}, {&s.operator, operatorEmail, password}} {
		if *one.who, err = s.signIn(ctx, one.email, one.password); err != nil {
			return err
		}
	}
	_, err = s.mustRedirect(ctx, postOurs("/profile", url.Values{"name": {formula}, "role": {"worker"}}, s.worker))
	if err != nil {
		return err
	}
	return s.plant(ctx)
}

// formula is a name that a sheet would take for one.
const formula = `=HYPERLINK("https://evil.example","pay here")`

// markup is what a page must show as text.
const markup = `"><script>alert(1)</script><img src=x onerror=alert(1)>`

// plant publishes a job of the other's with markup in every text.
func (s *siege) plant(ctx context.Context) error {
	made, err := s.mustRedirect(ctx, postOurs("/jobs/new", url.Values{
		"title": {markup}, "description": {markup + "\n\njavascript:alert(1) {{.}} ${7*7}"}, "amount": {"12.00"}, "asset": {"MXN"},
		"max_applications": {"3"}, "recruit_days": {"7"}, "submit_days": {"7"},
	}, s.other))
	if err != nil {
		return err
	}
	if s.planted, err = strconv.ParseInt(strings.TrimPrefix(made, "/jobs/"), 10, 64); err != nil {
		return err
	}
	if _, err := s.mustRedirect(ctx, postOurs(made+"/publish", nil, s.other)); err != nil {
		return err
	}
	_, err = s.mustRedirect(ctx, postOurs(made+"/apply", url.Values{"text": {markup}}, s.worker))
	return err
}

// mustRedirect sends what must go well, and returns where it leads.
func (s *siege) mustRedirect(ctx context.Context, o shot) (string, error) {
	got, err := s.send(ctx, o)
	if err != nil {
		return "", err
	}
	if got.status != http.StatusSeeOther {
		return "", fmt.Errorf("did not go well: %s", got)
	}
	_, rest, _ := strings.Cut(got.text, "Location: ")
	to, _, _ := strings.Cut(rest, "\r\n")
	return to, nil
}

// signIn opens a session in a new browser.
func (s *siege) signIn(ctx context.Context, email, password string) (*visitor, error) {
	payer, err := person.SignIn(ctx, s.stack.Marketplace.Address, email, password)
	if err != nil {
		return nil, err
	}
	home, err := url.Parse(s.stack.Marketplace.Address)
	if err != nil {
		return nil, err
	}
	page, err := payer.Browser.Open(ctx, s.stack.Marketplace.Address+"/profile")
	if err != nil {
		return nil, err
	}
	csrf := page.Document.Find("input[name=csrf]").First().AttrOr("value", "")
	if csrf == "" {
		return nil, errors.New("the profile's form carries nothing that proves where it is from")
	}
	return &visitor{Payer: payer, cookies: payer.Browser.Cookies(home), csrf: csrf}, nil
}

// signUp makes an account, as a person does: with the link in a mail.
func (s *siege) signUp(ctx context.Context, email, password string) error {
	browser := person.NewBrowser()
	page, err := browser.Open(ctx, s.stack.Marketplace.Address+"/signup")
	if err != nil {
		return err
	}
	if _, err := page.Click(ctx, "form#signup button", url.Values{
		"name": {"Otilia Paz"}, "email": {email}, "password": {password}, "role": {"both"}, "wallet_address": {s.stack.Sandbox.Address + "/buyer-mxn"},
	}); err != nil {
		return err
	}
	link, err := s.mailed(ctx, email, "/signup/confirm?token=")
	if err != nil {
		return err
	}
	if page, err = browser.Open(ctx, link); err != nil {
		return err
	}
	page, err = page.Click(ctx, "main form button", url.Values{"password": {password}})
	if err == nil && page.Status != http.StatusOK {
		err = fmt.Errorf("sign up: %d: %s", page.Status, page.Text("main"))
	}
	return err
}

// forget lets the other choose a new password with the link in a mail, whose token is kept.
func (s *siege) forget(ctx context.Context) error {
	browser := person.NewBrowser()
	page, err := browser.Open(ctx, s.stack.Marketplace.Address+"/forgot")
	if err != nil {
		return err
	}
	if _, err := page.Click(ctx, "form#forgot button", url.Values{"email": {otherEmail}}); err != nil {
		return err
	}
	link, err := s.mailed(ctx, otherEmail, "/reset?token=")
	if err != nil {
		return err
	}
	_, s.reset, _ = strings.Cut(link, "token=")
	if page, err = browser.Open(ctx, link); err != nil {
		return err
	}
	page, err = page.Click(ctx, "form#reset button", url.Values{"password": {newPassword}})
	if err == nil && page.Status != http.StatusOK {
		err = fmt.Errorf("choose a new password: %d: %s", page.Status, page.Text("main"))
	}
	return err
}

// mailed is the newest link with that path in a mail to somebody; the page that keeps mails during development shows them.
func (s *siege) mailed(ctx context.Context, to, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, rawBound)
	defer cancel()
	for {
		page, err := person.NewBrowser().Open(ctx, s.stack.Marketplace.Address+"/dev/mail")
		if err != nil {
			return "", err
		}
		text := page.Document.Find(`li[data-to="` + to + `"]`).Text()
		if at := strings.Index(text, s.stack.Marketplace.Address+path); at >= 0 {
			return strings.Fields(text[at:])[0], nil
		}
		if err := pauseFor(ctx, 50*time.Millisecond); err != nil {
			return "", fmt.Errorf("no mail to %s with %s: %w", to, path, err)
		}
	}
}

// victims brings payments to where they are attacked.
func (s *siege) victims(ctx context.Context) (err error) {
	wallet := s.stack.Sandbox.Address + "/buyer-mxn"
	for _, one := range []struct {
		victim *victim
		budget string
	}{{&s.awaiting, "100.00 MXN"}, {&s.twin, "19.99 MXN"}, {&s.paid, "10.00 MXN"}} {
		if *one.victim, err = s.approved(ctx, one.budget, wallet); err != nil {
			return err
		}
	}
	job, err := s.payer.JobToPay(ctx, "10.20 MXN")
	if err != nil {
		return err
	}
	s.due = job.ID
	if err := s.handOver(ctx); err != nil {
		return err
	}
	seller := fmt.Sprintf(`{"id":%q,"walletAddressUrl":%q}`, honestSeller, s.stack.Sandbox.Address+stack.WorkerWallet)
	if got, err := s.send(ctx, api(http.MethodPost, "/sellers", seller).keyed(s)); err != nil || got.status != http.StatusCreated {
		return errors.Join(err, fmt.Errorf("register the seller: %s", got))
	}
	return s.comeBack(ctx, s.paid)
}

// approved starts a payment, and approves it at the wallet.
func (s *siege) approved(ctx context.Context, budget, wallet string) (victim, error) {
	job, err := s.payer.JobToPay(ctx, budget)
	if err != nil {
		return victim{}, err
	}
	consent, err := s.payer.AskToPay(ctx, job.ID, wallet)
	if err != nil {
		return victim{}, err
	}
	back, err := s.payer.Decide(ctx, consent, person.Approve)
	if err != nil {
		return victim{}, err
	}
	query := back.Query()
	return victim{job: job.ID, pendingID: query.Get("pendingId"), finish: query}, nil
}

// comeBack lets the payer follow the wallet's redirect, and waits for the money.
func (s *siege) comeBack(ctx context.Context, v victim) error {
	if _, err := s.payer.Browser.Open(ctx, s.stack.Marketplace.Address+"/payments/finish?"+v.finish.Encode()); err != nil {
		return err
	}
	_, err := s.payer.WaitFor(ctx, v.job, rawBound, person.Complete)
	return err
}

// goOn lets the victims do what they were about: that nobody got in is worth little when nobody can get through either.
func (s *siege) goOn(ctx context.Context) error {
	before, err := s.payments(ctx)
	if err != nil {
		return err
	}
	for _, v := range []victim{s.awaiting, s.twin} {
		if err := s.comeBack(ctx, v); err != nil {
			return fmt.Errorf("after the attacks a payer could not pay any more: %w", err)
		}
	}
	after, err := s.payments(ctx)
	if err == nil && after != before+2 {
		err = fmt.Errorf("after the attacks two payers paid, and the wallet made %d payments", after-before)
	}
	return err
}

// payments counts those that the wallets have made.
func (s *siege) payments(ctx context.Context) (int, error) {
	ledger, err := s.wallets.Ledger(ctx)
	if err != nil {
		return 0, err
	}
	made := map[string]bool{}
	for _, e := range ledger.Entries {
		if e.Payment != "" {
			made[e.Payment] = true
		}
	}
	if !ledger.Conserved {
		err = errors.New("the wallets' ledger does not add up")
	}
	return len(made), err
}

// logsWhole is an error when somebody's words broke out of a line of a log, or a service has stumbled.
func (s *siege) logsWhole() error {
	var wrong []error
	for name, j := range s.journals {
		torn, err := j.tornLines()
		if err != nil {
			wrong = append(wrong, err)
		}
		for _, line := range torn {
			wrong = append(wrong, fmt.Errorf("%s logged what is no JSON: %.200s", name, line))
		}
		for _, line := range j.lines {
			if line["msg"] == "handler panicked" || line["level"] == "ERROR" {
				wrong = append(wrong, fmt.Errorf("%s has stumbled: %v", name, line))
			}
		}
	}
	return errors.Join(wrong...)
}

// forge signs an event as the payments service does.
func (s *siege) forge(id string, at time.Time, body string) http.Header {
	header := http.Header{}
	s.secrets.Sign(header, id, at, []byte(body))
	return header
}

func now() time.Time { return clock.System().Now() }

// trap is an address on this machine that nobody may be sent to.
type trap struct {
	port      int
	listeners []net.Listener
	visited   atomic.Int64
}

func setTrap(ctx context.Context) (*trap, error) {
	port, err := stack.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	t := &trap{port: port}
	for i, host := range []string{"127.0.0.1", "::1"} {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil && i == 0 {
			return nil, err
		}
		if err != nil {
			continue // a machine without IPv6
		}
		t.listeners = append(t.listeners, listener)
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				t.visited.Add(1)
				_ = conn.Close()
			}
		}()
	}
	return t, nil
}

// address is that of the trap, under a name or number of this machine ("127.0.0.1" for "").
func (t *trap) address(scheme, host string) string {
	if host == "" {
		host = "127.0.0.1"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, host, t.port)
}

func (t *trap) visits() int64 { return t.visited.Load() }

func (t *trap) close() {
	for _, l := range t.listeners {
		_ = l.Close()
	}
}
