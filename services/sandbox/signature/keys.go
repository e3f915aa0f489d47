package signature

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tianguis.example/sandbox"
)

// Directory finds the published keys of clients: those of this wallet at once, those
// of others over HTTP, on this machine only. It caches nothing, as the recorded wallet did not.
type Directory struct {
	bank   *sandbox.Bank
	client *http.Client
}

// answerLimit bounds what a client's wallet may answer, in bytes.
const answerLimit = 64 << 10

// NewDirectory returns a directory that asks other wallets by transport (nil for the default).
func NewDirectory(bank *sandbox.Bank, transport http.RoundTripper) *Directory {
	return &Directory{bank: bank, client: &http.Client{
		Transport:     transport,
		Timeout:       3 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Keys are the keys that a client's wallet address publishes.
func (d *Directory) Keys(ctx context.Context, walletAddress string) ([]sandbox.JWK, error) {
	account, err := d.bank.AccountAt(walletAddress)
	if err == nil {
		return account.Keys, nil
	}
	if strings.HasPrefix(walletAddress, d.bank.BaseURL()+"/") {
		return nil, err
	}
	var set struct {
		Keys []sandbox.JWK `json:"keys"`
	}
	if err := d.get(ctx, strings.TrimRight(walletAddress, "/")+"/jwks.json", &set); err != nil {
		return nil, err
	}
	return set.Keys, nil
}

// Key is the one with that id.
func (d *Directory) Key(ctx context.Context, walletAddress, keyID string) (sandbox.JWK, error) {
	keys, err := d.Keys(ctx, walletAddress)
	if err != nil {
		return sandbox.JWK{}, err
	}
	n := slices.IndexFunc(keys, func(k sandbox.JWK) bool { return k.Kid == keyID })
	if n < 0 {
		return sandbox.JWK{}, errors.New("the client publishes no such key")
	}
	return keys[n], nil
}

// Name is what a client calls itself in public, or its host where it says nothing.
func (d *Directory) Name(ctx context.Context, walletAddress string) string {
	if account, err := d.bank.AccountAt(walletAddress); err == nil {
		return account.PublicName
	}
	var address struct {
		PublicName string `json:"publicName"`
	}
	if err := d.get(ctx, walletAddress, &address); err == nil && address.PublicName != "" {
		return address.PublicName
	}
	if u, err := url.Parse(walletAddress); err == nil {
		return u.Host
	}
	return walletAddress
}

func (d *Directory) get(ctx context.Context, address string, into any) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !loopback(u.Hostname()) {
		return fmt.Errorf("ask a client's wallet: its host is not this machine")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("ask a client's wallet: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := d.client.Do(request)
	if err != nil {
		return fmt.Errorf("ask a client's wallet: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask a client's wallet: status %d", response.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, answerLimit)).Decode(into); err != nil {
		return fmt.Errorf("ask a client's wallet: %w", err)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
