package cmd

import (
	"encoding/json"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments"
	"tianguis.example/payments/money"
	"tianguis.example/payments/store"
)

// trail is a database with one payment and its events, written by this key; its owner has no triggers.
func trail(t *testing.T) (map[string]string, *database.DB) {
	t.Helper()
	all := good(t, nil)
	keys, err := store.ReadKeys(logging.Secret(all["TOKEN_ENCRYPTION_KEY"]))
	require.NoError(t, err)
	db := databasetest.Open(t, all["DATABASE_URL"], clock.NewHeld(at), store.Migrations())
	keep := store.New(db, keys)
	require.NoError(t, keep.PutSeller(t.Context(), payments.Seller{ID: "alice", WalletAddressURL: "https://wallet.example/alice", CreatedAt: at, UpdatedAt: at}, nil))
	amount, err := money.New(10_000, "MXN", 2)
	require.NoError(t, err)
	p := payments.Payment{ID: paidID, OfferID: "7", SellerID: "alice", State: payments.Created, Amount: amount, CreatedAt: at, UpdatedAt: at, Token: payments.Token{Value: planted}}
	for range 3 {
		before := p
		p.Version++
		audit := payments.AuditEvent{PaymentID: p.ID, At: at, Actor: payments.ByWorker, From: before.State, To: payments.Created}
		if before.Version == 0 {
			before, audit.From = payments.Payment{}, ""
		}
		require.NoError(t, keep.Record(t.Context(), payments.Change{Before: before, After: p, Audit: &audit}))
	}
	for _, trigger := range []string{"payment_events_update", "payment_events_delete"} {
		require.NoError(t, db.Read(t.Context()).Exec("DROP TRIGGER "+trigger).Error)
	}
	return all, db
}

func TestAuditVerify(t *testing.T) {
	t.Parallel()
	all, db := trail(t)
	out, err := run(t, all, "audit", "verify")
	require.NoError(t, err)
	require.Contains(t, out, "1 payments with 3 events, 0 checkpoints over 0 of the events\n")
	require.Contains(t, out, "nothing was changed")

	require.NoError(t, db.Read(t.Context()).Exec("UPDATE payment_events SET detail = 'x' WHERE number = 2").Error)
	require.NoError(t, db.Read(t.Context()).Exec("DELETE FROM payment_events WHERE number = 3").Error)
	out, err = run(t, all, "audit", "verify")
	require.ErrorContains(t, err, "2 findings")
	rows := fields(out)
	require.Equal(t, []string{"changed", string(paidID), "2", "2"}, rows[2][:4])
	require.Equal(t, []string{"missing", string(paidID), "3", "–"}, rows[3][:4])
	require.NotContains(t, out, "nothing was changed")

	out, err = run(t, all, "audit", "verify", "--json", "--anchor", "1:abc")
	require.Error(t, err)
	var report struct {
		Payments, Events, Checkpoints int
		Findings                      []struct {
			Problem, PendingID, Detail string
			Event, EventID             int
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report), out)
	require.Equal(t, 2, report.Events)
	require.Len(t, report.Findings, 3)
	require.Equal(t, "anchor", report.Findings[0].Problem)
	require.Equal(t, "changed", report.Findings[1].Problem)
	require.Equal(t, string(paidID), report.Findings[1].PendingID)

	for name, changes := range map[string]map[string]string{
		"no key":      {"TOKEN_ENCRYPTION_KEY": ""},
		"no database": {"DATABASE_URL": "sqlite:" + t.TempDir() + "/none.db"},
	} {
		with := maps.Clone(all)
		maps.Copy(with, changes)
		out, err = run(t, with, "audit", "verify")
		require.Error(t, err, name)
		require.Empty(t, out, name)
	}
}

func TestSecretReseal(t *testing.T) {
	t.Parallel()
	all, db := trail(t)
	older, newer := all["TOKEN_ENCRYPTION_KEY"], store.GenerateKey()
	verify := func(keys string) error {
		with := maps.Clone(all)
		with["TOKEN_ENCRYPTION_KEY"] = keys
		_, err := run(t, with, "audit", "verify")
		return err
	}
	require.Error(t, verify(newer))
	all["TOKEN_ENCRYPTION_KEY"] = newer + " " + older
	out, err := run(t, all, "secret", "reseal")
	require.NoError(t, err)
	require.Contains(t, out, "1 payments and webhook secrets are now encrypted")
	require.Contains(t, out, "audit checkpoint 1:")
	require.Contains(t, out, "no other key is needed any more")
	require.NoError(t, verify(newer))
	for _, secret := range []string{planted, older, newer} {
		require.NotContains(t, out, secret)
	}

	all["TOKEN_ENCRYPTION_KEY"] = newer
	out, err = run(t, all, "secret", "reseal", "--json")
	require.NoError(t, err)
	var done struct {
		Key, Checkpoint string
		Resealed, Left  int
		Failed          []string
	}
	require.NoError(t, json.Unmarshal([]byte(out), &done), out)
	require.Zero(t, done.Resealed)
	require.Empty(t, done.Checkpoint)
	require.NotEmpty(t, done.Key)
	require.NotNil(t, done.Failed)

	require.NoError(t, db.Read(t.Context()).Exec("UPDATE payments SET access_token_sealed = 'v1:AAAA'").Error)
	out, err = run(t, all, "secret", "reseal")
	require.ErrorContains(t, err, "1 of them still need an older key")
	require.Contains(t, out, string(paidID))
	require.NotContains(t, out, "no other key")
}

// A running service pins the trail by itself, and says so.
func TestServe_PinsTheAuditTrail(t *testing.T) {
	t.Parallel()
	all, db := trail(t)
	keys, err := store.ReadKeys(logging.Secret(all["TOKEN_ENCRYPTION_KEY"]))
	require.NoError(t, err)
	held, said := clock.NewHeld(at), &lines{}
	p := &program{store: crashes{}.store(store.New(db, keys)), clock: held, log: slog.New(slog.NewTextHandler(said, nil))}
	go p.pinAudit(t.Context())
	require.Eventually(t, func() bool {
		held.AdvanceToNext()
		return strings.Contains(said.String(), "audit trail pinned")
	}, 20*time.Second, time.Millisecond)
	report, err := store.New(db, keys).VerifyAudit(t.Context(), "")
	require.NoError(t, err)
	require.Empty(t, report.Findings)
	require.EqualValues(t, 3, report.Covered)
	require.Contains(t, said.String(), report.Anchor)
}
