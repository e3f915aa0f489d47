package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/payments"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

// everyMethod calls each method of the store in each of its ways, on a database that was filled.
func everyMethod(t *testing.T, s *store.Store, db *database.DB, during func(method string, call func())) {
	t.Helper()
	w := &methods{t: t, ctx: t.Context(), s: s, db: db, during: during}
	databasetest.EveryMethod(t, s, w.calls(), during)
}

type methods struct {
	t   *testing.T
	ctx context.Context
	s   *store.Store
	db  *database.DB

	during func(method string, call func())
}

func (w *methods) one(query string) string { return databasetest.One[string](w.t, w.db, query) }

func (w *methods) paymentIn(state payments.State) payments.PaymentID {
	return payments.PaymentID(w.one("SELECT id FROM payments WHERE state = '" + string(state) + "' ORDER BY id DESC LIMIT 1"))
}

func (w *methods) deliveryIn(state outbox.State) string {
	return w.one("SELECT id FROM deliveries WHERE state = '" + string(state) + "' ORDER BY id DESC LIMIT 1")
}

func (w *methods) newEndpoint(id string) (outbox.Endpoint, outbox.Secret) {
	secret, err := webhook.ParseSecret(webhook.GenerateSecret())
	require.NoError(w.t, err)
	return outbox.Endpoint{ID: id, URL: "https://third.example/hooks", CreatedAt: noon, UpdatedAt: noon},
		outbox.Secret{EndpointID: id, Secret: secret, CreatedAt: noon}
}

const thirdEndpoint = "01JAAAAAAAAAAAAAAAAAAAAAA3"

//nolint:maintidx // a list
func (w *methods) calls() map[string]func() error {
	s, ctx := w.s, w.ctx
	paid := w.paymentIn(payments.Paid)
	offer := w.one("SELECT offer_id FROM payments WHERE id = '" + string(paid) + "'")
	delivered := w.deliveryIn(outbox.Delivered)
	key := payments.Idempotent{Scope: "POST /payments", Key: "new", Request: "r", BusyUntil: noon.Add(time.Minute), CreatedAt: noon}
	endpoint, secret := w.newEndpoint(thirdEndpoint)
	ping := webhook.Event{Type: webhook.Ping, Timestamp: noon}
	task := payments.Task{ID: "01ZZZZZZZZZZZZZZZZZZZZZZT1", Kind: payments.TaskReconcile, AskedBy: "the test", AskedAt: noon}
	return map[string]func() error{
		"APIKeys":       func() error { _, err := s.APIKeys(ctx); return err },
		"AddAPIKey":     func() error { return s.AddAPIKey(ctx, apiKey("01ZZZZZZZZZZZZZZZZZZZZZZK1"), done) },
		"Actions":       func() error { return w.each("Actions", w.findActions()) },
		"ActiveSecrets": func() error { _, err := s.ActiveSecrets(ctx, noon); return err },
		"AddEndpoint":   func() error { return s.AddEndpoint(ctx, endpoint, secret, 50, done) },
		"AddPing":       func() error { _, err := s.AddPing(ctx, outbox.Configured, ping, done); return err },
		"AskTask": func() error {
			for _, who := range []*operator.Action{&done, nil} { // the second finds the first
				if _, err := s.AskTask(ctx, task, who); err != nil {
					return err
				}
			}
			return nil
		},
		"Attempts": func() error { _, err := s.Attempts(ctx, delivered); return err },
		"AuditEvents": func() error {
			first, err := s.AuditEvents(ctx, noon.Add(-24*time.Hour), noon, payments.AuditRecord{}, 1000)
			if err != nil || len(first) == 0 {
				return fmt.Errorf("%d events: %w", len(first), err)
			}
			_, err = s.AuditEvents(ctx, noon.Add(-24*time.Hour), noon, first[len(first)-1], 1000)
			return err
		},
		"AuditFrontier":   func() error { _, err := s.AuditFrontier(ctx); return err },
		"AuditTrail":      func() error { _, err := s.AuditTrail(ctx, paid); return err },
		"BeginIdempotent": func() error { _, _, err := s.BeginIdempotent(ctx, key); return err },
		"ChangeEndpoint":  func() error { return s.ChangeEndpoint(ctx, endpoint, done) },
		"Checkpoints":     func() error { _, err := s.Checkpoints(ctx, 10); return err },
		"ClaimDeliveries": func() error {
			for _, id := range []string{outbox.Configured, secondEndpoint} {
				if _, err := s.ClaimDeliveries(ctx, id, 50, noon, noon.Add(time.Minute)); err != nil {
					return err
				}
			}
			return nil
		},
		"ClaimDue": func() error { _, err := s.ClaimDue(ctx, 20, noon, noon.Add(time.Minute)); return err },
		"ClaimPeriodic": func() error {
			for range 2 {
				if _, err := s.ClaimPeriodic(ctx, "reconcile", noon, noon.Add(time.Hour)); err != nil {
					return err
				}
			}
			return nil
		},
		"ClaimTasks": func() error { return w.claimTask() },
		"CountPayments": func() error {
			return w.each("CountPayments", w.findPayments(func(f payments.Filter) error { _, err := s.CountPayments(ctx, f, 1000); return err }))
		},
		"Configure": func() error {
			_, err := s.Configure(ctx, "http://localhost:8000/api/webhooks/payments", webhook.Secrets{secret.Secret}, noon)
			return err
		},
		"Deliveries":      func() error { _, err := s.Deliveries(ctx, paid); return err },
		"Delivery":        func() error { _, err := s.Delivery(ctx, delivered); return err },
		"EndIdempotent":   func() error { key.Status = 201; return s.EndIdempotent(ctx, key) },
		"EndTask":         func() error { return w.endTask() },
		"Endpoint":        func() error { _, err := s.Endpoint(ctx, outbox.Configured); return err },
		"EndpointSecrets": func() error { _, err := s.EndpointSecrets(ctx, outbox.Configured); return err },
		"Endpoints":       func() error { _, err := s.Endpoints(ctx); return err },
		"FindDeliveries":  w.findDeliveries,
		"FindPayments": func() error {
			return w.each("FindPayments", w.findPayments(func(f payments.Filter) error { _, err := s.FindPayments(ctx, f, 51); return err }))
		},
		"KeepTask": func() error { return w.keepTask() },
		"LastPaid": func() error { _, err := s.LastPaid(ctx); return err },
		"LastAttempts": func() error {
			page, err := s.FindDeliveries(ctx, outbox.Filter{}, 100)
			ids := make([]string, len(page))
			for i, d := range page {
				ids[i] = d.ID
			}
			_, last := s.LastAttempts(ctx, ids)
			return errors.Join(err, last)
		},
		"LivePayment":   func() error { _, err := s.LivePayment(ctx, offer); return err },
		"OfferPayments": func() error { _, err := s.OfferPayments(ctx, offer, 50); return err },
		"Payment":       func() error { _, err := s.Payment(ctx, paid); return err },
		"PaymentView":   func() error { _, err := s.PaymentView(ctx, paid); return err },
		"PaymentsToCompare": func() error {
			_, err := s.PaymentsToCompare(ctx, noon.Add(-48*time.Hour), "", 100)
			_, all := s.PaymentsToCompare(ctx, time.Time{}, paid[:12], 100)
			return errors.Join(err, all)
		},
		"Overdue":          func() error { _, _, err := s.Overdue(ctx, noon); return err },
		"PaymentStandings": func() error { _, err := s.PaymentStandings(ctx); return err },
		"PendingPayments":  func() error { _, err := s.PendingPayments(ctx, 100); return err },
		"Ping":             func() error { return s.Ping(ctx) },
		"PruneDeliveries":  func() error { _, err := s.PruneDeliveries(ctx, noon.Add(-364*24*time.Hour)); return err },
		"PruneIdempotent":  func() error { return s.PruneIdempotent(ctx, noon.Add(30*time.Minute)) },
		"PutSeller": func() error {
			return s.PutSeller(ctx, payments.Seller{ID: "seller-7", WalletAddressURL: "https://wallet.example/moved", CreatedAt: noon, UpdatedAt: noon}, nil)
		},
		"RecentPayments":    func() error { _, err := s.RecentPayments(ctx, 100); return err },
		"Record":            w.record,
		"RecordAction":      func() error { return s.RecordAction(ctx, done) },
		"RecordAttempts":    w.recordAttempts,
		"ReleaseIdempotent": func() error { return s.ReleaseIdempotent(ctx, key) },
		"RemoveEndpoint":    func() error { return s.RemoveEndpoint(ctx, thirdEndpoint, done) },
		"ReplaceSecret": func() error {
			_, next := w.newEndpoint(outbox.Configured)
			return s.ReplaceSecret(ctx, next, noon.Add(time.Hour), done)
		},
		"Replay": func() error {
			_, dead := s.Replay(ctx, outbox.Filter{State: outbox.Dead, Since: noon.Add(-7 * 24 * time.Hour)}, noon)
			_, missed := s.Replay(ctx, outbox.Filter{EndpointID: secondEndpoint, Since: noon.Add(-24 * time.Hour), Until: noon.Add(-12 * time.Hour)}, noon)
			return errors.Join(dead, missed)
		},
		"ReplayOne": func() error { _, err := s.ReplayOne(ctx, delivered, done); return err },
		"Reseal":    func() error { _, err := s.Reseal(ctx); return err },
		"RevokeAPIKey": func() error {
			k := apiKey("01ZZZZZZZZZZZZZZZZZZZZZZK2")
			return errors.Join(s.AddAPIKey(ctx, k, done), s.RevokeAPIKey(ctx, k.ID, noon.Add(time.Hour), done))
		},
		"Seller":    func() error { _, err := s.Seller(ctx, "seller-7"); return err },
		"Sellers":   func() error { _, err := s.Sellers(ctx); return err },
		"Standings": func() error { _, err := s.Standings(ctx); return err },
		"Tasks":     func() error { _, err := s.Tasks(ctx, payments.TaskReconcile, 10); return err },
		"TrySealed": func() error { _, err := s.TrySealed(ctx, 100); return err },
		"UseAPIKeys": func() error {
			k := apiKey("01ZZZZZZZZZZZZZZZZZZZZZZK3")
			return errors.Join(s.AddAPIKey(ctx, k, done), s.UseAPIKeys(ctx, map[string]time.Time{k.ID: noon}))
		},
		"VerifyAudit": func() error {
			_, err := s.VerifyAudit(ctx, "")
			return err
		},
		"VerifyPayment": func() error { _, err := s.VerifyPayment(ctx, paid); return err },
		"WriteCheckpoint": func() error {
			at, err := s.AuditFrontier(ctx)
			if err != nil {
				return err
			}
			for { // a server that others use too has transactions that began before
				// Each try is a call of its own, of which an explainer lets the statements find what there is.
				var err error
				w.during("WriteCheckpoint", func() { _, err = s.WriteCheckpoint(ctx, at, noon) })
				if !errors.Is(err, store.ErrUnsettled) {
					return err
				}
			}
		},
	}
}

// done is what an operator is said to have done.
var done = operator.Action{At: noon, By: operator.Operator{Door: operator.ByPage, Name: "Zoé", Key: "0badc0de"}, Kind: operator.PingEndpoint, Subject: outbox.Configured}

// apiKey is one that nobody has.
func apiKey(id string) apikey.Key {
	return apikey.Key{ID: id, Name: "the test", Scope: apikey.Pay, Hash: apikey.HashOf(id), Fingerprint: apikey.Fingerprint(id), CreatedAt: noon}
}

// each does several things, one by one.
func (w *methods) each(method string, all map[string]func() error) error {
	for name, one := range all {
		var err error
		w.during(method, func() { err = one() })
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// findPayments looks through the payments by what is rare and by what is common, by each alone, and by two.
func (w *methods) findPayments(find func(payments.Filter) error) map[string]func() error {
	oldest := payments.PaymentID(w.one("SELECT id FROM payments ORDER BY id LIMIT 1"))
	middle := payments.PaymentID(w.one("SELECT id FROM payments WHERE state = 'paid' ORDER BY id DESC OFFSET 1000 LIMIT 1"))
	by := map[string]func(*payments.Filter){
		"everything": func(*payments.Filter) {},
		"paid":       func(f *payments.Filter) { f.State = payments.Paid },
		"failed":     func(f *payments.Filter) { f.State = payments.Failed },
		"late":       func(f *payments.Filter) { f.State = payments.PaidLate },
		"sending":    func(f *payments.Filter) { f.State = payments.Sending },
		"reason":     func(f *payments.Filter) { f.Reason = payments.PaidInPart },
		"offer":      func(f *payments.Filter) { f.OfferID = w.one("SELECT offer_id FROM payments ORDER BY id LIMIT 1") },
		"buyer":      func(f *payments.Filter) { f.Wallet = "https://wallet.example/buyer-7" },
		"seller":     func(f *payments.Filter) { f.Wallet = "https://wallet.example/seller-7" },
		"nobody":     func(f *payments.Filter) { f.Wallet = "https://wallet.example/nobody" },
		"prefix":     func(f *payments.Filter) { f.IDPrefix = string(oldest[:9]) },
		"day":        func(f *payments.Filter) { f.Since, f.Until = noon.Add(-100*24*time.Hour), noon.Add(-99*24*time.Hour) },
		"today":      func(f *payments.Filter) { f.PaidSince = noon.Add(-12 * time.Hour) },
		"next page":  func(f *payments.Filter) { f.Before = middle },
	}
	all := map[string]func() error{}
	for one, first := range by {
		for other, second := range by {
			if one <= other {
				all[one+" and "+other] = func() error {
					var f payments.Filter
					first(&f)
					second(&f)
					return find(f)
				}
			}
		}
	}
	return all
}

func (w *methods) findActions() map[string]func() error {
	find := func(f operator.Filter) func() error {
		return func() error { _, err := w.s.Actions(w.ctx, f, 51); return err }
	}
	return map[string]func() error{
		"all": find(operator.Filter{}), "kind": find(operator.Filter{Kind: operator.PingEndpoint}), "door": find(operator.Filter{Door: operator.ByAPI}),
		"subject": find(operator.Filter{Subject: outbox.Configured}), "time": find(operator.Filter{Since: noon, Until: noon.Add(time.Hour)}), "next page": find(operator.Filter{Before: 7}),
	}
}

// claimed is a task that this test has in hand.
func (w *methods) claimed(id string) (payments.Task, error) {
	if _, err := w.s.AskTask(w.ctx, payments.Task{ID: id, Kind: payments.TaskVerifyAudit, AskedBy: "the test", AskedAt: noon}, nil); err != nil {
		return payments.Task{}, err
	}
	all, err := w.s.ClaimTasks(w.ctx, 5, noon, noon.Add(time.Minute))
	for _, t := range all {
		if t.ID == id {
			return t, err
		}
	}
	return payments.Task{}, fmt.Errorf("%d tasks were claimed, without %s: %w", len(all), id, err)
}

func (w *methods) claimTask() error {
	t, err := w.claimed("01ZZZZZZZZZZZZZZZZZZZZZZT2")
	if err != nil {
		return err
	}
	t.EndedAt = noon
	return w.s.EndTask(w.ctx, t)
}

func (w *methods) keepTask() error {
	t, err := w.claimed("01ZZZZZZZZZZZZZZZZZZZZZZT3")
	if err != nil {
		return err
	}
	if err := w.s.KeepTask(w.ctx, t, noon.Add(2*time.Minute)); err != nil {
		return err
	}
	t.BusyUntil, t.EndedAt = noon.Add(2*time.Minute), noon
	return w.s.EndTask(w.ctx, t)
}

func (w *methods) endTask() error {
	t, err := w.claimed("01ZZZZZZZZZZZZZZZZZZZZZZT4")
	if err != nil {
		return err
	}
	t.EndedAt, t.Result = noon, []byte("{}")
	return w.s.EndTask(w.ctx, t)
}

// findDeliveries looks through the log as an operator does: by what is rare and by what is common, by each alone, by two, and within a time.
func (w *methods) findDeliveries() error {
	pending := w.deliveryIn(outbox.Pending)
	by := map[string]func(*outbox.Filter){
		"everything": func(*outbox.Filter) {},
		"endpoint":   func(f *outbox.Filter) { f.EndpointID = outbox.Configured },
		"second":     func(f *outbox.Filter) { f.EndpointID = secondEndpoint },
		"unknown":    func(f *outbox.Filter) { f.EndpointID = "nobody" },
		"pending":    func(f *outbox.Filter) { f.State = outbox.Pending },
		"dead":       func(f *outbox.Filter) { f.State = outbox.Dead },
		"delivered":  func(f *outbox.Filter) { f.State = outbox.Delivered },
		"common":     func(f *outbox.Filter) { f.EventType = string(webhook.Completed) },
		"rare":       func(f *outbox.Filter) { f.EventType = string(webhook.Ping) },
		"none":       func(f *outbox.Filter) { f.EventType = "payment.unheard-of" },
		"offer":      func(f *outbox.Filter) { f.OfferID = w.one("SELECT offer_id FROM deliveries ORDER BY id LIMIT 1") },
		"payment":    func(f *outbox.Filter) { f.PendingID = w.one("SELECT pending_id FROM deliveries ORDER BY id LIMIT 1") },
		"day":        func(f *outbox.Filter) { f.Since, f.Until = noon.Add(-100*24*time.Hour), noon.Add(-99*24*time.Hour) },
		"next page":  func(f *outbox.Filter) { f.Before = pending },
	}
	for one, first := range by {
		for other, second := range by {
			if one > other {
				continue
			}
			var f outbox.Filter
			first(&f)
			second(&f)
			var err error
			w.during("FindDeliveries", func() { _, err = w.s.FindDeliveries(w.ctx, f, 100) })
			if err != nil {
				return fmt.Errorf("%s and %s: %w", one, other, err)
			}
		}
	}
	return nil
}

// record takes a payment through what Record can be asked to do.
func (w *methods) record() error {
	fresh := whole(w.t, "01ZZZZZZZZZZZZZZZZZZZZZZZ1", "fresh")
	fresh.SellerID = "seller-7"
	if err := w.s.Record(w.ctx, payments.Change{After: fresh, Audit: &payments.AuditEvent{PaymentID: fresh.ID, At: noon, To: fresh.State}}); err != nil {
		return err
	}
	if err := w.s.Record(w.ctx, fresh.Postpone(noon.Add(time.Minute), noon)); err != nil {
		return err
	}
	fresh.Version++
	failed, err := fresh.Fail(payments.Expired, "nobody came", noon)
	if err != nil {
		return err
	}
	if err := w.s.Record(w.ctx, failed); err != nil {
		return err
	}
	again := whole(w.t, "01ZZZZZZZZZZZZZZZZZZZZZZZ2", "fresh")
	again.SellerID, again.Ending = "seller-7", ""
	if err := w.s.Record(w.ctx, payments.Change{After: again, Audit: &payments.AuditEvent{PaymentID: again.ID, At: noon, To: again.State}}); err != nil {
		return err
	}
	late := failed.After.Postpone(noon, noon) // its money comes, and the other one is called off
	late.Supersedes = true
	return w.s.Record(w.ctx, late)
}

// recordAttempts ends a batch of deliveries in each of the ways.
func (w *methods) recordAttempts() error {
	later := noon.Add(time.Hour)
	claimed, err := w.s.ClaimDeliveries(w.ctx, outbox.Configured, 50, later, later.Add(time.Minute))
	if err != nil || len(claimed) < 4 {
		return fmt.Errorf("%d to try: %w", len(claimed), err)
	}
	all := make([]outbox.Outcome, len(claimed))
	for i, d := range claimed {
		lease := d.NextAt
		d.Attempts++
		d.State, d.NextAt, d.EndedAt = outbox.Delivered, time.Time{}, later
		if i == 1 {
			d.State, d.NextAt, d.EndedAt, d.Failures = outbox.Pending, later.Add(time.Hour), time.Time{}, d.Failures+1
		}
		all[i] = outbox.Outcome{Delivery: d, Lease: lease, Attempt: outbox.Attempt{DeliveryID: d.ID, Number: d.Attempts, At: later, URL: "https://elsewhere.example", Status: 200}}
	}
	all[1].Gone = "it said that it is gone"
	return w.s.RecordAttempts(w.ctx, all)
}
