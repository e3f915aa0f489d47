package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
	"tianguis.example/payments"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

// kept are the columns that hold what a key has made.
func kept(t *testing.T, db *database.DB) []string {
	t.Helper()
	var all []string
	for _, column := range []string{"client_nonce_sealed", "continue_token_sealed", "interact_ref_sealed", "access_token_sealed", "audit_head"} {
		var values []string
		require.NoError(t, db.Read(t.Context()).Table("payments").Order("id").Pluck(column, &values).Error)
		all = append(all, values...)
	}
	return all
}

// The whole rotation, as docs/operations.md has it.
func TestReseal_TheOlderKeyCanBeRemoved(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *store.Store, db *database.DB) {
		older, newer := store.GenerateKey(), store.GenerateKey()
		before := store.New(db, readKeys(t, older))
		one := live(t, before, first, "1")
		live(t, before, second, "2")
		checkpoint(t, before)

		// Each replica opens what the others write, whichever comes first in its configuration.
		added := store.New(db, readKeys(t, older, newer))
		both := store.New(db, readKeys(t, newer, older))
		next := onward(one, payments.Authorized)
		require.NoError(t, both.Record(t.Context(), next))
		for _, s := range []*store.Store{added, both} {
			got, err := s.Payment(t.Context(), one.ID)
			require.NoError(t, err)
			require.Equal(t, next.After, got)
			requireWhole(t, s, 2, 9)
		}

		alone := store.New(db, readKeys(t, newer))
		_, err := alone.Payment(t.Context(), second)
		require.ErrorContains(t, err, "TOKEN_ENCRYPTION_KEY")
		require.NotEmpty(t, verify(t, alone).Findings, "too early: it says so")
		for _, f := range verify(t, alone).Findings {
			require.Equal(t, payments.KeyUnknown, f.Problem, f.Detail)
		}

		done, err := both.Reseal(t.Context())
		require.NoError(t, err)
		id := done.Key
		require.Equal(t, store.Resealed{Key: id, Resealed: 1, Failed: []string{}}, done, "the other one was written by the newer key already")
		require.NotContains(t, newer, id)
		for _, value := range kept(t, db) {
			require.Contains(t, value, id+":")
		}
		again, err := both.Reseal(t.Context())
		require.NoError(t, err)
		require.Equal(t, store.Resealed{Key: id, Failed: []string{}}, again)
		require.NotZero(t, checkpoint(t, both), "the newer key vouches for what the older one signed")

		got, err := alone.Payment(t.Context(), second)
		require.NoError(t, err)
		require.Equal(t, "planted-access", got.Token.Value.Reveal())
		requireWhole(t, alone, 2, 9)
		require.NoError(t, alone.Record(t.Context(), onward(got, payments.Authorized)))
		requireWhole(t, alone, 2, 10)

		// And what the older key signed still cannot be changed.
		asOwner(t, db, "UPDATE payment_events SET detail = 'x' WHERE payment_id = '"+second+"' AND number = 2")
		report := verify(t, alone)
		require.NotEmpty(t, report.Findings)
		require.Equal(t, payments.CheckpointDiffers, report.Findings[0].Problem)
		problems := map[payments.AuditProblem]int{}
		for _, f := range report.Findings {
			problems[f.Problem]++
		}
		require.Equal(t, map[payments.AuditProblem]int{payments.CheckpointDiffers: 1, payments.KeyUnknown: 9}, problems, "nothing vouches any more for the 8 events that the older key signed, and for its checkpoint")
	})
}

// Also what holds no secret any more, and what has no new event, is signed by the newer key.
func TestReseal_SignsWhatIsOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *store.Store, db *database.DB) {
		older, newer := store.GenerateKey(), store.GenerateKey()
		before := store.New(db, readKeys(t, older))
		c := newborn(t, first, "1")
		c.After.Consent, c.After.Token = payments.Consent{}, payments.Token{}
		require.NoError(t, before.Record(t.Context(), c))
		checkpoint(t, before)
		both := store.New(db, readKeys(t, newer, older))
		done, err := both.Reseal(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, done.Resealed)
		require.EqualValues(t, 2, checkpoint(t, both).Number)
		require.Zero(t, checkpoint(t, both))
		requireWhole(t, store.New(db, readKeys(t, newer)), 1, 1)
	})
}

// Webhook secrets, and kept answers that hold one, go with the payments; an answer without a secret is not sealed.
func TestReseal_WebhookSecretsAndTheAnswersThatHoldOne(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *store.Store, db *database.DB) {
		older, newer := store.GenerateKey(), store.GenerateKey()
		before := store.New(db, readKeys(t, older))
		secret, err := webhook.ParseSecret(webhook.GenerateSecret())
		require.NoError(t, err)
		endpoint := outbox.Endpoint{ID: first, URL: "https://shop.example/", CreatedAt: noon, UpdatedAt: noon}
		require.NoError(t, before.AddEndpoint(t.Context(), endpoint, outbox.Secret{EndpointID: first, Secret: secret, CreatedAt: noon}, 2, done))
		answers := map[string]payments.Idempotent{}
		for key, holds := range map[string]bool{"with": true, "without": false} {
			r := payments.Idempotent{
				Scope: "POST /webhooks/endpoints", Key: key, Request: "r", Status: 201, Answer: []byte(`{"secret":"` + key + `"}`), Secret: holds, BusyUntil: noon.Add(time.Minute), CreatedAt: noon,
			}
			_, mine, err := before.BeginIdempotent(t.Context(), r)
			require.NoError(t, err)
			require.True(t, mine)
			require.NoError(t, before.EndIdempotent(t.Context(), r))
			answers[key] = r
		}

		both := store.New(db, readKeys(t, newer, older))
		done, err := both.Reseal(t.Context())
		require.NoError(t, err)
		require.Equal(t, store.Resealed{Key: done.Key, Resealed: 3, Failed: []string{}}, done, "the secret, the answer, and the head of what operators did")
		require.Empty(t, verify(t, store.New(db, readKeys(t, newer))).Findings)
		alone := store.New(db, readKeys(t, newer))
		secrets, err := alone.EndpointSecrets(t.Context(), first)
		require.NoError(t, err)
		require.Len(t, secrets, 1)
		require.Equal(t, secret.Text(), secrets[0].Secret.Text())
		for key, r := range answers {
			known, mine, err := alone.BeginIdempotent(t.Context(), r)
			require.NoError(t, err)
			require.False(t, mine)
			require.Equal(t, string(r.Answer), string(known.Answer), key)
		}

		lost := store.New(db, readKeys(t, store.GenerateKey()))
		done, err = lost.Reseal(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 2, done.Left, "what cannot be opened is told of, and stays as it is")
		require.Len(t, done.Failed, 3)
		_, err = alone.EndpointSecrets(t.Context(), first)
		require.NoError(t, err)
	})
}

// A head that does not verify is not signed again, and a value that does not open is told of; the others are done.
func TestReseal_LeavesWhatIsWrong(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *store.Store, db *database.DB) {
		older, newer := store.GenerateKey(), store.GenerateKey()
		before := store.New(db, readKeys(t, older))
		live(t, before, first, "1")
		live(t, before, second, "2")
		live(t, before, third, "3")
		asOwner(t, db, "DELETE FROM payment_events WHERE payment_id = '"+first+"' AND number = 4",
			"UPDATE payments SET audit_events = 3 WHERE id = '"+first+"'",
			"UPDATE payments SET access_token_sealed = continue_token_sealed WHERE id = '"+second+"'")
		both := store.New(db, readKeys(t, newer, older))
		done, err := both.Reseal(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, 1, done.Resealed)
		require.EqualValues(t, 2, done.Left)
		require.Len(t, done.Failed, 2)
		require.Contains(t, done.Failed[0], first)
		require.Contains(t, done.Failed[0], "audit verify")
		require.Contains(t, done.Failed[1], second)
		require.Contains(t, done.Failed[1], "access_token")
		for _, failed := range done.Failed {
			require.NotContains(t, failed, "planted")
		}
		require.NotEmpty(t, verify(t, both).Findings)
	})
}

// Payments go on while they are resealed, and nothing is lost.
func TestReseal_WhilePaymentsGoOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *store.Store, db *database.DB) {
		older, newer := store.GenerateKey(), store.GenerateKey()
		both := store.New(db, readKeys(t, newer, older))
		ids := []string{first, second, third}
		var busy sync.WaitGroup
		for i, id := range ids {
			p := live(t, store.New(db, readKeys(t, older)), id, id)
			busy.Go(func() {
				for n := range 30 {
					c := onward(p, payments.Authorized)
					c.After.Token.ExpiresAt = noon.Add(time.Duration(i*100+n) * time.Second)
					if err := both.Record(t.Context(), c); err != nil {
						t.Errorf("record: %v", err)
						return
					}
					p = c.After
				}
			})
		}
		var resealed int64
		for range 10 {
			done, err := both.Reseal(t.Context())
			require.NoError(t, err)
			require.Empty(t, done.Failed)
			resealed += done.Resealed
		}
		busy.Wait()
		require.LessOrEqual(t, resealed, int64(len(ids)), "each once at most")
		done, err := both.Reseal(t.Context())
		require.NoError(t, err)
		require.Zero(t, done.Left)
		alone := store.New(db, readKeys(t, newer))
		for i, id := range ids {
			p, err := alone.Payment(t.Context(), payments.PaymentID(id))
			require.NoError(t, err)
			require.Equal(t, "planted-continue", p.Consent.ContinueToken.Reveal())
			require.Equal(t, noon.Add(time.Duration(i*100+29)*time.Second), p.Token.ExpiresAt, "no change was undone")
		}
		requireWhole(t, both, 3, 3*34)
	})
}
