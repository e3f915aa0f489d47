package marketplace

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/money"
)

const (
	ours  = "01JDD0000000000000000000AA"
	proof = "https://wallet.example/outgoing-payments/1"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func budget(t *testing.T) money.Amount { t.Helper(); return amount(t, "100.00", "MXN", 2) }

// TestHear_EveryStateAndNews: what each news does to a job in each state, paid before or not.
func TestHear_EveryStateAndNews(t *testing.T) {
	t.Parallel()
	for _, state := range States {
		for _, completed := range []bool{false, true} {
			for _, attempt := range []AttemptState{AttemptStarting, AttemptAwaiting, AttemptConfirming, AttemptPaid, AttemptFailed, AttemptReplaced} {
				for _, paid := range []bool{false, true} {
					job := Job{ID: 7, State: state, Budget: budget(t), ContractCompleted: completed, Version: 3, UpdatedAt: now.Add(-time.Hour)}
					if completed {
						job.PaymentID = "https://wallet.example/outgoing-payments/before"
					}
					change, err := job.hear(
						News{Source: SourceWebhook, WebhookID: "w1", JobID: 7, PendingID: ours, Paid: paid, OutgoingPaymentID: proof, Reason: "expired", Message: "m"},
						&Attempt{ID: "a", JobID: 7, PendingID: ours, State: attempt}, now)
					require.NoError(t, err)
					require.Equal(t, job, change.Before)
					checkHeard(t, job, attempt, paid, change)
				}
			}
		}
	}
}

func checkHeard(t *testing.T, job Job, attempt AttemptState, paid bool, change Change) {
	t.Helper()
	name := []any{"%s completed=%t attempt %s paid=%t", job.State, job.ContractCompleted, attempt, paid}
	told := paid && attempt == AttemptPaid || !paid && !attempt.Open()
	if told {
		require.Equal(t, job, change.After, name...)
		require.Empty(t, change.Entries, name...)
		require.Nil(t, change.Attempt, name...)
		return
	}
	if !paid {
		require.Equal(t, AttemptFailed, change.Attempt.State, name...)
		require.Equal(t, "expired", change.Attempt.Reason)
		require.Equal(t, job.State, change.After.State, name...)
		require.Equal(t, job.PaymentID, change.After.PaymentID, name...)
		require.Equal(t, job.ContractCompleted, change.After.ContractCompleted, name...)
		if job.ContractCompleted {
			require.Empty(t, change.Entries, name...)
		} else {
			require.Equal(t, EventPaymentFailed, change.Entries[0].Event, name...)
		}
		return
	}
	require.Equal(t, AttemptPaid, change.Attempt.State, name...)
	require.Equal(t, proof, change.Attempt.OutgoingPaymentID)
	require.Empty(t, change.Attempt.Reason)
	require.True(t, change.After.ContractCompleted, name...)
	require.Len(t, change.Entries, 1)
	switch {
	case job.ContractCompleted:
		require.Equal(t, EventPaidAgain, change.Entries[0].Event, name...)
		require.Equal(t, job.PaymentID, change.After.PaymentID, "the first payment stays the job's")
		require.Equal(t, job.State, change.After.State, name...)
	case job.State == Reviewing:
		require.Equal(t, string(Pay), change.Entries[0].Event)
		require.Equal(t, Complete, change.After.State)
		require.Equal(t, proof, change.After.PaymentID)
	default:
		require.Equal(t, EventPaidOutOfTurn, change.Entries[0].Event, name...)
		require.Equal(t, job.State, change.After.State, name...)
		require.Equal(t, proof, change.After.PaymentID)
	}
}

func TestHear_PaymentsThatAreNotOurs(t *testing.T) {
	t.Parallel()
	job := Job{ID: 7, State: Reviewing, Budget: budget(t)}
	news := News{JobID: 7, PendingID: ours, Paid: true, OutgoingPaymentID: proof}
	for source, refused := range map[Source]bool{SourceWebhook: true, SourceFinish: true, SourceUnsigned: false, SourceAsked: false} {
		news.Source = source
		change, err := job.hear(news, nil, now)
		if refused {
			require.Equal(t, CodeForeignPayment, CodeOf(err), source)
			continue
		}
		require.NoError(t, err, source)
		require.Equal(t, Complete, change.After.State)
		require.Equal(t, ours, change.Attempt.PendingID, "kept, so that it counts once")
	}
	news.Paid, news.Source = false, SourceWebhook
	change, err := job.hear(news, nil, now)
	require.NoError(t, err, "a start that was given up before its id was told")
	require.Equal(t, job, change.After)
	require.Empty(t, change.Entries)
	require.Nil(t, change.Attempt)
	news.Paid = true
	for source := range map[Source]bool{SourceWebhook: true, SourceUnsigned: true, SourceAsked: true} {
		news.Source = source
		_, err := job.hear(news, &Attempt{JobID: 8, PendingID: ours, State: AttemptAwaiting}, now)
		require.Equal(t, CodeForeignPayment, CodeOf(err), "the payment of another job")
	}
}

func TestHear_BadInput(t *testing.T) {
	t.Parallel()
	job := Job{ID: 7, State: Reviewing, Budget: budget(t)}
	attempt := &Attempt{JobID: 7, PendingID: ours, State: AttemptAwaiting}
	long := make([]byte, maxPaymentID+1)
	for i := range long {
		long[i] = 'a'
	}
	for _, id := range []string{" ", "https://w.example/a b", "a\nb", string(long)} {
		_, err := job.hear(News{Source: SourceWebhook, JobID: 7, PendingID: ours, Paid: true, OutgoingPaymentID: id}, attempt, now)
		require.Equal(t, CodeInvalidInput, CodeOf(err), "%q", id)
	}
	_, err := job.hear(News{Source: SourceUnsigned, JobID: 7}, nil, now)
	require.Equal(t, CodeInvalidInput, CodeOf(err))
}

func TestCheckPayable(t *testing.T) {
	t.Parallel()
	funder := User{ID: 1, Role: Funder}
	worker := User{ID: 2, Role: Worker, WalletAddressURL: "https://w.example/beto"}
	job := Job{ID: 7, State: Reviewing, Funder: 1, Worker: 2}
	require.NoError(t, checkPayable(funder, job, worker))
	require.NoError(t, checkPayable(User{ID: 1, Role: Both}, job, worker))
	require.Equal(t, CodeForbidden, CodeOf(checkPayable(User{ID: 1, Role: Worker}, job, worker)))
	require.Equal(t, CodeForbidden, CodeOf(checkPayable(worker, job, worker)), "a worker does not pay himself")
	require.Equal(t, CodeNotFound, CodeOf(checkPayable(User{ID: 3, Role: Funder}, job, worker)), "a stranger does not learn that it exists")
	require.Equal(t, CodeWorkerUnpayable, CodeOf(checkPayable(funder, job, User{ID: 2})))
	for _, state := range States {
		other := job
		other.State = state
		err := checkPayable(funder, other, worker)
		require.Equal(t, state == Reviewing, err == nil, state)
		other.ContractCompleted = true
		require.Equal(t, CodeAlreadyPaid, CodeOf(checkPayable(funder, other, worker)))
	}
}

func TestIsPendingID(t *testing.T) {
	t.Parallel()
	require.True(t, IsPendingID(ours))
	require.True(t, IsPendingID(newID(now)))
	for _, text := range []string{"", "test-123", ours + "A", ours[1:], "01jdd0000000000000000000aa", "01JDD0000000000000000000A/", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ"} {
		require.False(t, IsPendingID(text), text)
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	at := func(text, code string, scale uint8) money.Amount { return amount(t, text, code, scale) }
	budget := at("19.99", "MXN", 2)
	require.True(t, covers(at("19.99", "MXN", 2), budget))
	require.True(t, covers(at("19.99", "MXN", 9), budget))
	require.True(t, covers(at("20.00", "MXN", 2), budget), "a wallet may round up")
	require.False(t, covers(at("19.98", "MXN", 2), budget))
	require.False(t, covers(at("19.989999999", "MXN", 9), budget))
	require.False(t, covers(at("19.99", "USD", 2), budget))
	require.False(t, covers(at("20", "MXN", 0), budget), "a wallet that counts no cents cannot be asked for 19.99")
	require.True(t, covers(at("100", "MXN", 0), at("100.00", "MXN", 2)))
	require.False(t, covers(at("1", "MXN", 0), at("100.00", "MXN", 2)))
}

// TestHear_AnyOrderOfAPaymentsEvents: every sequence of a payment's events, which may come again and late, makes the same
// of the job. The events are those of a payment that failed (sequence 3), was paid late (5), and brought more (8, 9).
func TestHear_AnyOrderOfAPaymentsEvents(t *testing.T) {
	t.Parallel()
	events := []News{
		{Reason: "outcome_unknown", Message: "m"},
		{Paid: true, OutgoingPaymentID: proof},
		{Paid: true, OutgoingPaymentID: proof, Overpaid: amount(t, "0.30", "MXN", 2)},
		{Paid: true, OutgoingPaymentID: proof, Overpaid: amount(t, "100.30", "MXN", 2)},
	}
	const length = 6 // each event, and any two of them again
	for _, state := range []State{Reviewing, Canceled} {
		before := Job{ID: 7, State: state, Budget: budget(t)}
		want := before
		want.ContractCompleted, want.PaymentID = true, proof
		if state == Reviewing {
			want.State = Complete
		}
		tried := 0
		for n := range len(events) * len(events) * len(events) * len(events) * len(events) * len(events) {
			var order []int
			for range length {
				order = append(order, n%len(events))
				n /= len(events)
			}
			if !containsAll(order, len(events)) {
				continue
			}
			tried++
			job, attempt := before, Attempt{ID: "a", JobID: 7, PendingID: ours, State: AttemptAwaiting, Debit: amount(t, "5.61", "USD", 2)}
			var history []Entry
			for _, i := range order {
				news := events[i]
				news.Source, news.JobID, news.PendingID = SourceWebhook, 7, ours
				change, err := job.hear(news, &attempt, now)
				require.NoError(t, err)
				job = change.After
				history = append(history, change.Entries...)
				if change.Attempt != nil {
					attempt = *change.Attempt
				}
			}
			job.UpdatedAt = want.UpdatedAt
			require.Equal(t, want, job, order)
			require.Equal(t, AttemptPaid, attempt.State, order)
			require.Equal(t, proof, attempt.OutgoingPaymentID, order)
			require.Empty(t, attempt.Reason, order)
			require.Equal(t, "100.30 MXN", attempt.Overpaid.String(), order)
			checkToldOnce(t, history, order)
		}
		require.Equal(t, 1560, tried, "the sequences of six in which each of four comes")
	}
}

func containsAll(order []int, n int) bool {
	for i := range n {
		if !slices.Contains(order, i) {
			return false
		}
	}
	return true
}

// checkToldOnce: a failure before the end is history, one after it is not; each sum that was overpaid is told when it grows.
func checkToldOnce(t *testing.T, history []Entry, order []int) {
	t.Helper()
	count := map[string]int{}
	for _, e := range history {
		count[e.Event]++
	}
	require.Equal(t, 1, count[string(Pay)]+count[EventPaidOutOfTurn], order)
	require.Equal(t, 1, count[EventOverpaid], order)
	require.LessOrEqual(t, count[EventRoundedUp], 1, order)
	require.LessOrEqual(t, count[EventPaymentFailed], 1, order)
	require.Equal(t, order[0] == 0, count[EventPaymentFailed] == 1, order)
	require.Zero(t, count[EventPaidAgain], order)
}

func TestHear_Overpaid(t *testing.T) {
	t.Parallel()
	usd := amount(t, "5.61", "USD", 2)
	for name, c := range map[string]struct {
		over, debit money.Amount
		want        string
	}{
		"nothing":                        {money.Amount{}, usd, ""},
		"zero":                           {amountOf(t, 0, "MXN", 2), usd, ""},
		"what a cent buys":               {amount(t, "0.17", "MXN", 2), usd, EventRoundedUp},
		"what two buy":                   {amount(t, "0.35", "MXN", 2), usd, EventRoundedUp},
		"more":                           {amount(t, "0.36", "MXN", 2), usd, EventOverpaid},
		"all of it again":                {amount(t, "100.00", "MXN", 2), usd, EventOverpaid},
		"at the wallet's own scale":      {amount(t, "0.170000000", "MXN", 9), usd, EventRoundedUp},
		"more, at that scale":            {amount(t, "0.400000000", "MXN", 9), usd, EventOverpaid},
		"a unit of the same asset":       {amount(t, "0.01", "MXN", 2), amount(t, "100.50", "MXN", 2), EventRoundedUp},
		"some units of the same asset":   {amount(t, "0.05", "MXN", 2), amount(t, "100.50", "MXN", 2), EventOverpaid},
		"with a debit that nobody knows": {amount(t, "0.01", "MXN", 2), money.Amount{}, EventOverpaid},
		"of another asset":               {amount(t, "0.01", "USD", 2), usd, EventOverpaid},
		"more than can be doubled":       {amountOf(t, math.MaxInt64, "MXN", 2), amountOf(t, 1, "USD", 2), EventOverpaid},
	} {
		job := Job{ID: 7, State: Reviewing, Budget: budget(t)}
		change, err := job.hear(News{Source: SourceAsked, JobID: 7, PendingID: ours, Paid: true, OutgoingPaymentID: proof, Overpaid: c.over},
			&Attempt{JobID: 7, PendingID: ours, State: AttemptConfirming, Debit: c.debit}, now)
		require.NoError(t, err)
		if c.want == "" {
			require.Len(t, change.Entries, 1, name)
			require.False(t, change.Attempt.Overpaid.IsSet(), name)
			continue
		}
		require.Len(t, change.Entries, 2, name)
		require.Equal(t, Entry{At: now, Event: c.want, From: Complete, To: Complete, Detail: c.over.String()}, change.Entries[1], name)
		require.Equal(t, c.over, change.Attempt.Overpaid, name)
	}
}

func amount(t *testing.T, text, code string, scale uint8) money.Amount {
	t.Helper()
	a, err := money.ParseDecimal(text, code, scale)
	require.NoError(t, err)
	return a
}

func amountOf(t *testing.T, value int64, code string, scale uint8) money.Amount {
	t.Helper()
	a, err := money.New(value, code, scale)
	require.NoError(t, err)
	return a
}

// Nobody can name the outgoing payment of somebody else's money: the job is paid all the same, by the payment that it came for.
func TestHear_PaidWithoutAnOutgoingPayment(t *testing.T) {
	t.Parallel()
	job := Job{ID: 7, State: Reviewing, Budget: budget(t)}
	failed := &Attempt{ID: "a", JobID: 7, PendingID: ours, State: AttemptFailed}
	for _, source := range []Source{SourceWebhook, SourceFinish, SourceAsked} {
		change, err := job.hear(News{Source: source, JobID: 7, PendingID: ours, Paid: true}, failed, now)
		require.NoError(t, err)
		require.Equal(t, Complete, change.After.State)
		require.Equal(t, ours, change.After.PaymentID)
		require.Equal(t, AttemptPaid, change.Attempt.State)
	}
	_, err := job.hear(News{Source: SourceUnsigned, JobID: 7, PendingID: ours, Paid: true}, failed, now)
	require.Equal(t, CodeInvalidInput, CodeOf(err), "who does not sign must at least name it")
}
