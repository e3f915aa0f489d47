package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/api"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// How long the money, and then the webhook, may take. A wallet alone asks for 5 s (continue.wait).
const (
	paidBound    = 30 * time.Second
	webhookBound = 15 * time.Second
)

// story is one whole payment, told step by step as it happens, and checked from outside: at the
// pages, at the payments service, and in the wallets' ledger.
type story struct {
	stack    *stack.Stack
	payments *api.Client
	out      io.Writer
	step     int
}

func newStory(s *stack.Stack, out io.Writer) (*story, error) {
	key, err := stack.ReadSecret(s.Secrets.APIKey)
	if err != nil {
		return nil, err
	}
	return &story{stack: s, payments: api.NewClient(s.Payments.Address, key, nil), out: out}, nil
}

// tell prints a step.
func (t *story) tell(what, format string, arguments ...any) {
	t.step++
	fmt.Fprintf(t.out, "  %d  %-18s  %s\n", t.step, what, fmt.Sprintf(format, arguments...))
}

// more adds a line to the last step.
func (t *story) more(format string, arguments ...any) {
	fmt.Fprintf(t.out, "     %-18s  %s\n", "", fmt.Sprintf(format, arguments...))
}

// purchase says which job the funder pays, by its budget ("100.00 MXN"), and from which of the sandbox's wallets.
type purchase struct{ budget, wallet string }

// pay makes a payment as a funder does in a browser, and returns what it did to both wallets.
func (t *story) pay(ctx context.Context, p purchase) (settlement, error) {
	before, err := readBooks(ctx, t.stack, p.wallet)
	if err != nil {
		return settlement{}, err
	}
	payer, err := person.SignIn(ctx, t.stack.Marketplace.Address, funder, password)
	if err != nil {
		return settlement{}, err
	}
	j, err := payer.JobToPay(ctx, p.budget)
	if err != nil {
		return settlement{}, err
	}
	t.tell("job", "%d, “%s”, waits to be paid: %s", j.ID, j.Title, j.Budget)

	consent, err := payer.AskToPay(ctx, j.ID, t.stack.Sandbox.Address+p.wallet)
	if err != nil {
		return settlement{}, err
	}
	started, err := t.latest(ctx, j.ID)
	if err != nil {
		return settlement{}, err
	}
	t.tell("quote", "for %s to arrive, at most %s leave the funder's wallet", started.Amount, started.DebitAmount)
	t.tell("redirect", "the browser is sent to the wallet, to consent: %s", withoutQuery(started.RedirectURL))

	finish, err := payer.Decide(ctx, consent, person.Approve)
	if err != nil {
		return settlement{}, err
	}
	t.tell("consent", "“%s”: approved", consent.Text("h1"))
	t.tell("finish", "the browser is sent back to %s, with a hash and an interact_ref", withoutQuery(finish.String()))
	page, err := payer.Browser.Open(ctx, finish.String())
	if err != nil {
		return settlement{}, fmt.Errorf("come back from the wallet: %w", err)
	}
	t.more("%s then says: %s", page.URL.Path, page.Text("#payment-status"))

	status, err := payer.WaitFor(ctx, j.ID, paidBound, person.Complete)
	if err != nil {
		return settlement{}, err
	}
	paid, err := t.payments.Payment(ctx, started.PendingID)
	if err != nil {
		return settlement{}, err
	}
	if paid.Status != api.StatusPaid {
		return settlement{}, fmt.Errorf("the job is complete, but payment %s is %s", paid.PendingID, paid.State)
	}
	t.tell("paid", "%s arrived at the worker's wallet", paid.ReceivedAmount)
	news, err := t.delivered(ctx, paid.PendingID)
	if err != nil {
		return settlement{}, err
	}
	t.tell("webhook", "%s, signed; the marketplace answered %d", news.Type, news.last().Status)
	t.tell("contract_completed", "%t, and job %d is %s", status.ContractCompleted, j.ID, status.State)

	after, err := readBooks(ctx, t.stack, p.wallet)
	if err != nil {
		return settlement{}, err
	}
	return settle(paid, before, after)
}

// latest is the newest payment of a job, as the payments service tells it.
func (t *story) latest(ctx context.Context, id int64) (api.Payment, error) {
	all, err := t.payments.OfferPayments(ctx, strconv.FormatInt(id, 10))
	if err != nil {
		return api.Payment{}, err
	}
	if len(all.Payments) == 0 {
		return api.Payment{}, fmt.Errorf("the payments service knows of no payment for job %d", id)
	}
	return all.Payments[len(all.Payments)-1], nil
}

// delivered waits until the webhook of a payment is delivered, as the operator's command tells it.
func (t *story) delivered(ctx context.Context, pendingID string) (delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, webhookBound)
	defer cancel()
	for {
		news, err := webhookOf(ctx, t.stack, pendingID)
		if err == nil && news.State == "delivered" {
			return news, nil
		}
		if waited := clock.Sleep(ctx, clock.System(), 100*time.Millisecond); waited != nil {
			return delivery{}, errors.Join(fmt.Errorf("the webhook of payment %s is not delivered after %s: it is %q", pendingID, webhookBound, news.State), err)
		}
	}
}

// withoutQuery keeps what proves the consent off the screen.
func withoutQuery(address string) string {
	bare, _, _ := strings.Cut(address, "?")
	return bare
}
