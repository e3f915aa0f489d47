package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/store"
)

func TestAPIKeys_MadeUsedRevoked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		one, two := apiKey("01JAAAAAAAAAAAAAAAAAAAAAK1"), apiKey("01JAAAAAAAAAAAAAAAAAAAAAK2")
		require.NoError(t, s.AddAPIKey(t.Context(), one, operator.Action{At: noon, Kind: operator.AddAPIKey, Subject: one.ID}))
		require.NoError(t, s.AddAPIKey(t.Context(), two, operator.Action{At: noon, Kind: operator.AddAPIKey, Subject: two.ID}))
		require.Error(t, s.AddAPIKey(t.Context(), apikey.Key{ID: "01JAAAAAAAAAAAAAAAAAAAAAK3", Scope: apikey.Admin, Hash: one.Hash, CreatedAt: noon}, done), "two of one secret")
		is := func(want ...apikey.Key) {
			t.Helper()
			all, err := s.APIKeys(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, all)
		}
		is(one, two)

		require.NoError(t, s.UseAPIKeys(t.Context(), map[string]time.Time{one.ID: noon.Add(time.Hour)}))
		require.NoError(t, s.UseAPIKeys(t.Context(), map[string]time.Time{one.ID: noon, "01JAAAAAAAAAAAAAAAAAAAAAK9": noon}), "another replica is slower")
		one.LastUsedAt = noon.Add(time.Hour)
		is(one, two)

		revoke := func(at, until time.Time) {
			t.Helper()
			require.NoError(t, s.RevokeAPIKey(t.Context(), one.ID, until, operator.Action{At: at, Kind: operator.RevokeAPIKey, Subject: one.ID}))
		}
		for _, until := range []time.Duration{48 * time.Hour, 24 * time.Hour, 72 * time.Hour} { // as long as it is to come, it can be moved
			revoke(noon, noon.Add(until))
			one.RevokedAt = noon.Add(until)
			is(one, two)
		}
		revoke(noon.Add(73*time.Hour), noon.Add(500*time.Hour))
		is(one, two) // it opens nothing any more, and will not again
		require.ErrorIs(t, s.RevokeAPIKey(t.Context(), "01JAAAAAAAAAAAAAAAAAAAAAK9", noon, done), store.ErrUnknownAPIKey)

		kept, err := s.Actions(t.Context(), operator.Filter{Subject: one.ID}, 10)
		require.NoError(t, err)
		require.Len(t, kept, 5, "one made, four times revoked")
		require.Equal(t, operator.AddAPIKey, kept[4].Kind)
	})
}

// TestAPIKeys_WhoWritesTheDatabaseMakesNone: a row that is written, or changed, by hand opens nothing.
func TestAPIKeys_WhoWritesTheDatabaseMakesNone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, db *database.DB) {
		honest, changed := apiKey("01JAAAAAAAAAAAAAAAAAAAAAK1"), apiKey("01JAAAAAAAAAAAAAAAAAAAAAK2")
		require.NoError(t, s.AddAPIKey(t.Context(), honest, done))
		require.NoError(t, s.AddAPIKey(t.Context(), changed, done))
		for _, statement := range []string{
			"UPDATE api_keys SET scope = 'admin'", "UPDATE api_keys SET name = 'somebody else'", "UPDATE api_keys SET fingerprint = '00000000'",
			"UPDATE api_keys SET hash = '" + apikey.HashOf("mine").String() + "'", "UPDATE api_keys SET created_at = '2020-01-01 00:00:00'",
			"UPDATE api_keys SET seal = (SELECT o.seal FROM api_keys o WHERE o.id = '" + honest.ID + "')",
		} {
			before := databasetest.One[string](t, db, "SELECT seal FROM api_keys WHERE id = '"+changed.ID+"'")
			databasetest.Exec(t, db, statement+" WHERE id = '"+changed.ID+"'")
			all, err := s.APIKeys(t.Context())
			require.ErrorIs(t, err, store.ErrForgedAPIKey, statement)
			require.ErrorContains(t, err, changed.ID)
			require.Equal(t, []apikey.Key{honest}, all, statement)
			databasetest.Exec(t, db, "UPDATE api_keys SET name = ?, scope = ?, fingerprint = ?, hash = ?, created_at = ?, seal = ? WHERE id = ?",
				changed.Name, string(changed.Scope), changed.Fingerprint, changed.Hash.String(), changed.CreatedAt, before, changed.ID)
			all, err = s.APIKeys(t.Context())
			require.NoError(t, err, statement)
			require.Len(t, all, 2)
		}
		databasetest.Exec(t, db, "UPDATE api_keys SET revoked_at = ? WHERE id = ?", noon, changed.ID)
		require.NoError(t, s.RevokeAPIKey(t.Context(), changed.ID, noon, done))
		all, err := s.APIKeys(t.Context())
		require.ErrorIs(t, err, store.ErrForgedAPIKey, "to revoke what was written by hand does not make it ours")
		require.Equal(t, []apikey.Key{honest}, all)
	})
}

func TestAPIKeys_ResealedWithTheNextEncryptionKey(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *store.Store, db *database.DB) {
		older, newer := store.GenerateKey(), store.GenerateKey()
		made, forged := apiKey("01JAAAAAAAAAAAAAAAAAAAAAK1"), apiKey("01JAAAAAAAAAAAAAAAAAAAAAK2")
		before := store.New(db, readKeys(t, older))
		require.NoError(t, before.AddAPIKey(t.Context(), made, done))
		require.NoError(t, before.AddAPIKey(t.Context(), forged, done))
		databasetest.Exec(t, db, "UPDATE api_keys SET scope = 'admin' WHERE id = ?", forged.ID)

		report, err := store.New(db, readKeys(t, newer, older)).Reseal(t.Context())
		require.NoError(t, err)
		require.Len(t, report.Failed, 1, "%+v", report)
		require.Contains(t, report.Failed[0], forged.ID)
		require.Zero(t, report.Left, "that one needs no key")
		all, err := store.New(db, readKeys(t, newer)).APIKeys(t.Context())
		require.ErrorContains(t, err, forged.ID)
		require.Equal(t, []apikey.Key{made}, all)
		_, err = before.APIKeys(t.Context())
		require.ErrorContains(t, err, made.ID)
	})
}

func TestAPIKeys_NotWithoutEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		for i := range 100 {
			require.NoError(t, s.AddAPIKey(t.Context(), apiKey(fmt.Sprintf("01JAAAAAAAAAAAAAAAAAAAA%03d", i)), done))
		}
		require.ErrorIs(t, s.AddAPIKey(t.Context(), apiKey("01JAAAAAAAAAAAAAAAAAAAAAK1"), done), store.ErrTooManyAPIKeys)
		require.NoError(t, s.RevokeAPIKey(t.Context(), "01JAAAAAAAAAAAAAAAAAAAA007", noon, done))
		require.NoError(t, s.AddAPIKey(t.Context(), apiKey("01JAAAAAAAAAAAAAAAAAAAAAK1"), done))
	})
}

// TestPutSeller_TellsWhoChangedOne, and nothing of what changed nothing.
func TestPutSeller_TellsWhoChangedOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *store.Store, _ *database.DB) {
		known, err := s.Sellers(t.Context())
		require.NoError(t, err)
		seller := known[0]
		put := func(detail string) {
			t.Helper()
			require.NoError(t, s.PutSeller(t.Context(), seller, &operator.Action{At: noon, Kind: operator.PutSeller, Subject: seller.ID, Detail: detail}))
		}
		put("the same again")
		seller.WalletAddressURL, seller.UpdatedAt = "https://other.example/wendy", noon.Add(time.Hour)
		put("another address")
		seller.UpdatedAt = noon.Add(2 * time.Hour)
		put("and the same again")
		told, err := s.Actions(t.Context(), operator.Filter{Subject: seller.ID, Since: noon}, 10)
		require.NoError(t, err)
		require.Len(t, told, 1)
		require.Equal(t, "another address", told[0].Detail)
		got, err := s.Seller(t.Context(), seller.ID)
		require.NoError(t, err)
		require.Equal(t, noon.Add(time.Hour), got.UpdatedAt)
	})
}
