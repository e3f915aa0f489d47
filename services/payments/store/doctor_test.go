package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

func TestTrySealed_WithTheRightKeyAndAnother(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *store.Store, db *database.DB) {
		older, newer := store.GenerateKey(), store.GenerateKey()
		before := store.New(db, readKeys(t, older))
		rows, err := before.TrySealed(t.Context(), 10)
		require.NoError(t, err)
		require.Zero(t, rows, "nothing is there")

		live(t, before, first, "1")
		secrets, err := webhook.ParseSecrets(webhook.GenerateSecret())
		require.NoError(t, err)
		_, err = before.Configure(t.Context(), "https://market.example/hook", secrets, time.Now())
		require.NoError(t, err)
		rows, err = before.TrySealed(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, 2, rows)
		rows, err = before.TrySealed(t.Context(), 0)
		require.NoError(t, err)
		require.Equal(t, 1, rows, "the webhook secrets always")

		_, err = store.New(db, readKeys(t, newer)).TrySealed(t.Context(), 10)
		require.ErrorContains(t, err, first)
		_, err = store.New(db, readKeys(t, newer)).TrySealed(t.Context(), 0)
		require.ErrorContains(t, err, "TOKEN_ENCRYPTION_KEY")
		rows, err = store.New(db, readKeys(t, newer, older)).TrySealed(t.Context(), 10)
		require.NoError(t, err)
		require.Equal(t, 2, rows)
	})
}

func TestOverdue_CountsWhatNobodyTook(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		p := live(t, s, first, "1")
		_, err := s.AddPing(t.Context(), outbox.Configured, webhook.Event{Type: webhook.Ping, Timestamp: p.NextStepAt}, done)
		require.NoError(t, err)
		counts := func(before time.Time) [2]int64 {
			payments, webhooks, err := s.Overdue(t.Context(), before)
			require.NoError(t, err)
			return [2]int64{payments, webhooks}
		}
		require.Equal(t, [2]int64{0, 0}, counts(p.NextStepAt))
		require.Equal(t, [2]int64{1, 1}, counts(p.NextStepAt.Add(time.Second)))

		e, err := s.Endpoint(t.Context(), outbox.Configured)
		require.NoError(t, err)
		e.DisabledAt = p.NextStepAt
		require.NoError(t, s.ChangeEndpoint(t.Context(), e, done))
		require.Equal(t, [2]int64{1, 0}, counts(p.NextStepAt.Add(time.Second)), "what waits for its endpoint is not late")
	})
}
