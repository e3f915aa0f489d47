package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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
