package payments_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
)

func TestFinish_PaysAndSaysSoAgain(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	proof := s.proof(p)
	paid := s.finish(p, proof)
	s.requirePaid(paid)
	require.Equal(t, "https://rs.buyer.example/tenant/outgoing-payments/q1", paid.OutgoingPaymentID)
	require.Equal(t, 1, s.news)
	require.Zero(t, s.wallets.count("look"), "nobody has to look when nothing went wrong")

	again := s.finish(p, proof)
	require.Equal(t, paid.UpdatedAt, again.UpdatedAt)
	require.Equal(t, 1, s.wallets.count("continue"))
	s.requirePaid(again)
}

func TestFinish_AtOncePaysOnce(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	proof := s.proof(p)
	var twins sync.WaitGroup
	for range 8 {
		twins.Go(func() {
			got, err := s.Finish(t.Context(), p.ID, proof)
			if err != nil || got.State == payments.Failed {
				t.Errorf("a twin got %v %v", got.State, err)
			}
		})
	}
	s.passing(twins.Wait)
	require.Equal(t, 1, s.wallets.count("continue"))
	require.Equal(t, 1, s.wallets.count("pay"))
	s.requirePaid(s.payment(p.ID))
}

func TestFinish_WrongHashChangesNothing(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	proof := s.proof(p)
	for name, change := range map[string]func(*payments.FinishRequest){
		"other hash": func(r *payments.FinishRequest) {
			r.Hash = openpayments.FinishHash("guessed", "as-nonce", "ref-1", authServer)
		},
		"other ref": func(r *payments.FinishRequest) { r.InteractRef = "ref-2" },
		"nonsense":  func(r *payments.FinishRequest) { r.Hash = "xyz" },
		"truncated": func(r *payments.FinishRequest) { r.Hash = r.Hash[:20] },
		"of other server": func(r *payments.FinishRequest) {
			r.Hash = openpayments.FinishHash("x", "as-nonce", "ref-1", authServer+"/")
		},
	} {
		r := proof
		change(&r)
		_, err := s.Finish(t.Context(), p.ID, r)
		require.Equal(t, payments.CodeHashInvalid, payments.CodeOf(err), name)
		require.Equal(t, p, withoutSecrets(s.payment(p.ID), p), name)
	}
	s.requirePaid(s.finish(p, proof))
	_, err := s.Finish(t.Context(), p.ID, payments.FinishRequest{InteractRef: "ref-1", Hash: "xyz"})
	require.Equal(t, payments.CodeHashInvalid, payments.CodeOf(err), "not even a paid payment is told to whoever guesses")
}

// withoutSecrets: a start answers with what it knows; a read has the same.
func withoutSecrets(p, like payments.Payment) payments.Payment {
	p.Consent.ClientNonce, p.Consent.ContinueToken = like.Consent.ClientNonce, like.Consent.ContinueToken
	return p
}

func TestFinish_Unknown(t *testing.T) {
	t.Parallel()
	s := tell(t)
	_, err := s.Finish(t.Context(), "01JDDDDDDDDDDDDDDDDDDDDDDD", payments.FinishRequest{InteractRef: "r", Hash: "h"})
	require.Equal(t, payments.CodeNotFound, payments.CodeOf(err))
	for _, text := range []string{"", "test-123", "../../etc", "01jddddddddddddddddddddddd", "01JDDDDDDDDDDDDDDDDDDDDDD!"} {
		_, err := payments.ParsePaymentID(text)
		require.Equal(t, payments.CodeNotFound, payments.CodeOf(err), text)
	}
}

func TestFinish_RejectionFromThePayersSession(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	rejected := s.finish(p, payments.FinishRequest{Result: "grant_rejected", PayersSession: true})
	require.Equal(t, 1, s.wallets.count("cancel"), "it is made true before it is believed")
	s.requireFailed(rejected, payments.Rejected)
	s.requireFailed(s.finish(p, payments.FinishRequest{Result: "grant_rejected", PayersSession: true}), payments.Rejected)
	require.Equal(t, 1, s.wallets.count("cancel"))
	s.start() // and again
}

func TestFinish_AnInteractionThatIsUsedUpEndsThePayment(t *testing.T) {
	t.Parallel()
	for _, result := range []string{"grant_invalid", "invalid_interaction", "unknown_interaction"} {
		s := tell(t)
		p := s.start()
		s.requireFailed(s.finish(p, payments.FinishRequest{Result: result, PayersSession: true}), payments.Expired)
		require.NotEqual(t, p.ID, s.start().ID, "a new start leads to a page that works")
	}
}

func TestFinish_WithoutProofChangesNothing(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	for name, r := range map[string]payments.FinishRequest{
		"rejected, from elsewhere": {Result: "grant_rejected"},
		"invalid, from elsewhere":  {Result: "grant_invalid"},
		"unheard of":               {Result: "whatever", PayersSession: true},
		"nothing":                  {PayersSession: true},
		"only a hash":              {Hash: "h", PayersSession: true},
		"only a ref":               {InteractRef: "r", PayersSession: true},
		"proof and rejection":      {InteractRef: "ref-1", Hash: s.proof(p).Hash, Result: "grant_rejected"},
	} {
		_, err := s.Finish(t.Context(), p.ID, r)
		require.Equal(t, payments.CodeNotApproved, payments.CodeOf(err), name)
	}
	require.Zero(t, s.wallets.count("cancel"))
	s.requirePaid(s.finish(p, s.proof(p)))
}

func TestFinish_RejectionWhenTheWalletIsAway(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	away := refusal(openpayments.ErrUnreachable)
	s.wallets.before["cancel"] = []error{away, away, away, away}
	got := s.finish(p, payments.FinishRequest{Result: "grant_rejected", PayersSession: true})
	require.Equal(t, payments.AwaitingApproval, got.State, "not called rejected before it is true")
	// Meanwhile an approval comes after all: it is too late, and nothing is paid.
	_, err := s.Finish(t.Context(), p.ID, s.proof(p))
	require.Equal(t, payments.CodeWrongState, payments.CodeOf(err))
	s.requireFailed(s.work(p.ID, time.Minute), payments.Rejected)
	require.Empty(t, s.wallets.paid)
}

func TestFinish_WaitsOutTooFast(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.wait = 5 * time.Second
	p := s.start()
	began := s.clock.Now()
	s.requirePaid(s.finish(p, s.proof(p)))
	require.GreaterOrEqual(t, s.clock.Now().Sub(began), 5*time.Second)
	require.Equal(t, 1, s.wallets.count("continue"))

	// A wallet that finds it too fast all the same is asked again, not failed.
	s = tell(t)
	s.wallets.before["continue"] = []error{refusal(openpayments.ErrTooFast), refusal(openpayments.ErrTooFast)}
	p = s.start()
	s.requirePaid(s.finish(p, s.proof(p)))
}

func TestFinish_IsBoundedAndAWorkerGoesOn(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles = false
	p := s.start()
	began := s.clock.Now()
	p = s.finish(p, s.proof(p))
	require.Equal(t, payments.Sending, p.State)
	require.LessOrEqual(t, s.clock.Now().Sub(began), 10*time.Second)
	require.True(t, p.NextStepAt.After(s.clock.Now()), "a worker comes back to it")

	s.wallets.set(func() { s.wallets.received = amount(4000, "MXN") })
	p = s.work(p.ID, time.Hour)
	require.Equal(t, payments.Sending, p.State, "a part is not paid")
	require.Equal(t, "40.00 MXN", p.ReceivedAmount.String())

	s.wallets.set(func() { s.wallets.received = amount(10003, "MXN") })
	p = s.work(p.ID, time.Hour)
	s.requirePaid(p)
	require.Equal(t, "100.03 MXN", p.ReceivedAmount.String())
}

func TestFinish_AfterItExpired(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	proof := s.proof(p)
	s.requireFailed(s.work(p.ID, 11*time.Minute), payments.Expired)
	require.Equal(t, 1, s.wallets.count("cancel"))
	s.requireFailed(s.finish(p, proof), payments.Expired)
	require.Empty(t, s.wallets.paid)
}
