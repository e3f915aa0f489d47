package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"

	"tianguis.example/sandbox/control"
)

// Config says where a stack lives.
type Config struct {
	Bin   string // the folder that Build filled
	State string // the folder of its secrets, keys, databases and logs; made if need be
	Ports Ports

	// The databases: sqlite:<file> or postgres://…. Empty means an SQLite file in State.
	PaymentsDatabase    string
	MarketplaceDatabase string

	// Env holds variables beside or instead of the usual ones, by service.
	Env map[string]map[string]string
}

// Stack is the three services, tied together. Its programs may be stopped, killed and started one by one.
type Stack struct {
	Sandbox     *Program
	Payments    *Program
	Marketplace *Program

	Secrets Secrets

	state string
}

// The wallets of the sandbox that a stack uses, below the sandbox's address.
const (
	FunderWallet   = "/buyer-usd"
	WorkerWallet   = "/worker-mxn"
	PlatformWallet = "/marketplace" // in whose name requests to wallets are signed
)

// platformKeyID names the platform's key in its wallet's jwks.json.
const platformKeyID = "tianguis-platform"

// New lays out a stack: it makes the state folder and the secrets in it, and starts nothing.
func New(c Config) (*Stack, error) {
	state, err := filepath.Abs(c.State)
	if err != nil {
		return nil, err
	}
	bin, err := filepath.Abs(c.Bin)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	secrets, err := makeSecrets(filepath.Join(state, "secrets"))
	if err != nil {
		return nil, fmt.Errorf("make the secrets: %w", err)
	}
	s := &Stack{Secrets: secrets, state: state}
	program := func(name, health string, port int, env map[string]string, arguments ...string) *Program {
		maps.Copy(env, c.Env[name])
		return &Program{
			Name: name, Binary: filepath.Join(bin, name), Arguments: arguments, Env: env,
			Address: "http://localhost:" + strconv.Itoa(port), Health: health,
			Log: filepath.Join(state, "logs", name+".log"),
		}
	}
	listen := func(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
	sandbox := "localhost:" + strconv.Itoa(c.Ports.Sandbox)
	payments := "http://localhost:" + strconv.Itoa(c.Ports.Payments)
	marketplace := "http://localhost:" + strconv.Itoa(c.Ports.Marketplace)
	s.Sandbox = program(Sandbox, "/health", c.Ports.Sandbox, map[string]string{
		"SANDBOX_LISTEN":   listen(c.Ports.Sandbox),
		"SANDBOX_BASE_URL": "http://" + sandbox,
		"SANDBOX_STATE":    filepath.Join(state, "sandbox.json"),
	}, "serve")
	s.Payments = program(Payments, "/ready", c.Ports.Payments, map[string]string{
		"PAYMENTS_LISTEN":           listen(c.Ports.Payments),
		"DATABASE_URL":              orFile(c.PaymentsDatabase, state, "payments.db"),
		"BASE_URL":                  marketplace,
		"MARKETPLACE_BASE_URL":      marketplace,
		"PAYMENTS_API_KEY_FILE":     secrets.APIKey,
		"WEBHOOK_SECRET_FILE":       secrets.WebhookSecret,
		"TOKEN_ENCRYPTION_KEY_FILE": secrets.TokenEncryptionKey,
		"SELLER_ID":                 "platform",
		"SELLER_WALLET_ADDRESS_URL": "http://" + sandbox + PlatformWallet,
		"SELLER_KEY_ID":             platformKeyID,
		"SELLER_PRIVATE_KEY_PATH":   s.platformKey(),
		"WALLET_ALLOW_HOSTS":        sandbox,
		"LOG_FORMAT":                "text",
	}, "serve")
	s.Marketplace = program(Marketplace, "/ready", c.Ports.Marketplace, map[string]string{
		"MARKETPLACE_LISTEN":    listen(c.Ports.Marketplace),
		"DATABASE_URL":          orFile(c.MarketplaceDatabase, state, "marketplace.db"),
		"MARKETPLACE_BASE_URL":  marketplace,
		"PAYMENTS_SERVICE_URL":  payments,
		"PAYMENTS_API_KEY_FILE": secrets.APIKey,
		"WEBHOOK_SECRET_FILE":   secrets.WebhookSecret,
		"UPLOADS_DIR":           filepath.Join(state, "uploads"),
		"LOG_FORMAT":            "text",
	}, "serve")
	return s, nil
}

func orFile(database, state, file string) string {
	if database != "" {
		return database
	}
	return "sqlite:" + filepath.Join(state, file)
}

func (s *Stack) platformKey() string { return filepath.Join(s.state, "keys", "platform.pem") }

// Programs are the three, in the order in which they start.
func (s *Stack) Programs() []*Program { return []*Program{s.Sandbox, s.Payments, s.Marketplace} }

// Start brings the stack up: the sandbox with the platform's public key, then payments, then the
// marketplace with its seeded people and jobs. On the state of a former run it goes on from there.
// What was started before an error is stopped again.
func (s *Stack) Start(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	if err := s.Sandbox.Start(ctx); err != nil {
		return err
	}
	if err := s.publishPlatformKey(ctx); err != nil {
		return err
	}
	for _, p := range []*Program{s.Payments, s.Marketplace} {
		if _, err := p.Run(ctx, "migrate"); err != nil {
			return err
		}
	}
	if err := s.Payments.Start(ctx); err != nil {
		return err
	}
	if err := s.Seed(ctx); err != nil {
		return err
	}
	return s.Marketplace.Start(ctx)
}

// Seed adds to the marketplace what is missing of its people, and of jobs that wait to be paid.
func (s *Stack) Seed(ctx context.Context) error {
	_, err := s.Marketplace.Run(ctx, "seed", "--funder-wallet", s.Sandbox.Address+FunderWallet, "--worker-wallet", s.Sandbox.Address+WorkerWallet)
	return err
}

// Stop stops the services, the marketplace first, so that none loses the one it calls.
func (s *Stack) Stop() error {
	return errors.Join(s.Marketplace.Stop(), s.Payments.Stop(), s.Sandbox.Stop())
}

// Wallets is the sandbox's control API: ledgers, faults, lifetimes.
func (s *Stack) Wallets() *control.Client { return control.New(s.Sandbox.Address) }

// publishPlatformKey makes the platform's key pair once, and puts its public half into the
// jwks.json of the platform's wallet, where other wallets look for it.
func (s *Stack) publishPlatformKey(ctx context.Context) error {
	file := s.platformKey()
	public := file + ".jwk"
	jwk, err := os.ReadFile(public)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		jwk, err = s.Payments.Run(ctx, "key", "generate", "--key-id", platformKeyID, "--out", file)
		if err == nil {
			err = writeOnce(public, string(jwk))
		}
	}
	if err != nil {
		return fmt.Errorf("make the platform's key: %w", err)
	}
	var key control.JWK
	if err := json.Unmarshal(jwk, &key); err != nil {
		return fmt.Errorf("read the platform's public key: %w", err)
	}
	return s.Wallets().RegisterKey(ctx, PlatformWallet[1:], key)
}
