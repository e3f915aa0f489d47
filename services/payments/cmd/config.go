package cmd

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"tianguis.example/chassis/database"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/ratelimit"
	"tianguis.example/chassis/settings"
	"tianguis.example/chassis/tracing"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/egress"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

// config is every setting of the service. .env.example is written from it.
type config struct {
	Listen      string         `env:"PAYMENTS_LISTEN" default:"127.0.0.1:4001" help:"Where the service listens. Beyond loopback it needs PAYMENTS_API_KEY."`
	DatabaseURL logging.Secret `env:"DATABASE_URL" default:"sqlite:payments.db" help:"sqlite:<file>, or postgres://<user>:<password>@<host>/<database>."`
	database.Limits
	BaseURL            string         `env:"BASE_URL" default:"http://localhost:4001" help:"Where wallets send the buyer back to, with /payments/finish added: the marketplace's public\naddress, or this service's own, which sends browsers on to the marketplace."`
	MarketplaceBaseURL string         `env:"MARKETPLACE_BASE_URL,DJANGO_BASE_URL" default:"http://localhost:8000" help:"The marketplace, as this service reaches it: webhooks go to /api/webhooks/payments there."`
	MarketplacePublic  string         `env:"MARKETPLACE_PUBLIC_URL" help:"The marketplace, as browsers reach it, where that is another address than MARKETPLACE_BASE_URL (in containers, for one):\nthe buyer whom BASE_URL brings here is sent on to /payments/finish there."`
	APIKey             logging.Secret `env:"PAYMENTS_API_KEY" help:"What callers must present as Authorization: Bearer <key>; several, separated by spaces, while one is being replaced. Instead\nof a key its hash will do (sha256:<64 hexadecimal digits>), and pay: or read: before it lets it do no more than that. Without it\nthe service listens on loopback only. Make one with: payments secret generate api; others, each with its scope, with:\npayments apikey create"`
	TrustedProxies     []string       `env:"PAYMENTS_TRUSTED_PROXIES" help:"Networks (such as 172.16.0.0/12, separated by commas) in which a proxy of yours stands before this service. It is believed\nwhen it says in X-Forwarded-For who asks, so that tries are counted for each, and not for all together."`

	RateLimitAddress   int `env:"RATE_LIMIT_ADDRESS" default:"50" help:"How many requests a second one address (of IPv6, a /64) may make that shows no right API key; ten times as many at once.\n0 for no limit. Each replica counts by itself."`
	RateLimitKey       int `env:"RATE_LIMIT_KEY" default:"500" help:"How many requests a second may come with one API key; twice as many at once. 0 for no limit."`
	RateLimitWrongKeys int `env:"RATE_LIMIT_WRONG_KEYS" default:"60" help:"How many wrong API keys a minute one address may show; a right one is let in however many there were. 0 for no limit."`
	RateLimitFinish    int `env:"RATE_LIMIT_FINISH" default:"60" help:"How many returns from the wallet a minute that cannot be verified are looked at, for each payment. 0 for no limit."`

	StartsAtOnce int `env:"STARTS_AT_ONCE" default:"64" help:"How many starts of payments are worked on at a time; as many more wait for a second at most, and beyond that a start is answered\n503 busy. What was begun goes on. 0 for no limit. Each replica counts by itself."`

	WebhookSecret        logging.Secret `env:"WEBHOOK_SECRET" help:"Signs webhooks (Standard Webhooks): whsec_<base64>, several separated by spaces while one is being replaced.\nMake one with: payments secret generate webhook"`
	WebhookAllowUnsigned bool           `env:"WEBHOOK_ALLOW_UNSIGNED" default:"false" help:"Send webhooks unsigned when there is no WEBHOOK_SECRET, for a marketplace that knows the documented webhook only."`

	WebhookAllowHosts    []string      `env:"WEBHOOK_ALLOW_HOSTS" help:"Hosts (host or host:port, separated by commas) of added webhook endpoints that may be on this machine or a private network,\nand speak plain http. The marketplace needs no entry."`
	WebhookRetrySchedule []string      `env:"WEBHOOK_RETRY_SCHEDULE" default:"5s,5m,30m,2h,5h,10h,14h,20h,24h" help:"How long after each failed attempt a webhook is sent again, at the latest: after the last, it is given up."`
	WebhookRetention     time.Duration `env:"WEBHOOK_RETENTION" default:"2160h" help:"How long webhooks are kept after their end, with what came of each attempt. One day at least."`

	TokenEncryptionKey logging.Secret `env:"TOKEN_ENCRYPTION_KEY" help:"Encrypts wallet tokens in the database, and signs the audit trail: 32 random bytes in base64. Several keys are separated by\nspaces while one is being replaced: the first one writes, all of them read. Make one with: payments secret generate encryption"`

	SellerID               string `env:"SELLER_ID" help:"The platform's own seller, made at start; its wallet address and key are the client identity that signs\nfor every seller without a key."`
	SellerWalletAddressURL string `env:"SELLER_WALLET_ADDRESS_URL" help:"The platform's wallet address."`
	SellerKeyID            string `env:"SELLER_KEY_ID" help:"The id of the platform's key, as its wallet publishes it in <wallet address>/jwks.json."`
	SellerPrivateKeyPath   string `env:"SELLER_PRIVATE_KEY_PATH" help:"The file with the platform's private key (PKCS #8 PEM, Ed25519).\nMake one with: payments key generate --key-id <id> --out <file>"`
	KeyFolder              string `env:"KEY_FOLDER" help:"The folder that holds the keys of sellers that are registered with one of their own. Without it none can be."`

	WalletAllowHosts    []string      `env:"WALLET_ALLOW_HOSTS" help:"Wallet hosts (host or host:port, separated by commas) that may be on this machine or a private network, and\nspeak plain http. For development: localhost:4100."`
	WalletCacheLifetime time.Duration `env:"WALLET_CACHE_LIFETIME" default:"5m" help:"How long a wallet's document is kept where the wallet does not say how long it may be (Cache-Control). 0 keeps no\ndocument and shares no token: each start then asks the wallets for all of it."`

	ConsentLifetime time.Duration `env:"CONSENT_LIFETIME" default:"10m" help:"How long a buyer may take to approve a payment in the wallet. At most 12h."`
	FinishWait      time.Duration `env:"FINISH_WAIT" default:"8s" help:"How long the return from the wallet waits for the money before it says that the payment is being confirmed. At most 10s."`
	WalletTimeout   time.Duration `env:"WALLET_TIMEOUT" default:"15s" help:"How long one call of a wallet may take in all."`
	PaymentLease    time.Duration `env:"PAYMENT_LEASE" default:"30s" help:"How long a payment stays with the process that works on it, counted from its last change: after a crash, that is\nwhen another takes it up. Must be longer than WALLET_TIMEOUT and FINISH_WAIT together."`
	PaymentWorkers  int           `env:"PAYMENT_WORKERS" default:"4" help:"How many payments are driven on at a time in the background."`
	WebhookWorkers  int           `env:"WEBHOOK_WORKERS" default:"8" help:"How many webhooks are sent to one endpoint at a time."`
	PollInterval    time.Duration `env:"POLL_INTERVAL" default:"1s" help:"How often the database is asked for what is due, when nothing in this process says so."`

	ReconcileInterval time.Duration `env:"RECONCILE_INTERVAL" default:"1h" help:"How often payments are compared with what the wallets say, by one of the replicas. 0 for never:\nthen run payments reconcile now and then."`

	MetricsListen string `env:"METRICS_LISTEN" help:"Where GET /metrics answers Prometheus: 127.0.0.1:9401, or an address that only your network reaches, since it asks for\nno key. On loopback it answers go tool pprof too, at /debug/pprof/. Without it nobody is answered."`

	tracing.Settings

	LogFormat string `env:"LOG_FORMAT" default:"text" help:"text or json."`
	LogLevel  string `env:"LOG_LEVEL" default:"info" help:"debug, info, warn or error."`

	newWallets NewWallets // not a setting: how the program was built; nil for package openpayments
}

// Validate refuses what would run half-configured, or open.
func (c *config) Validate() error {
	var wrong []error
	add := func(variable, format string, args ...any) {
		wrong = append(wrong, settings.Wrong(variable, format, args...))
	}
	if err := c.Limits.Validate(); err != nil {
		wrong = append(wrong, err)
	}
	if c.MarketplacePublic == "" {
		c.MarketplacePublic = c.MarketplaceBaseURL
	}
	for _, u := range []struct{ name, value string }{
		{"BASE_URL", c.BaseURL}, {"MARKETPLACE_BASE_URL", c.MarketplaceBaseURL}, {"MARKETPLACE_PUBLIC_URL", c.MarketplacePublic},
	} {
		parsed, err := url.Parse(u.value)
		if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" {
			add(u.name, "must be an address such as https://market.example, without a user, a query or a fragment")
		}
	}
	if base, err := url.Parse(c.MarketplaceBaseURL); err == nil && base.Host != "" && base.Host == c.Listen {
		add("MARKETPLACE_BASE_URL", "is this service's own address: name the marketplace's")
	}
	if c.APIKey == "" && !httpserver.IsLoopback(c.Listen) {
		add("PAYMENTS_API_KEY", "is needed to listen on %s: without it the service would be open to everybody", c.Listen)
	}
	if _, err := apikey.ParseConfigured(c.APIKey.Reveal()); err != nil {
		add("PAYMENTS_API_KEY", "%v", err)
	}
	if _, err := httpserver.ParseNetworks(c.TrustedProxies); err != nil {
		add("PAYMENTS_TRUSTED_PROXIES", "cannot be used: %v", err)
	}
	for name, n := range map[string]int{
		"RATE_LIMIT_ADDRESS": c.RateLimitAddress, "RATE_LIMIT_KEY": c.RateLimitKey, "RATE_LIMIT_WRONG_KEYS": c.RateLimitWrongKeys, "RATE_LIMIT_FINISH": c.RateLimitFinish,
	} {
		if n < 0 || n > 1_000_000 {
			add(name, "must be from 0, which is no limit, to 1000000")
		}
	}
	if c.StartsAtOnce < 0 || c.StartsAtOnce > 10_000 {
		add("STARTS_AT_ONCE", "must be from 0, which is no limit, to 10000")
	}
	if c.FinishWait > 10*time.Second {
		add("FINISH_WAIT", "must be 10s at most")
	}
	if c.WalletTimeout < 100*time.Millisecond {
		add("WALLET_TIMEOUT", "must be 100ms at least")
	}
	if c.WalletCacheLifetime < 0 || c.WalletCacheLifetime > 24*time.Hour {
		add("WALLET_CACHE_LIFETIME", "must be from 0 to 24h")
	}
	if c.PaymentLease <= c.WalletTimeout+c.FinishWait {
		add("PAYMENT_LEASE", "must be longer than WALLET_TIMEOUT and FINISH_WAIT together, which are %s", c.WalletTimeout+c.FinishWait)
	}
	if c.PaymentLease > time.Minute { // a start may take nearly as long, and its Idempotency-Key is its own for a minute
		add("PAYMENT_LEASE", "must be a minute at most")
	}
	if c.ConsentLifetime < time.Second || c.ConsentLifetime > 12*time.Hour {
		add("CONSENT_LIFETIME", "must be from 1s to 12h")
	}
	for name, n := range map[string]int{"PAYMENT_WORKERS": c.PaymentWorkers, "WEBHOOK_WORKERS": c.WebhookWorkers} {
		if n < 1 || n > 1000 {
			add(name, "must be from 1 to 1000")
		}
	}
	if err := (egress.Options{AllowHosts: c.WalletAllowHosts}).Validate(); err != nil {
		add("WALLET_ALLOW_HOSTS", "cannot be used: %v", err)
	}
	if err := (egress.Options{AllowHosts: c.WebhookAllowHosts}).Validate(); err != nil {
		add("WEBHOOK_ALLOW_HOSTS", "cannot be used: %v", err)
	}
	if _, err := outbox.ParseSchedule(c.WebhookRetrySchedule); err != nil {
		add("WEBHOOK_RETRY_SCHEDULE", "%v", err)
	}
	if c.WebhookRetention < 24*time.Hour {
		add("WEBHOOK_RETENTION", "must be 24h at least")
	}
	if c.PollInterval < 10*time.Millisecond {
		add("POLL_INTERVAL", "must be 10ms at least")
	}
	if c.ReconcileInterval != 0 && c.ReconcileInterval < time.Minute {
		add("RECONCILE_INTERVAL", "must be 1m at least, or 0 for never")
	}
	wrong = append(wrong, c.Settings.Validate())
	if _, err := logging.New(io.Discard, c.LogFormat, "info"); err != nil {
		add("LOG_FORMAT", "cannot be used: %v", err)
	}
	if _, err := logging.New(io.Discard, "text", c.LogLevel); err != nil {
		add("LOG_LEVEL", "cannot be used: %v", err)
	}
	return errors.Join(wrong...)
}

// gateLimits are how often somebody may come to the doors that ask for a key.
func (c *config) gateLimits() apikey.Limits {
	return apikey.Limits{
		Wrong: ratelimit.Limit{N: c.RateLimitWrongKeys, Per: time.Minute},
		Key:   ratelimit.Limit{N: c.RateLimitKey, Per: time.Second, Burst: 2 * c.RateLimitKey},
	}
}

// addressLimit is how often an address may ask for anything.
func (c *config) addressLimit() ratelimit.Limit {
	return ratelimit.Limit{N: c.RateLimitAddress, Per: time.Second, Burst: 10 * c.RateLimitAddress}
}

// forServing refuses what the other commands can do without.
func (c *config) forServing() error {
	var wrong []error
	if _, err := store.ReadKeys(c.TokenEncryptionKey); err != nil {
		wrong = append(wrong, settings.Wrong("TOKEN_ENCRYPTION_KEY", "%v: make one with `payments secret generate encryption`", err))
	}
	if _, err := c.secrets(); err != nil {
		wrong = append(wrong, err)
	}
	identity := map[string]string{
		"SELLER_ID": c.SellerID, "SELLER_WALLET_ADDRESS_URL": c.SellerWalletAddressURL,
		"SELLER_KEY_ID": c.SellerKeyID, "SELLER_PRIVATE_KEY_PATH": c.SellerPrivateKeyPath,
	}
	var missing []string
	for _, name := range []string{"SELLER_ID", "SELLER_WALLET_ADDRESS_URL", "SELLER_KEY_ID", "SELLER_PRIVATE_KEY_PATH"} {
		if identity[name] == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 && len(missing) < len(identity) {
		wrong = append(wrong, settings.Wrong(strings.Join(missing, ", "), "must be set too: the platform's client identity needs all four"))
	}
	return errors.Join(wrong...)
}

// secrets are what webhooks are signed with; none when unsigned ones are allowed by name.
func (c *config) secrets() (webhook.Secrets, error) {
	if c.WebhookSecret == "" {
		if c.WebhookAllowUnsigned {
			return nil, nil
		}
		return nil, settings.Wrong("WEBHOOK_SECRET", "is needed to sign webhooks: make one with `payments secret generate webhook`, or set WEBHOOK_ALLOW_UNSIGNED=true")
	}
	secrets, err := webhook.ParseSecrets(c.WebhookSecret.Reveal())
	if err != nil {
		return nil, settings.Wrong("WEBHOOK_SECRET", "cannot be read: %v", err)
	}
	for _, s := range secrets {
		if !s.Signs() {
			return nil, settings.Wrong("WEBHOOK_SECRET", "holds a public key (whpk_…), which cannot sign: that is for receivers")
		}
	}
	return secrets, nil
}

// listsWallet reports whether a request goes to a wallet of WALLET_ALLOW_HOSTS.
func (c *config) listsWallet(r *http.Request) bool {
	return slices.Contains(c.WalletAllowHosts, r.URL.Host) || slices.Contains(c.WalletAllowHosts, r.URL.Hostname())
}

// webhookURL is where the marketplace takes webhooks.
func (c *config) webhookURL() string {
	return strings.TrimRight(c.MarketplaceBaseURL, "/") + webhook.Path
}

// marketplaceHost is the host:port of the marketplace, which webhooks may go to wherever it is.
func (c *config) marketplaceHost() string {
	u, err := url.Parse(c.MarketplaceBaseURL)
	if err != nil {
		return ""
	}
	return u.Host
}

// defaultFile is read when it exists and no other is named.
const defaultFile = ".env"

func loadConfig(file string) (config, error) {
	var c config
	err := settings.Load(&c, configFile(file))
	return c, err
}

// configFile is the one that is named, or the one that is read when none is; "" for none.
func configFile(named string) string {
	if named != "" {
		return named
	}
	if _, err := os.Stat(defaultFile); err == nil {
		return defaultFile
	}
	return ""
}
