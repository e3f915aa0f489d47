package main

import (
	"net/url"
	"time"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/settings"
	"tianguis.example/chassis/tracing"
	"tianguis.example/sandbox"
)

// Config is everything that can be set; see settings for where it is read from.
type Config struct {
	Listen      string   `env:"SANDBOX_LISTEN" default:"127.0.0.1:4100" help:"where the sandbox listens"`
	BaseURL     string   `env:"SANDBOX_BASE_URL" help:"what its URLs start with; http://localhost:<port> if empty"`
	AllowRemote bool     `env:"SANDBOX_ALLOW_REMOTE" default:"false" help:"allow it to listen beyond this machine"`
	ControlFrom []string `env:"SANDBOX_CONTROL_FROM" help:"networks (such as 172.16.0.0/12, separated by commas) from which the control API may be called, beside this machine"`
	State       string   `env:"SANDBOX_STATE" help:"file that keeps accounts and payments over a restart; in memory only if empty"`
	LogFormat   string   `env:"SANDBOX_LOG_FORMAT" default:"text" help:"text or json"`
	LogLevel    string   `env:"SANDBOX_LOG_LEVEL" default:"info" help:"debug, info, warn or error"`

	tracing.Settings

	SlippagePPM  int           `env:"SANDBOX_SLIPPAGE_PPM" default:"10000" help:"what a quote's debit carries on top, in parts per million"`
	TokenTTL     time.Duration `env:"SANDBOX_TOKEN_TTL" default:"10m" help:"life of an access token"`
	QuoteTTL     time.Duration `env:"SANDBOX_QUOTE_TTL" default:"5m" help:"life of a quote"`
	InteractTTL  time.Duration `env:"SANDBOX_INTERACTION_TTL" default:"10m" help:"how long the buyer may take to consent"`
	ContinueWait time.Duration `env:"SANDBOX_CONTINUE_WAIT" default:"5s" help:"how soon a grant may be continued, in whole seconds"`
	SettleDelay  time.Duration `env:"SANDBOX_SETTLE_DELAY" default:"300ms" help:"from an outgoing payment's 201 to the money moving"`
	CompleteLag  time.Duration `env:"SANDBOX_COMPLETE_LAG" default:"100ms" help:"how far completed lags behind the money"`
	HeldClock    bool          `env:"SANDBOX_HELD_CLOCK" default:"false" help:"for tests: time stands still until the control API moves it"`
}

func (c Config) lifetimes() sandbox.Lifetimes {
	return sandbox.Lifetimes{
		Token: c.TokenTTL, Quote: c.QuoteTTL, Interaction: c.InteractTTL,
		ContinueWait: c.ContinueWait, Settle: c.SettleDelay, Complete: c.CompleteLag,
	}
}

// Validate implements settings.Validator.
func (c *Config) Validate() error {
	if !c.AllowRemote && !httpserver.IsLoopback(c.Listen) {
		return settings.Wrong("SANDBOX_LISTEN", "must be an address of this machine only, such as 127.0.0.1:4100: "+
			"the sandbox gives play money to whoever asks. Set SANDBOX_ALLOW_REMOTE=true to let others in all the same")
	}
	if err := c.Settings.Validate(); err != nil {
		return err
	}
	if _, err := httpserver.ParseNetworks(c.ControlFrom); err != nil {
		return settings.Wrong("SANDBOX_CONTROL_FROM", "cannot be used: %v", err)
	}
	if c.BaseURL != "" {
		u, err := url.Parse(c.BaseURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" {
			return settings.Wrong("SANDBOX_BASE_URL", "must be an http or https URL without a path, such as http://localhost:4100")
		}
	}
	return c.lifetimes().Validate()
}
