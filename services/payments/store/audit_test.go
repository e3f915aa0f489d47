package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/payments"
	"tianguis.example/payments/store"
)

// newborn is a payment's first change.
func newborn(t *testing.T, id, offer string) payments.Change {
	t.Helper()
	p := whole(t, id, offer)
	p.State, p.Ending, p.Reason, p.Message = payments.Created, "", "", ""
	return payments.Change{After: p, Audit: &payments.AuditEvent{
		PaymentID: p.ID, At: noon, Actor: payments.ByMarketplace, To: payments.Created, Detail: "100.00 MXN",
	}}
}

// onward is a change that amends, or moves.
func onward(p payments.Payment, to payments.State) payments.Change {
	after := p
	after.Version++
	after.State = to
	after.UpdatedAt = p.UpdatedAt.Add(time.Second)
	return payments.Change{Before: p, After: after, Audit: &payments.AuditEvent{
		PaymentID: p.ID, At: after.UpdatedAt, Actor: payments.ByWorker, From: p.State, To: to, Detail: "una razón, with ünicode \x00\n and controls",
	}}
}

// live records a payment with four events, and returns it.
func live(t *testing.T, s *store.Store, id, offer string) payments.Payment {
	t.Helper()
	c := newborn(t, id, offer)
	require.NoError(t, s.Record(t.Context(), c))
	for _, to := range []payments.State{payments.AwaitingApproval, payments.AwaitingApproval, payments.Approved} {
		c = onward(c.After, to)
		require.NoError(t, s.Record(t.Context(), c))
	}
	return c.After
}

func verify(t *testing.T, s *store.Store) payments.AuditReport {
	t.Helper()
	report, err := s.VerifyAudit(t.Context(), "")
	require.NoError(t, err)
	return report
}

func requireWhole(t *testing.T, s *store.Store, payments, events int) payments.AuditReport {
	t.Helper()
	report := verify(t, s)
	require.Empty(t, report.Findings)
	require.EqualValues(t, payments, report.Payments)
	require.EqualValues(t, events, report.Events)
	return report
}

// checkpoint waits until the transactions of other tests are done, some of which fill a database.
func checkpoint(t *testing.T, s *store.Store) payments.Checkpoint {
	t.Helper()
	f, err := s.AuditFrontier(t.Context())
	require.NoError(t, err)
	var made payments.Checkpoint
	require.Eventually(t, func() bool {
		made, err = s.WriteCheckpoint(t.Context(), f, noon)
		return !errors.Is(err, store.ErrUnsettled)
	}, 5*time.Minute, 5*time.Millisecond)
	require.NoError(t, err)
	return made
}

// asOwner lets the test do what somebody can who owns the tables: the triggers are gone.
func asOwner(t *testing.T, db *database.DB, statements ...string) {
	t.Helper()
	off := []string{"ALTER TABLE payment_events DISABLE TRIGGER USER", "ALTER TABLE audit_checkpoints DISABLE TRIGGER USER"}
	if db.Dialect() == database.SQLite {
		off = nil
		for _, name := range []string{"payment_events_update", "payment_events_delete", "audit_checkpoints_update", "audit_checkpoints_delete"} {
			off = append(off, "DROP TRIGGER IF EXISTS "+name)
		}
	}
	for _, statement := range append(off, statements...) {
		databasetest.Exec(t, db, statement)
	}
}

func TestAudit_IsAppendOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		p := live(t, s, first, "1")
		unsaid := p
		unsaid.Version++
		require.NoError(t, s.Record(t.Context(), payments.Change{Before: p, After: unsaid}), "a change that has no event leaves the chain as it is")
		require.EqualValues(t, 1, checkpoint(t, s).Number)
		for _, statement := range []string{
			"UPDATE payment_events SET detail = 'x'", "DELETE FROM payment_events WHERE number = 4",
			"UPDATE audit_checkpoints SET events = 1", "DELETE FROM audit_checkpoints", "DELETE FROM payments",
		} {
			require.Error(t, db.Read(t.Context()).Exec(statement).Error, statement)
		}
		require.ErrorContains(t, db.Read(t.Context()).Exec("DELETE FROM payment_events").Error, "append-only")
		requireWhole(t, s, 1, 4)
		trail, err := s.AuditTrail(t.Context(), p.ID)
		require.NoError(t, err)
		for i, e := range trail {
			require.EqualValues(t, i+1, e.Number)
		}
	})
}

func TestVerifyAudit_FindsWhatWasDone(t *testing.T) {
	t.Parallel()
	const (
		insert = `INSERT INTO payment_events (payment_id, at, actor, from_state, to_state, reason, detail, number, key_id, hash)
			SELECT payment_id, at, actor, from_state, to_state, reason, 'forged', %s, key_id, hash FROM payment_events WHERE payment_id = '` + first + `' AND number = 4`
		of = " WHERE payment_id = '" + first + "' AND number = "
	)
	type found struct {
		problem payments.AuditProblem
		event   int64
	}
	for name, attack := range map[string]struct {
		statements []string
		finds      []found
	}{
		"detail":    {[]string{"UPDATE payment_events SET detail = 'x'" + of + "2"}, []found{{payments.EventChanged, 2}}},
		"reason":    {[]string{"UPDATE payment_events SET reason = 'x'" + of + "2"}, []found{{payments.EventChanged, 2}}},
		"actor":     {[]string{"UPDATE payment_events SET actor = 'buyer'" + of + "2"}, []found{{payments.EventChanged, 2}}},
		"from":      {[]string{"UPDATE payment_events SET from_state = 'x'" + of + "2"}, []found{{payments.EventChanged, 2}}},
		"the first": {[]string{"UPDATE payment_events SET from_state = 'x'" + of + "1"}, []found{{payments.EventMissing, 1}, {payments.EventChanged, 1}}},
		"to":        {[]string{"UPDATE payment_events SET to_state = 'x'" + of + "4"}, []found{{payments.EventChanged, 4}, {payments.StateDiffers, 4}}},
		"at":        {[]string{"UPDATE payment_events SET at = '2026-11-23 12:00:01.5+00:00'" + of + "3"}, []found{{payments.EventChanged, 3}}},
		"text moved from a field to its neighbour": {
			[]string{"UPDATE payment_events SET actor = 'work', from_state = 'er' || from_state" + of + "2"}, []found{{payments.EventChanged, 2}},
		},
		"hash":                    {[]string{"UPDATE payment_events SET hash = 'x'" + of + "2"}, []found{{payments.EventChanged, 2}, {payments.EventChanged, 3}}},
		"key":                     {[]string{"UPDATE payment_events SET key_id = 'x'" + of + "2"}, []found{{payments.KeyUnknown, 2}}},
		"number":                  {[]string{"UPDATE payment_events SET number = 9" + of + "4"}, []found{{payments.EventMissing, 4}, {payments.HeadDiffers, 9}}},
		"no number":               {[]string{"UPDATE payment_events SET number = 0" + of + "2"}, []found{{payments.EventChanged, 0}, {payments.EventMissing, 2}}},
		"first gone":              {[]string{"DELETE FROM payment_events" + of + "1"}, []found{{payments.EventMissing, 2}, {payments.EventMissing, 1}}},
		"one gone":                {[]string{"DELETE FROM payment_events" + of + "2"}, []found{{payments.EventMissing, 2}}},
		"two gone":                {[]string{"DELETE FROM payment_events" + of + "2", "DELETE FROM payment_events" + of + "3"}, []found{{payments.EventMissing, 2}}},
		"last gone":               {[]string{"DELETE FROM payment_events" + of + "4"}, []found{{payments.EventMissing, 4}, {payments.StateDiffers, 3}}},
		"all gone":                {[]string{"DELETE FROM payment_events WHERE payment_id = '" + first + "'"}, []found{{payments.EventMissing, 0}}},
		"last gone, head mended":  {[]string{"DELETE FROM payment_events" + of + "4", "UPDATE payments SET audit_events = 3, state = 'awaiting_approval' WHERE id = '" + first + "'"}, []found{{payments.HeadDiffers, 3}}},
		"all gone, head as new":   {[]string{"DELETE FROM payment_events WHERE payment_id = '" + first + "'", "UPDATE payments SET audit_events = 0, audit_head = '' WHERE id = '" + first + "'"}, []found{{payments.EventMissing, 0}}},
		"head of another payment": {[]string{"UPDATE payments SET audit_head = (SELECT audit_head FROM payments WHERE id = '" + second + "') WHERE id = '" + first + "'"}, []found{{payments.HeadDiffers, 4}}},
		"head as before":          {[]string{"UPDATE payments SET audit_events = 0, audit_head = '' WHERE id = '" + first + "'"}, []found{{payments.HeadDiffers, 4}}},
		"one more":                {[]string{fmt.Sprintf(insert, "5")}, []found{{payments.EventChanged, 5}, {payments.HeadDiffers, 5}}},
		"state":                   {[]string{"UPDATE payments SET state = 'paid' WHERE id = '" + first + "'"}, []found{{payments.StateDiffers, 4}}},
		"two exchanged": {
			[]string{"UPDATE payment_events SET number = 99" + of + "2", "UPDATE payment_events SET number = 2" + of + "3", "UPDATE payment_events SET number = 3" + of + "99"},
			[]found{{payments.EventMissing, 2}, {payments.EventExtra, 2}, {payments.EventChanged, 4}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s *store.Store, db *database.DB) {
				live(t, s, first, "1")
				live(t, s, second, "2")
				requireWhole(t, s, 2, 8)
				asOwner(t, db, attack.statements...)
				report := verify(t, s)
				var finds []found
				for _, f := range report.Findings {
					require.Equal(t, first, f.PendingID, "the other payment is as it was")
					finds = append(finds, found{f.Problem, f.Event})
				}
				require.Equal(t, attack.finds, finds, "%+v", report.Findings)
			})
		})
	}
}

// What was done to the chain is not healed by the next event.
func TestVerifyAudit_FindsItAlsoWhenThePaymentHasGoneOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		p := live(t, s, first, "1")
		asOwner(t, db, "DELETE FROM payment_events WHERE number = 4", "UPDATE payments SET audit_events = 3")
		next := onward(p, payments.Authorized)
		require.NoError(t, s.Record(t.Context(), next), "payments go on")
		require.NoError(t, s.Record(t.Context(), onward(next.After, payments.Sending)))
		report := verify(t, s)
		require.Len(t, report.Findings, 1)
		require.Equal(t, payments.EventChanged, report.Findings[0].Problem)
		require.EqualValues(t, 4, report.Findings[0].Event)
		require.Contains(t, report.Findings[0].Detail, "when it was written")
	})
}

func TestVerifyAudit_CheckpointsFindWhatIsGoneAsAWhole(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		require.Zero(t, checkpoint(t, s), "nothing to pin")
		live(t, s, first, "1")
		early := checkpoint(t, s)
		require.EqualValues(t, 1, early.Number)
		require.EqualValues(t, 4, early.Events)
		require.Zero(t, checkpoint(t, s), "nothing new to pin")
		live(t, s, second, "2")
		require.EqualValues(t, 4, checkpoint(t, s).Events)
		report := requireWhole(t, s, 2, 8)
		require.EqualValues(t, 2, report.Checkpoints)
		require.EqualValues(t, 8, report.Covered)

		for _, anchor := range []string{report.Anchor, early.Anchor(), " " + early.Anchor() + "\n"} {
			anchored, err := s.VerifyAudit(t.Context(), anchor)
			require.NoError(t, err)
			require.Empty(t, anchored.Findings)
		}

		asOwner(t, db, "DELETE FROM payment_events WHERE payment_id = '"+second+"'", "DELETE FROM payments WHERE id = '"+second+"'")
		gone := verify(t, s)
		require.Len(t, gone.Findings, 1)
		require.Equal(t, payments.CheckpointDiffers, gone.Findings[0].Problem)
		require.Contains(t, gone.Findings[0].Detail, "made over 4 events")

		// The checkpoint cannot be mended, and taking it away is seen by whoever kept its anchor.
		asOwner(t, db, "UPDATE audit_checkpoints SET events = 0, digest = (SELECT digest FROM audit_checkpoints WHERE number = 1) WHERE number = 2")
		require.Contains(t, verify(t, s).Findings[0].Detail, "checkpoint 2 is not what was written")
		asOwner(t, db, "DELETE FROM audit_checkpoints WHERE number = 2")
		requireWhole(t, s, 1, 4)
		anchored, err := s.VerifyAudit(t.Context(), report.Anchor)
		require.NoError(t, err)
		require.Len(t, anchored.Findings, 1)
		require.Equal(t, payments.AnchorDiffers, anchored.Findings[0].Problem)
	})
}

// A payment and its head, set back to what they once were, agree with each other; the checkpoint does not.
func TestVerifyAudit_CheckpointsFindWhatWasSetBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		c := newborn(t, first, "1")
		require.NoError(t, s.Record(t.Context(), c))
		var head string
		require.NoError(t, db.Read(t.Context()).Raw("SELECT audit_head FROM payments").Scan(&head).Error)
		require.NoError(t, s.Record(t.Context(), onward(c.After, payments.AwaitingApproval)))
		checkpoint(t, s)
		live(t, s, second, "2")
		checkpoint(t, s)
		requireWhole(t, s, 2, 6)
		asOwner(t, db, "DELETE FROM payment_events WHERE number = 2 AND payment_id = '"+first+"'",
			"UPDATE payments SET state = 'created', audit_events = 1, audit_head = '"+head+"' WHERE id = '"+first+"'")
		report := verify(t, s)
		require.Len(t, report.Findings, 1, "the interval where it was, and no other")
		require.Contains(t, report.Findings[0].Detail, "checkpoint 1 was made over 2 events")
		asOwner(t, db, "DELETE FROM audit_checkpoints WHERE number = 1")
		require.Contains(t, verify(t, s).Findings[0].Detail, "checkpoints are missing")
	})
}

// A database that was there before the chain: its events are told of once, and pinned by the first checkpoint.
func TestVerifyAudit_EventsFromBeforeTheChain(t *testing.T) {
	t.Parallel()
	const unchained = `INSERT INTO payment_events (payment_id, at, actor, from_state, to_state) VALUES ('` + first + `', '2026-11-23 12:00:00+00:00', 'worker', '%s', '%s')`
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		p := whole(t, first, "1")
		require.NoError(t, s.Record(t.Context(), payments.Change{After: p}))
		for _, statement := range []string{fmt.Sprintf(unchained, "", "created"), fmt.Sprintf(unchained, "created", "awaiting_approval")} {
			databasetest.Exec(t, db, statement)
		}
		require.EqualValues(t, 2, requireWhole(t, s, 1, 2).Unchained)

		// It goes on with the chain, and an older version that is still running goes on without it.
		c := onward(p, payments.Approved)
		require.NoError(t, s.Record(t.Context(), c))
		databasetest.Exec(t, db, fmt.Sprintf(unchained, "approved", "approved"))
		require.NoError(t, s.Record(t.Context(), onward(c.After, payments.Authorized)))
		require.EqualValues(t, 3, requireWhole(t, s, 1, 5).Unchained)
		checkpoint(t, s)
		require.EqualValues(t, 3, requireWhole(t, s, 1, 5).Unchained)

		// From here on, nothing comes in without a hash, and nothing from before is changed.
		databasetest.Exec(t, db, fmt.Sprintf(unchained, "authorized", "authorized"))
		report := verify(t, s)
		require.Len(t, report.Findings, 1)
		require.Equal(t, payments.EventExtra, report.Findings[0].Problem)
		asOwner(t, db, "DELETE FROM payment_events WHERE id = (SELECT MAX(id) FROM payment_events)")
		requireWhole(t, s, 1, 5)
		asOwner(t, db, "UPDATE payment_events SET actor = 'buyer' WHERE id = (SELECT MIN(id) FROM payment_events)")
		report = verify(t, s)
		require.Len(t, report.Findings, 1)
		require.Equal(t, payments.CheckpointDiffers, report.Findings[0].Problem)
	})
}

// Transactions that began before the frontier may still bring an event with a smaller id.
func TestWriteCheckpoint_WaitsForTransactionsThatRun(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		if db.Dialect() == database.SQLite {
			require.NotZero(t, func() payments.Checkpoint { live(t, s, first, "1"); return checkpoint(t, s) }(), "it has one writer at a time, and never waits")
			return
		}
		live(t, s, first, "1")
		began, end := make(chan struct{}), make(chan struct{})
		var slow sync.WaitGroup
		slow.Go(func() {
			_ = db.Transact(t.Context(), func(tx *gorm.DB) error {
				_ = tx.Exec("SET LOCAL session_replication_role = replica") // it is not undone at first: the event keeps its id
				err := tx.Exec(`INSERT INTO payment_events (payment_id, at, actor, from_state, to_state) VALUES ('` + first + `', now(), 'x', 'x', 'approved')`).Error
				close(began)
				<-end
				return err
			})
		})
		<-began
		c := newborn(t, second, "2")
		require.NoError(t, s.Record(t.Context(), c))
		f, err := s.AuditFrontier(t.Context())
		require.NoError(t, err)
		_, err = s.WriteCheckpoint(t.Context(), f, noon)
		require.ErrorIs(t, err, store.ErrUnsettled)
		close(end)
		slow.Wait()
		require.Eventually(t, func() bool {
			made, err := s.WriteCheckpoint(t.Context(), f, noon)
			return err == nil && made.Events == 6
		}, 20*time.Second, 5*time.Millisecond)
		require.Empty(t, verify(t, s).Findings)
	})
}

// The transaction that runs may be a younger one than the last that has ended: its event comes before the last one all the same.
func TestWriteCheckpoint_WaitsForYoungerTransactions(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, databasetest.PostgresAddress(t), clock.System(), store.Migrations())
	s := store.New(db, readKeys(t, store.GenerateKey()))
	require.NoError(t, s.PutSeller(t.Context(), payments.Seller{ID: "wendy", WalletAddressURL: "https://seller.example/wendy", CreatedAt: noon, UpdatedAt: noon}, nil))
	live(t, s, first, "1")
	before := databasetest.One[int64](t, db, "SELECT COUNT(*) FROM payment_events")
	insert := func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO payment_events (payment_id, at, actor, from_state, to_state) VALUES ('` + first + `', now(), 'x', 'x', 'approved')`).Error
	}
	begun := func() *gorm.DB { // and has its number
		tx := db.Read(t.Context()).Begin()
		require.NoError(t, tx.Exec("SELECT pg_current_xact_id()").Error)
		return tx
	}
	older := begun()
	younger := begun()
	require.NoError(t, insert(younger))
	require.NoError(t, insert(older))
	require.NoError(t, older.Commit().Error)
	f, err := s.AuditFrontier(t.Context())
	require.NoError(t, err)
	_, err = s.WriteCheckpoint(t.Context(), f, noon)
	require.ErrorIs(t, err, store.ErrUnsettled)
	require.NoError(t, younger.Commit().Error)
	require.Eventually(t, func() bool {
		made, err := s.WriteCheckpoint(t.Context(), f, noon)
		return err == nil && made.Events == before+2
	}, 20*time.Second, 5*time.Millisecond)
}

// Several processes that write checkpoints at once make each of them once.
func TestWriteCheckpoint_OneOfMany(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		live(t, s, first, "1")
		made := make(chan payments.Checkpoint, 4)
		var all sync.WaitGroup
		for range cap(made) {
			all.Go(func() { made <- checkpoint(t, s) })
		}
		all.Wait()
		close(made)
		n := 0
		for c := range made {
			if c.Number != 0 {
				n++
			}
		}
		require.Equal(t, 1, n)
		require.EqualValues(t, 1, requireWhole(t, s, 1, 4).Checkpoints)
	})
}

// More payments than a batch has; and events of payments that are not there.
func TestVerifyAudit_ManyPayments(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		const n = 401
		id := func(i int) string { return fmt.Sprintf("01JDDDDDDDDDDDDDDDDDDDD%03d", i) }
		for i := range n {
			require.NoError(t, s.Record(t.Context(), newborn(t, id(i), id(i))))
		}
		requireWhole(t, s, n, n)
		orphans := []int{0, 199, 200, 300, 400}
		if db.Dialect() == database.Postgres {
			asOwner(t, db, "ALTER TABLE payment_events DROP CONSTRAINT payment_events_payment_id_fkey")
		}
		// One connection, since a pragma of SQLite's is that of a connection.
		for _, i := range orphans {
			require.NoError(t, db.Write(t.Context(), func(tx *gorm.DB) error {
				return tx.Connection(func(one *gorm.DB) error {
					if db.Dialect() == database.SQLite {
						require.NoError(t, one.Exec("PRAGMA foreign_keys = OFF").Error)
						defer func() { _ = one.Exec("PRAGMA foreign_keys = ON").Error }()
					}
					return one.Exec("DELETE FROM payments WHERE id = ?", id(i)).Error
				})
			}))
		}
		report := verify(t, s)
		require.Len(t, report.Findings, len(orphans))
		for i, f := range report.Findings {
			require.Equal(t, payments.PaymentWithoutRow, f.Problem)
			require.Equal(t, id(orphans[i]), f.PendingID)
		}
	})
}

func TestVerifyAudit_WhilePaymentsGoOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		const writers, each = 2, 40
		var busy sync.WaitGroup
		for w := range writers {
			busy.Go(func() {
				for i := range each {
					id := fmt.Sprintf("01JDDDDDDDDDDDDDDDDDDD%d%03d", w, i)
					c := newborn(t, id, id)
					for _, to := range []payments.State{payments.AwaitingApproval, payments.Approved, ""} {
						if err := s.Record(t.Context(), c); err != nil {
							t.Errorf("record: %v", err)
							return
						}
						c = onward(c.After, to)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { busy.Wait(); close(done) }()
		for going := true; going; {
			select {
			case <-done:
				going = false
			default:
			}
			checkpoint(t, s)
			require.Empty(t, verify(t, s).Findings)
		}
		report := requireWhole(t, s, writers*each, 3*writers*each)
		require.Equal(t, report.Events, report.Covered)
	})
}

// A trail that is all wrong is told of within bounds.
func TestVerifyAudit_FindingsAreBounded(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		c := newborn(t, first, "1")
		require.NoError(t, s.Record(t.Context(), c))
		for range 1100 {
			c = onward(c.After, payments.Created)
			require.NoError(t, s.Record(t.Context(), c))
		}
		asOwner(t, db, "UPDATE payment_events SET detail = 'x'")
		live(t, s, second, "2")
		asOwner(t, db, "UPDATE payment_events SET detail = 'x'")
		report := verify(t, s)
		require.Len(t, report.Findings, 1000)
		require.Positive(t, report.More)
		require.Equal(t, 1000, strings.Count(fmt.Sprint(report.Findings), "changed"))
	})
}
