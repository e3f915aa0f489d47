package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
	"tianguis.example/payments"
	"tianguis.example/payments/store"
)

func TestPaymentStandings_ThoseThatHaveNotEndedByState(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		for i, id := range []string{first, second, third} {
			p := whole(t, id, id)
			p.Since = noon.Add(-time.Duration(i) * time.Hour)
			if id == third {
				p.State = payments.Paid
			}
			require.NoError(t, s.Record(t.Context(), payments.Change{After: p}))
		}
		all, err := s.PaymentStandings(t.Context())
		require.NoError(t, err)
		require.Equal(t, []payments.Standing{
			{State: payments.Created},
			{State: payments.AwaitingApproval, Payments: 2, Oldest: noon.Add(-time.Hour)},
			{State: payments.Approved}, {State: payments.Authorized}, {State: payments.Sending},
		}, all, "those without any are told of too")
	})
}
