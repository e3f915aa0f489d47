package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/payments/api"
)

// sandboxPayment is a whole payment between two wallets of a sandbox, which holds no real money.
type sandboxPayment struct {
	sandbox, buyer, seller, amount, offer string
	wait                                  time.Duration
}

// triggeredPayment is what happened, as JSON.
type triggeredPayment struct {
	PendingID  string                `json:"pendingId"`
	OfferID    string                `json:"offerId"`
	State      string                `json:"state"`
	Reason     string                `json:"reason,omitempty"`
	Received   string                `json:"receivedAmount,omitempty"`
	Deliveries []api.WebhookDelivery `json:"webhooks"`
}

const (
	sandboxBound = 10 * time.Second // of one request to the sandbox
	askEvery     = 100 * time.Millisecond
	maxSandbox   = 4 << 20 // bytes of an answer
)

func (p sandboxPayment) run(cmd *cobra.Command, payments *api.Client) error {
	ctx := cmd.Context()
	wallet, err := openSandbox(ctx, p.sandbox)
	if err != nil {
		return err
	}
	buyer, err := wallet.named(p.buyer)
	if err != nil {
		return err
	}
	seller, err := p.findSeller(ctx, payments, wallet)
	if err != nil {
		return err
	}
	if p.offer == "" {
		p.offer = "test-" + ulid.Make().String()
	}
	say := func(format string, args ...any) {
		if !cli.AsJSON(cmd) {
			fmt.Fprintf(cmd.OutOrStdout(), format+"\n", args...)
		}
	}
	started, err := payments.Start(ctx, p.offer, api.Start{SellerID: seller.ID, BuyerWalletAddressURL: buyer, Amount: p.amount, IdempotencyKey: ulid.Make().String()})
	if err != nil {
		return err
	}
	say("started    payment %s of offer %s: %s from %s to %s", started.PendingID, p.offer, started.ReceiveAmount, buyer, seller.WalletAddressURL)
	back, err := wallet.consent(ctx, started.RedirectURL)
	if err != nil {
		_, canceled := payments.Cancel(context.WithoutCancel(ctx), started.PendingID)
		return errors.Join(err, canceled)
	}
	say("consented  in the sandbox wallet")
	query := back.Query()
	if query.Get("pendingId") != started.PendingID {
		return fmt.Errorf("the wallet sends the buyer back for another payment: %q", query.Get("pendingId"))
	}
	if _, err := payments.Finish(ctx, api.Finish{
		PendingID: started.PendingID, InteractRef: query.Get("interact_ref"), Hash: query.Get("hash"), Result: query.Get("result"), PayersSession: true,
	}); err != nil {
		return err
	}
	say("finished")
	return p.follow(cmd, payments, started.PendingID, say)
}

// findSeller is who is paid: never one outside of the sandbox.
func (p sandboxPayment) findSeller(ctx context.Context, payments *api.Client, wallet *sandboxWallet) (api.Seller, error) {
	all, err := payments.Sellers(ctx)
	if err != nil {
		return api.Seller{}, err
	}
	for _, s := range all.Sellers {
		inside := wallet.holds(s.WalletAddressURL)
		switch {
		case p.seller == "" && inside, p.seller == s.ID && inside:
			return s, nil
		case p.seller == s.ID:
			return api.Seller{}, cli.Usagef("seller %s is paid at %s, which is no wallet of the sandbox at %s: only play money is moved", s.ID, s.WalletAddressURL, wallet.base)
		}
	}
	if p.seller != "" {
		return api.Seller{}, cli.Missing(fmt.Errorf("there is no seller %q", p.seller))
	}
	return api.Seller{}, cli.Missing(fmt.Errorf("no seller is paid at a wallet of the sandbox at %s: add one with payments seller add", wallet.base))
}

// follow waits for the end of the payment, and for its webhooks.
func (p sandboxPayment) follow(cmd *cobra.Command, payments *api.Client, id string, say func(string, ...any)) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), p.wait)
	defer cancel()
	var last api.Payment
	for {
		now, err := payments.Payment(ctx, id)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if err == nil {
			last = now
		}
		if last.Status != api.StatusPending && last.Status != "" {
			break
		}
		if clock.Sleep(ctx, clock.System(), askEvery) != nil {
			return fmt.Errorf("payment %s is still %s after %s: look with payments payment show %s", id, last.State, p.wait, id)
		}
	}
	done := triggeredPayment{PendingID: id, OfferID: last.OfferID, State: last.State, Reason: last.Reason, Deliveries: []api.WebhookDelivery{}}
	if last.ReceivedAmount != nil {
		done.Received = last.ReceivedAmount.String()
	}
	say("%-9s  %s%s", last.State, done.Received, last.Message)
	for {
		found, err := payments.WebhookDeliveries(ctx, api.FindWebhookDeliveries{PendingID: id, State: "all"})
		if err == nil {
			done.Deliveries = found.Deliveries
		}
		tried := len(done.Deliveries) > 0
		for _, d := range done.Deliveries {
			tried = tried && d.Tried > 0
		}
		if tried || clock.Sleep(ctx, clock.System(), askEvery) != nil {
			break // what nobody sends has its place in the log
		}
	}
	err := cli.Print(cmd, done, func(out io.Writer) error {
		for _, d := range done.Deliveries {
			came := ""
			if a := d.LastAttempt; a != nil {
				came = fmt.Sprintf(": %d %s", a.Status, a.Error)
			}
			fmt.Fprintf(out, "webhook    %s to %s is %s%s\n", d.Type, d.EndpointID, d.State, strings.TrimRight(came, " "))
		}
		return nil
	})
	if err == nil && last.Status != api.StatusPaid {
		err = fmt.Errorf("payment %s is not paid: %s", id, last.Message)
	}
	return err
}

// sandboxWallet is a running sandbox. Its module stays apart from this one, so that it is a second opinion: here is the little of its control API that is
// needed.
type sandboxWallet struct {
	base    string
	http    *http.Client
	wallets []struct {
		Name          string `json:"name"`
		WalletAddress string `json:"walletAddress"`
	}
}

// openSandbox refuses what is not the sandbox.
func openSandbox(ctx context.Context, at string) (*sandboxWallet, error) {
	u, err := parseAddress(at)
	if err != nil {
		return nil, cli.Usagef("--sandbox: %w", err)
	}
	jar, _ := cookiejar.New(nil) // returns no error, as it documents
	w := &sandboxWallet{base: u.Scheme + "://" + u.Host, http: &http.Client{
		Jar: jar, Timeout: sandboxBound, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	var health struct {
		Service string `json:"service"`
	}
	if err := w.get(ctx, "/health", &health); err != nil || health.Service != "sandbox" {
		if err == nil {
			err = errors.New("it says that it is something else")
		}
		return nil, cli.Away(fmt.Errorf("no sandbox wallet answers at %s: start it with sandbox serve, or name it with --sandbox: %w", w.base, err))
	}
	var list struct {
		Wallets json.RawMessage `json:"wallets"`
	}
	if err := w.get(ctx, "/control/wallets", &list); err != nil {
		return nil, fmt.Errorf("ask the sandbox for its wallets: %w", err)
	}
	return w, json.Unmarshal(list.Wallets, &w.wallets)
}

// named is the address of a wallet.
func (w *sandboxWallet) named(name string) (string, error) {
	for _, one := range w.wallets {
		if one.Name == name {
			return one.WalletAddress, nil
		}
	}
	return "", cli.Missing(fmt.Errorf("the sandbox at %s has no wallet %q: sandbox wallets lists them", w.base, name))
}

func (w *sandboxWallet) holds(address string) bool {
	for _, one := range w.wallets {
		if one.WalletAddress == address {
			return true
		}
	}
	return false
}

// consent is the buyer's yes: the redirect is opened, decided on by the control API, which only the sandbox has, and followed to where it leads back.
func (w *sandboxWallet) consent(ctx context.Context, redirect string) (*url.URL, error) {
	u, err := url.Parse(redirect)
	parts := []string{}
	if err == nil {
		parts = strings.Split(strings.Trim(u.Path, "/"), "/")
	}
	if len(parts) != 3 || parts[0] != "interact" || u.Scheme+"://"+u.Host != w.base {
		return nil, cli.Usagef("the buyer is sent to %q, which is not the sandbox wallet at %s: nothing is approved there", redirect, w.base)
	}
	if _, err := w.do(ctx, http.MethodGet, redirect, http.StatusFound); err != nil {
		return nil, fmt.Errorf("open the consent: %w", err)
	}
	own := w.base + "/control/interactions/" + url.PathEscape(parts[1]) + "/" + url.PathEscape(parts[2])
	if _, err := w.do(ctx, http.MethodPost, own+"/accept", http.StatusAccepted); err != nil {
		return nil, fmt.Errorf("approve: %w", err)
	}
	back, err := w.do(ctx, http.MethodGet, w.base+u.EscapedPath()+"/finish", http.StatusFound)
	if err != nil {
		return nil, fmt.Errorf("go back from the consent: %w", err)
	}
	return url.Parse(back)
}

// do returns where the answer leads, if anywhere.
func (w *sandboxWallet) do(ctx context.Context, method, address string, want int) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, http.NoBody)
	if err != nil {
		return "", err
	}
	answer, err := w.http.Do(request)
	if err != nil {
		return "", err
	}
	_ = answer.Body.Close()
	if answer.StatusCode != want {
		return "", fmt.Errorf("the sandbox answers %s", answer.Status)
	}
	return answer.Header.Get("Location"), nil
}

func (w *sandboxWallet) get(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.base+path, http.NoBody)
	if err != nil {
		return err
	}
	answer, err := w.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", answer.Status)
	}
	return json.NewDecoder(io.LimitReader(answer.Body, maxSandbox)).Decode(into)
}
