package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/marketplace"
)

// TestView_ARefusedAttemptHidesNoMoneyUnderWay: whoever clicks again while the money is on its way is refused, and must not
// read "not paid" because of it.
func TestView_ARefusedAttemptHidesNoMoneyUnderWay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		first := s.attempt("01A", "session-1", noon)
		first.PendingID, first.State = "P1", marketplace.AttemptAwaiting
		require.NoError(t, s.SaveStarted(t.Context(), first, marketplace.Entry{At: noon, By: s.funder, Event: marketplace.EventPaymentStarted}, noon))
		require.NoError(t, s.Confirming(t.Context(), first, noon, noon))

		again := s.attempt("01B", "session-1", noon)
		again.State, again.Reason, again.UpdatedAt = marketplace.AttemptFailed, string(marketplace.CodePaymentInFlight), noon.Add(time.Second)
		require.NoError(t, s.CloseAttempt(t.Context(), again))

		view, err := s.AnyJob(t.Context(), s.job)
		require.NoError(t, err)
		require.Equal(t, "01A", view.Attempt.ID)
		require.Equal(t, marketplace.AttemptConfirming, view.Attempt.State)
	})
}

func TestAttemptsOpen_HowManyAndTheOldest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		n, oldest, err := s.AttemptsOpen(t.Context())
		require.NoError(t, err)
		require.Zero(t, n)
		require.Zero(t, oldest)
		for i, a := range []marketplace.Attempt{
			{ID: "01", PendingID: "p1", State: marketplace.AttemptAwaiting}, {ID: "02", PendingID: "p2", State: marketplace.AttemptConfirming},
			{ID: "03", PendingID: "p3", State: marketplace.AttemptFailed},
		} {
			at := noon.Add(-time.Duration(i) * time.Minute)
			databasetest.Exec(t, s.db, "INSERT INTO payment_attempts (id, job_id, pending_id, state, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
				a.ID, int64(s.job), a.PendingID, string(a.State), at, at)
		}
		n, oldest, err = s.AttemptsOpen(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2, n)
		require.Equal(t, noon.Add(-time.Minute), oldest)
	})
}
