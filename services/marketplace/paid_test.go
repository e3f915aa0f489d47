package marketplace

import (
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

func budget(t *testing.T) money.Amount {
	t.Helper()
	a, err := money.ParseDecimal("100.00", "MXN", 2)
	require.NoError(t, err)
	return a
}

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
					require.Equal(t, "w1", change.WebhookID)
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
	for _, id := range []string{"", " ", "https://w.example/a b", "a\nb", string(long)} {
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
	at := func(text, code string, scale uint8) money.Amount {
		a, err := money.ParseDecimal(text, code, scale)
		require.NoError(t, err)
		return a
	}
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
