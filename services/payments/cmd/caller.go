package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/settings"
	"tianguis.example/payments/api"
	"tianguis.example/payments/apikey"
)

// callerConfig are the settings of the commands that call a running service, wherever it is: they need no others of it.
type callerConfig struct {
	URL    string         `env:"PAYMENTS_URL" default:"http://127.0.0.1:4001" help:"Where the payments service runs."`
	APIKey logging.Secret `env:"PAYMENTS_API_KEY" help:"What it wants as Authorization: Bearer <key>."`
}

// caller is a running service, for the commands that call it.
type caller struct {
	url string
	*api.Client
}

// callerOf adds --payments to a command, and gives what reads the settings as the command runs.
func callerOf(cmd *cobra.Command, file *string) func() (caller, error) {
	var at string
	cmd.Flags().StringVar(&at, "payments", "", "the `URL` of the running payments service (default: PAYMENTS_URL, or http://127.0.0.1:4001); PAYMENTS_API_KEY is its key")
	return func() (caller, error) {
		var c callerConfig
		if err := settings.Load(&c, configFile(*file)); err != nil {
			return caller{}, err
		}
		u, err := parseAddress(cmp.Or(at, c.URL))
		if err != nil {
			return caller{}, cli.Usagef("PAYMENTS_URL or --payments: %w", err)
		}
		return caller{u.String(), api.NewClient(u.String(), apikey.Own(c.APIKey.Reveal()), nil)}, nil
	}
}

// explained adds to an error of the client what to do about it.
func (c caller) explained(err error) error {
	known, ok := errors.AsType[*api.Error](err)
	switch {
	case !ok:
		return err
	case known.Code == api.CodeUnreachable:
		return fmt.Errorf("no payments service answers at %s: start it, or name it with --payments or PAYMENTS_URL: %w", c.url, err)
	case known.Status == http.StatusUnauthorized:
		return fmt.Errorf("the payments service at %s wants its PAYMENTS_API_KEY, here too: %w", c.url, err)
	}
	return err
}

// parseAddress reads an address to send to. "localhost:3000/hooks" is taken for http, as developers type it.
func parseAddress(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return nil, errors.New("it must be an address such as http://localhost:3000/webhooks")
	}
	return u, nil
}
