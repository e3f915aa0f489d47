package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client calls a sandbox's control API. It is safe for concurrent use.
type Client struct {
	base string
	http *http.Client
}

// New returns a client for the sandbox at baseURL, such as http://localhost:4100.
func New(baseURL string) *Client {
	return &Client{base: strings.TrimRight(baseURL, "/") + "/control", http: &http.Client{Timeout: 10 * time.Second}}
}

// Wallets are all wallets with their balances, by name.
func (c *Client) Wallets(ctx context.Context) ([]Wallet, error) {
	var list walletList
	err := c.call(ctx, http.MethodGet, "/wallets", nil, &list)
	return list.Wallets, err
}

// Wallet is the wallet with that name.
func (c *Client) Wallet(ctx context.Context, name string) (Wallet, error) {
	all, err := c.Wallets(ctx)
	if err != nil {
		return Wallet{}, err
	}
	for _, w := range all {
		if w.Name == name {
			return w, nil
		}
	}
	return Wallet{}, fmt.Errorf("the sandbox has no wallet named %q", name)
}

// AddWallet opens a wallet; its balance is what it starts with. A name that is taken is an error.
func (c *Client) AddWallet(ctx context.Context, w Wallet) error {
	return c.call(ctx, http.MethodPost, "/wallets", w, nil)
}

// RegisterKey publishes a key at a wallet, in place of one with the same kid. It is safe to repeat.
func (c *Client) RegisterKey(ctx context.Context, wallet string, key JWK) error {
	return c.call(ctx, http.MethodPost, "/wallets/"+url.PathEscape(wallet)+"/keys", key, nil)
}

// Ledger is the books.
func (c *Client) Ledger(ctx context.Context) (Ledger, error) {
	var l Ledger
	err := c.call(ctx, http.MethodGet, "/ledger", nil, &l)
	return l, err
}

// Rates are the prices in force, by asset code.
func (c *Client) Rates(ctx context.Context) (map[string]Rate, error) {
	var list rateList
	err := c.call(ctx, http.MethodGet, "/rates", nil, &list)
	return list.Rates, err
}

// SetRates changes the prices that are given.
func (c *Client) SetRates(ctx context.Context, rates map[string]Rate) error {
	return c.call(ctx, http.MethodPut, "/rates", rateList{Rates: rates}, nil)
}

// SetSlippage changes what a quote's debit carries on top, in parts per million.
func (c *Client) SetSlippage(ctx context.Context, ppm int64) error {
	return c.call(ctx, http.MethodPut, "/rates", rateList{SlippagePPM: &ppm}, nil)
}

// Lifetimes are those in force; every field is set.
func (c *Client) Lifetimes(ctx context.Context) (Lifetimes, error) {
	var l Lifetimes
	err := c.call(ctx, http.MethodGet, "/lifetimes", nil, &l)
	return l, err
}

// SetLifetimes changes the lifetimes that are given.
func (c *Client) SetLifetimes(ctx context.Context, l Lifetimes) error {
	return c.call(ctx, http.MethodPut, "/lifetimes", l, nil)
}

// AddFault plants a fault.
func (c *Client) AddFault(ctx context.Context, f Fault) error {
	return c.call(ctx, http.MethodPost, "/faults", f, nil)
}

// Faults are those that may still strike; Count is how often each still will.
func (c *Client) Faults(ctx context.Context) ([]Fault, error) {
	var list faultList
	err := c.call(ctx, http.MethodGet, "/faults", nil, &list)
	return list.Faults, err
}

// ClearFaults removes all faults.
func (c *Client) ClearFaults(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "/faults", nil, nil)
}

// History is what was asked, oldest first.
func (c *Client) History(ctx context.Context) ([]Request, error) { return c.HistoryOf(ctx, "") }

// HistoryOf is History of one operation, such as "outgoing-payment.create".
func (c *Client) HistoryOf(ctx context.Context, operation string) ([]Request, error) {
	var list requestList
	err := c.call(ctx, http.MethodGet, "/history?operation="+url.QueryEscape(operation), nil, &list)
	return list.Requests, err
}

// ClearHistory forgets what was asked.
func (c *Client) ClearHistory(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "/history", nil, nil)
}

// Clock is the wallet's time.
func (c *Client) Clock(ctx context.Context) (Clock, error) {
	var now Clock
	err := c.call(ctx, http.MethodGet, "/clock", nil, &now)
	return now, err
}

// Advance moves a held clock on.
func (c *Client) Advance(ctx context.Context, by time.Duration) error {
	return c.call(ctx, http.MethodPost, "/clock", advance{Duration(by)}, nil)
}

// Clean drops the tokens that died more than 30 days ago, as a real wallet does now and then.
func (c *Client) Clean(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/clean", nil, nil)
}

// Settle moves the money of every payment that is under way.
func (c *Client) Settle(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "/settle", nil, nil)
}

// call sends body as JSON and decodes the answer into into; both may be nil.
func (c *Client) call(ctx context.Context, method, path string, body, into any) error {
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("sandbox control: %w", err)
		}
		payload = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, payload)
	if err != nil {
		return fmt.Errorf("sandbox control: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("sandbox control: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusBadRequest {
		var p problem
		_ = json.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&p)
		return fmt.Errorf("sandbox control: %s %s: status %d: %s", method, path, response.StatusCode, p.Error)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("sandbox control: %s %s: %w", method, path, err)
	}
	return nil
}
