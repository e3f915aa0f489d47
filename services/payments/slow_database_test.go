package payments_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/store"
)

// tellSlowly is a story on a Postgres that ends a statement after a moment. lock keeps everybody from the payments, as a careless change of the schema does, until unlock.
func tellSlowly(t *testing.T) (s *story, lock, unlock func()) {
	t.Helper()
	address := databasetest.PostgresAddress(t)
	var unlocked func()
	held := clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	db, err := database.Open(t.Context(), address, database.Options{Clock: held, Limits: database.Limits{StatementTimeout: 200 * time.Millisecond}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	_, err = database.Migrate(t.Context(), db, store.Migrations())
	require.NoError(t, err)
	lock = sync.OnceFunc(func() { unlocked = databasetest.LockTable(t, address, "payments") })
	return tellOn(t, db, held), lock, func() { unlocked() }
}

func requireTooSlow(t *testing.T, err error) {
	t.Helper()
	var pg *pgconn.PgError
	require.ErrorAs(t, err, &pg)
	require.Equal(t, "57014", pg.Code, pg.Message)
}

// A statement that Postgres ended for taking too long is an outage of the database: whoever asks is told to come again, and the payment goes on
// from where it was.
func TestSlowDatabase_NothingHappens(t *testing.T) {
	t.Parallel()
	s, lock, unlock := tellSlowly(t)
	p := s.start()
	proof := s.proof(p)
	lock()
	s.passing(func() {
		_, err := s.Finish(t.Context(), p.ID, proof)
		requireTooSlow(t, err)
		_, err = s.Claim(t.Context(), 10)
		requireTooSlow(t, err)
		again := request()
		again.OfferID = "another"
		_, err = s.Start(t.Context(), again)
		requireTooSlow(t, err)
	})
	require.Empty(t, s.wallets.paid, "no wallet is asked for money before it is written down")
	unlock()
	s.requirePaid(s.finish(p, proof))
}

// The worst moment: the wallet has made the payment, and that cannot be written down. It is found when the database answers again, and not made twice.
func TestSlowDatabase_AfterTheMoneyHasMoved(t *testing.T) {
	t.Parallel()
	s, lock, unlock := tellSlowly(t)
	s.with(quiet, func(_ payments.Client, w *payments.Wallets) {
		w.OutgoingPayment = lockingOutgoing{w.OutgoingPayment.(outgoingCalls), lock}
	})
	p := s.start()
	proof := s.proof(p)
	s.passing(func() {
		told, err := s.Finish(t.Context(), p.ID, proof)
		require.NoError(t, err)
		require.False(t, told.State.Ended(), "the buyer is told that it is being confirmed")
	})
	require.Len(t, s.wallets.paid, 1)
	unlock()
	for tries := 0; !p.State.Ended(); tries++ {
		require.Less(t, tries, 10)
		p = s.work(p.ID, time.Minute)
	}
	s.requirePaid(p)
}

type lockingOutgoing struct {
	outgoingCalls
	lock func()
}

func (o lockingOutgoing) Create(ctx context.Context, p openpayments.OutgoingPaymentCreateParams) (openpayments.OutgoingPayment, error) {
	defer o.lock()
	return o.outgoingCalls.Create(ctx, p)
}
