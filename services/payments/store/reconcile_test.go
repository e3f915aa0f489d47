package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
	"tianguis.example/payments"
	"tianguis.example/payments/store"
)

func TestPaymentsToCompare_PagesThroughThePendingAndTheLatelyChanged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		ids := []string{"01JDDDDDDDDDDDDDDDDDDDDDD1", "01JDDDDDDDDDDDDDDDDDDDDDD2", "01JDDDDDDDDDDDDDDDDDDDDDD3", "01JDDDDDDDDDDDDDDDDDDDDDD4"}
		for i, c := range []struct {
			state   payments.State
			updated time.Time
		}{{payments.Failed, noon}, {payments.Sending, noon}, {payments.Failed, noon.Add(time.Hour)}, {payments.PaidLate, noon}} {
			p := whole(t, ids[i], string(rune('1'+i)))
			p.State, p.UpdatedAt = c.state, c.updated
			require.NoError(t, s.Record(t.Context(), payments.Change{After: p}))
		}
		list := func(since time.Time, after payments.PaymentID, limit int) []string {
			page, err := s.PaymentsToCompare(t.Context(), since, after, limit)
			require.NoError(t, err)
			found := []string{}
			for _, p := range page {
				require.Empty(t, p.Token.Value, "no secrets")
				found = append(found, string(p.ID))
			}
			return found
		}
		require.Equal(t, ids, list(time.Time{}, "", 10))
		require.Equal(t, ids[:2], list(time.Time{}, "", 2))
		require.Equal(t, ids[2:], list(time.Time{}, payments.PaymentID(ids[1]), 10))
		require.Equal(t, ids[1:3], list(noon.Add(time.Minute), "", 10), "what is pending, and what changed since")
		require.Equal(t, ids[2:3], list(noon.Add(time.Hour), payments.PaymentID(ids[1]), 10))
		require.Empty(t, list(time.Time{}, payments.PaymentID(ids[3]), 10))
	})
}

func TestClaimPeriodic_OneOfManyOnceInAnInterval(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		claims := func(now time.Time) int {
			var (
				all  sync.WaitGroup
				mu   sync.Mutex
				mine int
			)
			for range 8 {
				all.Go(func() {
					got, err := s.ClaimPeriodic(t.Context(), "reconcile", now, now.Add(time.Hour))
					mu.Lock()
					defer mu.Unlock()
					if err != nil {
						t.Errorf("claim: %v", err)
					}
					if got {
						mine++
					}
				})
			}
			all.Wait()
			return mine
		}
		require.Equal(t, 1, claims(noon), "never claimed is due")
		require.Zero(t, claims(noon.Add(59*time.Minute)))
		require.Equal(t, 1, claims(noon.Add(time.Hour)))
		other, err := s.ClaimPeriodic(t.Context(), "another", noon, noon.Add(time.Hour))
		require.NoError(t, err)
		require.True(t, other)
	})
}
