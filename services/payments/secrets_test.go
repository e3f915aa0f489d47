package payments_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/worker"
	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/rest"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

// A whole payment through the doors, with a lost token that is rotated, an answer that is kept under its key, and a webhook that is refused
// once: in a dump of the database no secret is readable.
func TestSecrets_AreInNoTable(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, store.Migrations(), func(t *testing.T, db *database.DB) {
		const apiKey, idempotencyKey = "the-api-key-of-the-service", "key-of-a-request"
		s := tellOn(t, db, clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)))
		log := slog.New(slog.DiscardHandler)
		e := httpserver.New(httpserver.Options{Log: log, Clock: s.clock, ErrorHandler: rest.ErrorHandler(log), BodyLimit: 64 << 10})
		keys, err := apikey.ParseConfigured(apiKey)
		require.NoError(t, err)
		rest.New(s.Service, outbox.NewDesk(s.store, s.clock, func(string) error { return nil }, func() {}), s.store, rest.Options{Gate: apikey.NewGate(keys, apikey.Limits{}, s.clock), Marketplace: "https://market.example"}, s.clock, log).Routes(e)
		door := httptest.NewServer(e)
		t.Cleanup(door.Close)
		ask := func(method, path, body string) string {
			request, err := http.NewRequestWithContext(t.Context(), method, door.URL+path, strings.NewReader(body))
			require.NoError(t, err)
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", "Bearer "+apiKey)
			request.Header.Set(rest.IdempotencyKeyHeader, idempotencyKey)
			var text []byte
			s.passing(func() {
				answer, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Errorf("ask: %v", err)
					return
				}
				defer func() { _ = answer.Body.Close() }()
				text, _ = io.ReadAll(answer.Body)
			})
			return string(text)
		}

		var started api.Started
		answer := ask(http.MethodPost, "/offers/"+offer+"/quotes/start", `{"sellerId":"wendy","buyerWalletAddressUrl":"`+buyerWallet+`","amount":"100.00"}`)
		require.NoError(t, json.Unmarshal([]byte(answer), &started), answer)
		p := s.payment(payments.PaymentID(started.PendingID))
		const ref = "the-interact-ref"
		hash := openpayments.FinishHash(p.Consent.ClientNonce.Reveal(), "as-nonce", ref, authServer)

		s.wallets.set(func() {
			s.wallets.before["continue"] = []error{refusal(openpayments.ErrTooFast)} // the ref is kept while it waits
			s.wallets.before["pay"] = []error{refusal(openpayments.ErrInactiveToken)}
		})
		query := url.Values{"pendingId": {started.PendingID}, "interact_ref": {ref}, "hash": {hash}}
		ask(http.MethodGet, "/payments/finish?"+query.Encode(), "")
		for range 5 {
			if p = s.payment(p.ID); p.State == payments.Paid {
				break
			}
			p = s.work(p.ID, time.Minute)
		}
		s.requirePaid(p)
		require.Equal(t, 1, s.wallets.count("rotate"))

		var added api.AddedWebhookEndpoint
		answer = ask(http.MethodPost, "/webhooks/endpoints", `{"url":"https://analytics.example/hook","eventTypes":["payment.failed"]}`)
		require.NoError(t, json.Unmarshal([]byte(answer), &added), answer)
		require.Equal(t, answer, ask(http.MethodPost, "/webhooks/endpoints", `{"url":"https://analytics.example/hook","eventTypes":["payment.failed"]}`), "it is kept")
		secretText := webhook.GenerateSecret()
		secrets, err := webhook.ParseSecrets(secretText)
		require.NoError(t, err)
		refused := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.Copy(w, r.Body)
		}))
		t.Cleanup(refused.Close)
		_, err = s.store.Configure(t.Context(), refused.URL, secrets, s.clock.Now())
		require.NoError(t, err)
		dispatcher := outbox.NewDispatcher(s.store, s.clock, log, outbox.Options{
			ToMarketplace: refused.Client(), ToOthers: refused.Client(), Workers: 1, Poll: time.Second, Drain: time.Second,
		}, worker.NewBell())
		ctx, stop := context.WithCancel(t.Context())
		sent := make(chan struct{})
		go func() {
			defer close(sent)
			dispatcher.Run(ctx)
		}()
		require.Eventually(t, func() bool {
			tried, err := s.store.FindDeliveries(t.Context(), outbox.Filter{PendingID: started.PendingID}, 1)
			return err == nil && len(tried) == 1 && tried[0].Attempts > 0
		}, time.Minute, 10*time.Millisecond)
		stop()
		<-sent

		dump := dumpOf(t, db)
		for table, row := range map[string]string{
			"payments": started.PendingID, "payment_events": "the token was rotated", "idempotency_keys": idempotencyKey, "deliveries": "payment.completed",
			"delivery_attempts": "500", "sellers": "wendy", "schema_migrations": "0006",
			"webhook_endpoints": refused.URL, "webhook_secrets": secrets[0].Fingerprint(),
		} {
			require.Contains(t, dump[table], row, table)
		}
		for name, secret := range map[string]string{
			"nonce": p.Consent.ClientNonce.Reveal(), "continue token": "continue-token", "access token": "access-token-1", "interact_ref": ref,
			"hash": hash, "API key": apiKey, "webhook secret": strings.TrimPrefix(secretText, "whsec_"),
			"added endpoint's secret": strings.TrimPrefix(added.Secret, "whsec_"),
		} {
			for table, rows := range dump {
				require.NotContains(t, rows, secret, "%s in %s", name, table)
			}
		}
		report, err := s.store.VerifyAudit(t.Context(), "")
		require.NoError(t, err)
		require.Empty(t, report.Findings, "and the story of a real payment verifies")
		require.Greater(t, report.Events, int64(5))
	})
}

// dumpOf is every table of the database.
func dumpOf(t *testing.T, db *database.DB) map[string]string {
	t.Helper()
	names := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if db.Dialect() == database.Postgres {
		names = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
	}
	var tables []string
	require.NoError(t, db.Read(t.Context()).Raw(names).Scan(&tables).Error)
	dump := map[string]string{}
	for _, table := range tables {
		var rows []map[string]any
		require.NoError(t, db.Read(t.Context()).Table(table).Find(&rows).Error)
		text, err := json.Marshal(rows)
		require.NoError(t, err)
		dump[table] = string(text)
	}
	return dump
}
