package payments_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
)

func TestCompare_EveryKind(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	const full, part, none, more = 10000, 4000, 0, 10003
	for name, c := range map[string]struct {
		state    payments.State
		age      time.Duration // in its state
		received int64         // at the seller's wallet; below zero for gone
		booked   int64
		err      error
		kinds    []payments.FindingKind
		severity payments.Severity // of the first
	}{
		"nothing yet":                          {state: payments.AwaitingApproval, age: time.Minute},
		"paid":                                 {state: payments.Paid, age: time.Hour, received: full, booked: full},
		"failed, and nothing came":             {state: payments.Failed, age: time.Hour, received: none},
		"failed, expired and deleted":          {state: payments.Failed, age: time.Hour, received: -1},
		"being confirmed this moment":          {state: payments.Sending, age: 10 * time.Second, received: full},
		"part of it, this moment":              {state: payments.Sending, age: 10 * time.Second, received: part},
		"arrived, and nobody marked it":        {payments.Sending, 2 * time.Minute, full, 0, nil, kinds(payments.FoundPaidButUnmarked), payments.SeverityWarning},
		"arrived long ago":                     {payments.Sending, 6 * time.Minute, full, 0, nil, kinds(payments.FoundPaidButUnmarked), payments.SeverityError},
		"arrived before the approval":          {payments.AwaitingApproval, 2 * time.Minute, full, 0, nil, kinds(payments.FoundPaidButUnmarked), payments.SeverityWarning},
		"failed and full":                      {payments.Failed, time.Second, full, 0, nil, kinds(payments.FoundPaidButUnmarked), payments.SeverityWarning},
		"failed and more than full":            {payments.Failed, time.Hour, more, 0, nil, kinds(payments.FoundPaidButUnmarked, payments.FoundOverpaid), payments.SeverityError},
		"failed with a part":                   {payments.Failed, time.Second, part, part, nil, kinds(payments.FoundPartial), payments.SeverityWarning},
		"a part for minutes":                   {payments.Sending, 2 * time.Minute, part, 0, nil, kinds(payments.FoundPartial), payments.SeverityWarning},
		"paid, and the wallet says nothing":    {payments.Paid, time.Second, none, full, nil, kinds(payments.FoundMarkedButUnpaid), payments.SeverityError},
		"paid, and the wallet says less":       {payments.Paid, time.Second, 9999, full, nil, kinds(payments.FoundMarkedButUnpaid), payments.SeverityError},
		"late, and the wallet says less":       {payments.PaidLate, time.Second, 9999, full, nil, kinds(payments.FoundMarkedButUnpaid, payments.FoundLate), payments.SeverityError},
		"paid, and the wallet knows it not":    {payments.Paid, time.Second, -1, full, nil, kinds(payments.FoundUnknownAtWallet), payments.SeverityError},
		"failed with a part that is gone":      {payments.Failed, time.Second, -1, part, nil, kinds(payments.FoundUnknownAtWallet), payments.SeverityError},
		"pending, gone before its time":        {payments.AwaitingApproval, time.Minute, -1, 0, nil, kinds(payments.FoundUnknownAtWallet), payments.SeverityWarning},
		"late":                                 {payments.PaidLate, time.Second, full, full, nil, kinds(payments.FoundLate), payments.SeverityNotice},
		"more than asked":                      {payments.Paid, time.Second, more, full, nil, kinds(payments.FoundOverpaid), payments.SeverityNotice},
		"the wallet is away":                   {payments.Paid, time.Second, 0, full, errors.New("away"), kinds(payments.FoundUnreachable), payments.SeverityWarning},
		"the wallet is away, late":             {payments.PaidLate, time.Second, 0, full, errors.New("away"), kinds(payments.FoundUnreachable, payments.FoundLate), payments.SeverityWarning},
		"sending for an hour":                  {payments.Sending, time.Hour, none, 0, nil, kinds(payments.FoundStuck), payments.SeverityError},
		"approved for an hour":                 {payments.Approved, time.Hour, none, 0, nil, kinds(payments.FoundStuck), payments.SeverityError},
		"stuck, and the wallet away":           {payments.Sending, time.Hour, none, 0, errors.New("away"), kinds(payments.FoundUnreachable, payments.FoundStuck), payments.SeverityWarning},
		"sending for an hour, and it has come": {payments.Sending, time.Hour, full, 0, nil, kinds(payments.FoundPaidButUnmarked, payments.FoundStuck), payments.SeverityError},
	} {
		p := payments.Payment{
			ID: "01", OfferID: "42", SellerID: "wendy", State: c.state, Since: now.Add(-c.age), CreatedAt: now.Add(-c.age), UpdatedAt: now.Add(-c.age),
			NextStepAt: now, Amount: amount(full, "MXN"), IncomingPaymentID: "https://rs.seller.example/incoming-payments/1",
		}
		if c.booked > 0 {
			p.ReceivedAmount = amount(c.booked, "MXN")
		}
		seen := payments.Sight{Err: c.err, Gone: c.received < 0}
		if c.err == nil && !seen.Gone {
			seen.Received = amount(c.received, "MXN")
		}
		found := p.Compare(seen, now)
		var got []payments.FindingKind
		for _, f := range found {
			got = append(got, f.Kind)
			require.Contains(t, payments.FindingKinds, f.Kind)
			require.NotEmpty(t, f.Message, name)
			require.Equal(t, p.Since, f.Since)
			require.Equal(t, seen.Received, f.Received)
			require.Equal(t, []any{p.ID, p.OfferID, p.SellerID, p.State, p.Amount}, []any{f.PaymentID, f.OfferID, f.SellerID, f.State, f.Amount})
			if c.err != nil {
				require.Equal(t, "away", f.Detail)
			}
			if c.received > full {
				require.Equal(t, amount(c.received-full, "MXN"), f.Overpaid)
			}
		}
		require.Equal(t, c.kinds, got, name)
		if len(found) > 0 {
			require.Equal(t, c.severity, found[0].Severity, name)
		}
	}
}

func kinds(k ...payments.FindingKind) []payments.FindingKind { return k }

func TestCompare_StuckAndSinceWhen(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		p     payments.Payment
		stuck bool
	}{
		"a start under way":            {payments.Payment{State: payments.Created, Since: now.Add(-time.Second), NextStepAt: now}, false},
		"a start that nobody ended":    {payments.Payment{State: payments.Created, Since: now.Add(-11 * time.Minute), NextStepAt: now}, true},
		"a consent of a day":           {payments.Payment{State: payments.AwaitingApproval, Since: now.Add(-23 * time.Hour), Consent: payments.Consent{ExpiresAt: now.Add(time.Hour)}, NextStepAt: now.Add(time.Hour)}, false},
		"a consent that ended":         {payments.Payment{State: payments.AwaitingApproval, Since: now.Add(-2 * time.Hour), Consent: payments.Consent{ExpiresAt: now.Add(-time.Hour)}, NextStepAt: now}, true},
		"nobody comes for it":          {payments.Payment{State: payments.Sending, Since: now.Add(-time.Minute), NextStepAt: now.Add(-11 * time.Minute)}, true},
		"nobody is to come for it":     {payments.Payment{State: payments.Sending, Since: now.Add(-time.Minute), UpdatedAt: now.Add(-time.Second)}, true},
		"put off for a while":          {payments.Payment{State: payments.Sending, Since: now.Add(-time.Minute), NextStepAt: now.Add(5 * time.Minute)}, false},
		"ended, and not looked at any": {payments.Payment{State: payments.Failed, Since: now.Add(-1000 * time.Hour)}, false},
	} {
		found := c.p.Compare(payments.Sight{}, now)
		require.Equal(t, c.stuck, len(found) == 1, name)
		if c.stuck {
			require.Equal(t, payments.FoundStuck, found[0].Kind, name)
			require.Equal(t, c.p.Since, found[0].Since, name)
		}
	}
}

// reconcile compares everything, and gives the kinds by payment.
func (s *story) reconcile(r payments.ReconcileRequest) (payments.Report, map[payments.PaymentID][]payments.FindingKind) {
	s.Helper()
	report, err := s.Reconcile(s.Context(), r)
	require.NoError(s, err)
	by := map[payments.PaymentID][]payments.FindingKind{}
	for _, f := range report.Findings {
		by[f.PaymentID] = append(by[f.PaymentID], f.Kind)
	}
	return report, by
}

func TestReconcile_NudgesWhatIsPaidAndUnmarked(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.expired()
	s.clock.Advance(30 * time.Hour)
	for p = s.work(p.ID, 0); !p.NextStepAt.IsZero(); p = s.work(p.ID, 0) {
		s.clock.Advance(p.NextStepAt.Sub(s.clock.Now()))
	}
	report, found := s.reconcile(payments.ReconcileRequest{})
	require.Equal(t, 1, report.Compared)
	require.Empty(t, found, "nobody looks at it any more, and there is nothing to see")

	s.receive(10000)
	_, found = s.reconcile(payments.ReconcileRequest{})
	require.Equal(t, kinds(payments.FoundPaidButUnmarked), found[p.ID])
	require.Equal(t, p, s.payment(p.ID), "nothing is changed unless it is asked for")

	report, _ = s.reconcile(payments.ReconcileRequest{Nudge: true})
	require.True(t, report.Findings[0].Nudged)
	require.Equal(t, payments.Failed, s.payment(p.ID).State, "a worker decides, not the comparison")
	p = s.work(p.ID, 0)
	require.Equal(t, payments.PaidLate, p.State)
	s.requireTrail(p)
	_, found = s.reconcile(payments.ReconcileRequest{Nudge: true})
	require.Equal(t, kinds(payments.FoundLate), found[p.ID])
}

func TestReconcile_ChangesNothingOfAPaymentThatIsMarkedAndUnpaid(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	p = s.finish(p, s.proof(p))
	s.receive(9999)
	before := s.payment(p.ID)
	_, found := s.reconcile(payments.ReconcileRequest{Nudge: true})
	require.Equal(t, kinds(payments.FoundMarkedButUnpaid), found[p.ID])
	require.Equal(t, before, s.payment(p.ID))
}

func TestReconcile_NoNudgeWhileAnAnswerCouldBeLost(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.approved()
	s.clock.Advance(2 * time.Minute)
	s.receive(10000) // somebody else paid it
	before := s.payment(p.ID)
	report, found := s.reconcile(payments.ReconcileRequest{Nudge: true})
	require.Equal(t, kinds(payments.FoundPaidButUnmarked), found[p.ID])
	require.False(t, report.Findings[0].Nudged)
	require.Equal(t, before, s.payment(p.ID))
}

func TestReconcile_SaysWhatTheBuyersWalletSays(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles = false
	p := s.start()
	s.finish(p, s.proof(p))
	s.clock.Advance(2 * time.Minute)
	s.receive(4000)
	report, _ := s.reconcile(payments.ReconcileRequest{})
	require.Equal(t, payments.FoundPartial, report.Findings[0].Kind)
	require.Contains(t, report.Findings[0].Detail, "sent")
	s.wallets.set(func() { s.wallets.failed = "Quote expired" })
	report, _ = s.reconcile(payments.ReconcileRequest{})
	require.Contains(t, report.Findings[0].Detail, "Quote expired")

	rotations := s.wallets.count("rotate")
	s.clock.Advance(10 * time.Minute)
	report, _ = s.reconcile(payments.ReconcileRequest{})
	require.Empty(t, report.Findings[0].Detail, "the token is dead, and not the comparison's to rotate")
	require.Equal(t, rotations, s.wallets.count("rotate"))
}

// A worker moves the payment while the wallet is asked: what was believed before does not belong to what the wallet says after.
func TestReconcile_APaymentThatMovesMeanwhileIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles = false
	p := s.start()
	p = s.finish(p, s.proof(p))
	s.clock.Advance(2 * time.Minute)
	s.receive(10000)
	worker := s.Service
	hook := &interrupted{incomingCalls: incomingCalls{s.wallets}, after: func() {
		s.Service = worker
		s.requirePaid(s.work(p.ID, time.Hour))
	}}
	s.Service = payments.New(s.store, func(c payments.Client) (payments.Wallets, error) {
		w, err := s.wallets.of(c)
		w.IncomingPayment = hook
		return w, err
	}, s.clock, slog.New(slog.DiscardHandler), payments.Settings{}, nil)
	_, found := s.reconcile(payments.ReconcileRequest{Nudge: true})
	require.Empty(t, found)
	require.Equal(t, payments.Paid, s.payment(p.ID).State)
}

// interrupted is a seller's wallet during whose first answer something else happens.
type interrupted struct {
	incomingCalls
	once  sync.Once
	after func()
}

func (i *interrupted) GetPublic(ctx context.Context, p openpayments.IncomingPaymentGetPublicParams) (openpayments.PublicIncomingPayment, error) {
	answer, err := i.incomingCalls.GetPublic(ctx, p)
	i.once.Do(i.after)
	return answer, err
}

func TestReconcile_AWalletThatIsDownIsSaidAndNotAskedForEver(t *testing.T) {
	t.Parallel()
	s := tell(t)
	away := refusal(openpayments.ErrTimeout)
	const many = 250 // more than two batches
	for i := range many {
		r := request()
		r.OfferID = fmt.Sprint(i)
		_, err := s.Start(t.Context(), r)
		require.NoError(t, err)
	}
	s.wallets.set(func() {
		for range many {
			s.wallets.before["received"] = append(s.wallets.before["received"], away)
		}
	})
	report, found := s.reconcile(payments.ReconcileRequest{})
	require.Equal(t, many, report.Compared)
	require.Len(t, found, many, "not hidden")
	for _, f := range report.Findings {
		require.Equal(t, payments.FoundUnreachable, f.Kind)
		require.NotEmpty(t, f.Detail)
	}
	require.LessOrEqual(t, s.wallets.count("received"), 3+8, "those that were under way when it was given up")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Reconcile(ctx, payments.ReconcileRequest{})
	require.ErrorIs(t, err, context.Canceled)
}

func TestReconcile_OnlyWhatChangedLately(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()
	s.finish(p, s.proof(p))
	s.receive(1)
	s.clock.Advance(72 * time.Hour)
	report, _ := s.reconcile(payments.ReconcileRequest{ChangedSince: s.clock.Now().Add(-48 * time.Hour)})
	require.Zero(t, report.Compared)
	report, _ = s.reconcile(payments.ReconcileRequest{ChangedSince: s.clock.Now().Add(-96 * time.Hour)})
	require.Len(t, report.Findings, 1)
	pending := request()
	pending.OfferID = "43"
	_, err := s.Start(t.Context(), pending)
	require.NoError(t, err)
	s.clock.Advance(96 * time.Hour)
	report, _ = s.reconcile(payments.ReconcileRequest{ChangedSince: s.clock.Now().Add(-time.Hour)})
	require.Equal(t, 1, report.Compared, "pending ones always")
}
