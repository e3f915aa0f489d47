package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/payments/webhook"
	"tianguis.example/stack"
)

// senders is how many webhooks the service sends at a time, when nobody chooses otherwise (WEBHOOK_WORKERS).
const senders = 8

// send measures how many webhooks a second leave the payments service, beside a loop that signs and POSTs, and keeps nothing.
func (r *run) send(ctx context.Context) ([]Row, error) {
	row := Row{
		ID: "webhooks-send", What: "webhooks sent", Unit: "/s", LimitIs: fmt.Sprintf("a loop of %d that signs and POSTs", senders), Aim: Aim{Share: 0.5},
	}
	w, hears, err := r.heard(ctx)
	if err != nil {
		return nil, err
	}
	events := r.many(2000, 300)
	for round := range r.Rounds {
		sent, err := w.drain(ctx, hears, round, events)
		if err != nil {
			return nil, err
		}
		bare, err := bareLoop(ctx, w.http, hears.address+webhook.Path, hears.secrets, events)
		if err != nil {
			return nil, err
		}
		row.add(sent, bare)
	}
	return []Row{row}, nil
}

// secrets are what the webhooks of a world are signed with.
func (w *world) secrets() (webhook.Secrets, error) {
	text, err := stack.ReadSecret(w.Secrets.WebhookSecret)
	if err != nil {
		return nil, err
	}
	return webhook.ParseSecrets(text)
}

// drain puts events into the outbox, and returns how many a second came out of it.
func (w *world) drain(ctx context.Context, hears *hearer, round, events int) (float64, error) {
	hears.forget()
	at := now()
	var rows [][]any
	for i := range events {
		id := fmt.Sprintf("01HBENCHSEND%04d%010d", round, i)
		body, err := webhook.Body(webhook.Event{
			Type: webhook.Completed, PendingID: id, OfferID: id, Status: "paid", OutgoingPaymentID: "https://wallet.example/outgoing-payments/" + id, Timestamp: at, Sequence: 1,
		})
		if err != nil {
			return 0, err
		}
		rows = append(rows, []any{id, "marketplace", id, id, string(webhook.Completed), string(body), "pending", at, at})
	}
	err := w.books(ctx, stack.Payments, func(db *database.DB) error {
		return insert(ctx, db, "deliveries (id, endpoint_id, pending_id, offer_id, event_type, body, state, next_at, created_at)", rows)
	})
	if err == nil {
		err = w.lookAgain(ctx)
	}
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		count, second := hears.heard()
		if count >= events {
			return second, nil
		}
		if err := clock.Sleep(ctx, clock.System(), 5*time.Millisecond); err != nil {
			return 0, fmt.Errorf("%d of %d webhooks came: %w", count, events, err)
		}
	}
}

// bareLoop signs and POSTs, and returns how many a second.
func bareLoop(ctx context.Context, client *http.Client, address string, secrets webhook.Secrets, events int) (float64, error) {
	todo := make(chan string, events)
	for range events {
		todo <- ulid.Make().String()
	}
	close(todo)
	from := now()
	_, err := loop(ctx, senders, time.Hour, func(ctx context.Context, _ int) error {
		id, more := <-todo
		if !more {
			return errDry
		}
		body, err := webhook.Body(webhook.Event{
			Type: webhook.Completed, PendingID: id, OfferID: id, Status: "paid", OutgoingPaymentID: "https://wallet.example/outgoing-payments/" + id, Timestamp: now(), Sequence: 1,
		})
		if err != nil {
			return err
		}
		return post(ctx, client, address, secrets, id, body)
	})
	return float64(events) / now().Sub(from).Seconds(), err
}

// post signs a webhook and sends it. Anything but 200 is an error.
func post(ctx context.Context, client *http.Client, address string, secrets webhook.Secrets, id string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	secrets.Sign(request.Header, id, now(), body)
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(answer.Body, maxPage))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("a webhook was answered with %d: %w: %.300s", answer.StatusCode, errPage, said)
	}
	return err
}
