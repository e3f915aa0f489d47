package main

import (
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tianguis.example/chassis/database"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/settings"
	"tianguis.example/chassis/tracing"
	"tianguis.example/marketplace"
	"tianguis.example/payments/webhook"
)

// logConfig is what every command reads.
type logConfig struct {
	LogFormat string `env:"LOG_FORMAT" default:"text" help:"How log lines look: text or json."`
	LogLevel  string `env:"LOG_LEVEL" default:"info" help:"What is logged: debug, info, warn or error, and above."`
}

// databaseConfig is what the commands read that need the database only.
type databaseConfig struct {
	logConfig
	DatabaseURL string `env:"DATABASE_URL" default:"sqlite:marketplace.db" help:"Where the marketplace keeps its data: sqlite:<file>, or postgres://user:password@host/database."`
	database.Limits
	BaseURL string `env:"MARKETPLACE_BASE_URL" default:"http://localhost:8000" help:"The address under which people reach the marketplace. With https, cookies are sent over https only."`
}

// Config is everything that the marketplace can be told.
type Config struct {
	databaseConfig
	Listen string `env:"MARKETPLACE_LISTEN" default:"127.0.0.1:8000" help:"Where to listen, host:port. Without a host: on every interface."`

	TrustedProxies []string `env:"MARKETPLACE_TRUSTED_PROXIES" help:"Networks (such as 172.16.0.0/12, separated by commas) in which a proxy of yours stands before the marketplace. It is believed\nwhen it says in X-Forwarded-For who asks, so that tries to sign in are counted for each person, and not for all together."`

	RateLimitAddress int `env:"RATE_LIMIT_ADDRESS" default:"50" help:"How many requests a second one address (of IPv6, a /64) may make; ten times as many at once. 0 for no limit. Webhooks are not\ncounted: they prove themselves. Each replica counts by itself."`
	RateLimitFinish  int `env:"RATE_LIMIT_FINISH" default:"60" help:"How many returns from a wallet a minute that come to nothing are looked at, for each session, and for each address where nobody\nis signed in. 0 for no limit."`

	StartsAtOnce int `env:"STARTS_AT_ONCE" default:"64" help:"How many people's payments are being started at a time; as many more wait for a second at most, and beyond that people are told to try\nagain in a moment. 0 for no limit. Each replica counts by itself."`

	PaymentsURL     string         `env:"PAYMENTS_SERVICE_URL" default:"http://localhost:4001" help:"The payments service."`
	PaymentsKey     logging.Secret `env:"PAYMENTS_API_KEY" help:"The key that the payments service asks for. May be left out only when PAYMENTS_SERVICE_URL is on this machine."`
	PaymentsTimeout time.Duration  `env:"PAYMENTS_TIMEOUT" default:"45s" help:"How long to wait for the payments service in one step."`
	ConsoleURL      string         `env:"PAYMENTS_CONSOLE_URL" help:"Where operators' browsers reach the payments service, such as http://localhost:4001: the operators' pages here link to its pages\nat /operator. Without it they say that there are such pages, and link to none."`
	SellerID        string         `env:"PAYMENTS_SELLER_ID" help:"A seller that the payments service knows, to be paid in the place of each worker: the platform's own wallet."`

	WebhookSecret logging.Secret `env:"WEBHOOK_SECRET" help:"What the payments service signs its webhooks with: whsec_ and base64. Several, separated by spaces, while one is being replaced.\nWithout it webhooks are refused."`
	AllowUnsigned bool           `env:"WEBHOOK_ALLOW_UNSIGNED" default:"false" help:"Believe webhooks without a signature: whoever can reach the marketplace can then mark jobs as paid. For trying things out only."`

	tracing.Settings

	SessionLife time.Duration `env:"SESSION_LIFETIME" default:"168h" help:"How long a sign-in lasts."`
	PollEvery   time.Duration `env:"PAYMENTS_POLL_INTERVAL" default:"2s" help:"How often to look for payments of which no news came, to ask the payments service about them."`
	PollWorkers int           `env:"PAYMENTS_POLL_WORKERS" default:"2" help:"How many of them to ask about at a time."`

	MailDelivery string         `env:"MAIL_DELIVERY" default:"off" help:"Where e-mail goes: off (nowhere), smtp (to a mail server), or page (to /dev/mail, for whoever can open the marketplace to read;\nduring development, and only when MARKETPLACE_BASE_URL is this machine)."`
	MailFrom     string         `env:"MAIL_FROM" help:"Who the mails are from: no-reply@market.example, or Tianguis <no-reply@market.example>."`
	MailReplyTo  string         `env:"MAIL_REPLY_TO" help:"Where answers to them go, if not to MAIL_FROM."`
	SMTPAddress  string         `env:"SMTP_ADDRESS" help:"The mail server, host:port."`
	SMTPSecurity string         `env:"SMTP_TLS" default:"starttls" help:"How the way to it is encrypted: starttls (usually port 587), tls (usually 465), or none (a server on this machine or in a network of its own)."`
	SMTPUsername string         `env:"SMTP_USERNAME" help:"The name to sign in with at the mail server, if it asks for one."`
	SMTPPassword logging.Secret `env:"SMTP_PASSWORD" help:"The password for it."`

	SMSURL           string         `env:"SMS_GATEWAY_URL" help:"Where {\"to\": \"+52…\", \"text\": \"…\"} is POSTed to send an SMS. Without it none are sent, and nobody is offered any."`
	SMSAuthorization logging.Secret `env:"SMS_GATEWAY_AUTHORIZATION" help:"The Authorization header for it: Bearer … or Basic …"`
	SMSSecret        logging.Secret `env:"SMS_GATEWAY_SECRET" help:"What these requests are signed with, as webhooks are: whsec_ and base64. Without it they are not signed."`

	MessagesEvery   time.Duration `env:"MESSAGES_POLL_INTERVAL" default:"2s" help:"How often to look for messages that are due."`
	MessagesWorkers int           `env:"MESSAGES_WORKERS" default:"2" help:"How many e-mails, and how many SMS, are sent at a time."`

	Assets        []string      `env:"MARKETPLACE_ASSETS" default:"USD/2,EUR/2,MXN/2,GBP/2,JPY/0,ZAR/2" help:"The currencies that a job's budget can be given in, each with the decimals of its smallest unit. Workers' wallets must take them."`
	DeadlineEvery time.Duration `env:"DEADLINE_INTERVAL" default:"10s" help:"How often to look for jobs whose time has run out."`

	UploadsDir    string `env:"UPLOADS_DIR" help:"The folder in which the files are kept that people hand in, and which only the marketplace can read. It belongs to the database: the\ntwo are backed up together, and several replicas need one that they share. Without it: uploads, beside the SQLite database or else in the\nworking directory."`
	UploadMaxSize int    `env:"UPLOAD_MAX_SIZE" default:"25000000" help:"How large a file may be, in bytes. All files of a submission together may be twice as large: a proxy before the marketplace has to let\nrequests of that size through."`

	MetricsListen string `env:"METRICS_LISTEN" help:"Where GET /metrics answers Prometheus: 127.0.0.1:9402, or an address that only your network reaches, since it asks for\nno key. On loopback it answers go tool pprof too, at /debug/pprof/. Without it nobody is answered."`
}

// Validate refuses what cannot work, or would be open to anybody.
func (c *databaseConfig) Validate() error {
	var wrong []error
	if base, err := url.Parse(c.BaseURL); err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" {
		wrong = append(wrong, settings.Wrong("MARKETPLACE_BASE_URL", "must be an address such as https://market.example, not %q", c.BaseURL))
	}
	if err := c.Limits.Validate(); err != nil {
		wrong = append(wrong, err)
	}
	if _, err := logging.New(nil, c.LogFormat, "info"); err != nil {
		wrong = append(wrong, settings.Wrong("LOG_FORMAT", "must be text or json, not %q", c.LogFormat))
	}
	if _, err := logging.New(nil, "text", c.LogLevel); err != nil {
		wrong = append(wrong, settings.Wrong("LOG_LEVEL", "must be debug, info, warn or error, not %q", c.LogLevel))
	}
	return errors.Join(wrong...)
}

// Validate refuses what cannot work, or would be open to anybody.
func (c *Config) Validate() error {
	wrong := []error{c.databaseConfig.Validate()}
	add := func(variable, format string, args ...any) {
		wrong = append(wrong, settings.Wrong(variable, format, args...))
	}
	if err := c.Settings.Validate(); err != nil {
		wrong = append(wrong, err)
	}
	for name, n := range map[string]int{"RATE_LIMIT_ADDRESS": c.RateLimitAddress, "RATE_LIMIT_FINISH": c.RateLimitFinish} {
		if n < 0 || n > 1_000_000 {
			add(name, "must be from 0, which is no limit, to 1000000")
		}
	}
	if c.StartsAtOnce < 0 || c.StartsAtOnce > 10_000 {
		add("STARTS_AT_ONCE", "must be from 0, which is no limit, to 10000")
	}
	if _, err := httpserver.ParseNetworks(c.TrustedProxies); err != nil {
		add("MARKETPLACE_TRUSTED_PROXIES", "cannot be used: %v", err)
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		add("MARKETPLACE_LISTEN", "must be host:port, not %q", c.Listen)
	}
	payments, err := url.Parse(c.PaymentsURL)
	if err != nil || payments.Host == "" || payments.Scheme != "https" && payments.Scheme != "http" {
		add("PAYMENTS_SERVICE_URL", "must be an address such as http://localhost:4001, not %q", c.PaymentsURL)
	} else if c.PaymentsKey == "" && !loopback(payments) {
		add("PAYMENTS_API_KEY", "is missing: only a payments service on this machine can be used without a key")
	}
	if console, err := url.Parse(c.ConsoleURL); c.ConsoleURL != "" && (err != nil || console.Host == "" || console.Scheme != "https" && console.Scheme != "http") {
		add("PAYMENTS_CONSOLE_URL", "must be an address such as http://localhost:4001, not %q", c.ConsoleURL)
	}
	if _, err := c.webhookSecrets(); err != nil {
		add("WEBHOOK_SECRET", "cannot be used: %v", err)
	}
	if _, err := c.assets(); err != nil {
		wrong = append(wrong, err)
	}
	wrong = append(wrong, c.validateMail(), c.validateSMS())
	if c.UploadMaxSize < 1 {
		add("UPLOAD_MAX_SIZE", "must be a number of bytes, at least 1")
	}
	if c.MessagesWorkers < 1 {
		add("MESSAGES_WORKERS", "must be at least 1")
	}
	if c.PollWorkers < 1 {
		add("PAYMENTS_POLL_WORKERS", "must be at least 1")
	}
	for name, d := range map[string]time.Duration{"PAYMENTS_TIMEOUT": c.PaymentsTimeout, "SESSION_LIFETIME": c.SessionLife, "PAYMENTS_POLL_INTERVAL": c.PollEvery, "DEADLINE_INTERVAL": c.DeadlineEvery, "MESSAGES_POLL_INTERVAL": c.MessagesEvery} {
		if d <= 0 {
			add(name, "must be more than zero")
		}
	}
	return errors.Join(wrong...)
}

// uploads is the folder of files that are handed in.
func (c *Config) uploads() string {
	if c.UploadsDir != "" {
		return c.UploadsDir
	}
	file, _ := strings.CutPrefix(c.DatabaseURL, database.SQLite+":")
	if file == c.DatabaseURL {
		file = ""
	}
	return filepath.Join(filepath.Dir(file), "uploads")
}

// assets are those that budgets can be given in, each once.
func (c *Config) assets() ([]marketplace.Asset, error) {
	var all []marketplace.Asset
	for _, text := range c.Assets {
		asset, ok := marketplace.ParseAsset(text)
		if !ok || slices.ContainsFunc(all, func(a marketplace.Asset) bool { return a.Code == asset.Code }) {
			return nil, settings.Wrong("MARKETPLACE_ASSETS", "must be currencies with their decimals such as USD/2, each once, separated by commas, not %q", text)
		}
		all = append(all, asset)
	}
	if len(all) == 0 {
		return nil, settings.Wrong("MARKETPLACE_ASSETS", "must name at least one currency, such as USD/2")
	}
	return all, nil
}

// webhookSecrets are none when there is no WEBHOOK_SECRET: nothing can be verified then.
func (c *Config) webhookSecrets() (webhook.Secrets, error) {
	if c.WebhookSecret == "" {
		return nil, nil
	}
	return webhook.ParseSecrets(c.WebhookSecret.Reveal())
}

// loopback reports whether an address can only be on this machine.
func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
