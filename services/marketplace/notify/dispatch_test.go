package notify_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/notify"
	"tianguis.example/marketplace/store"
	"tianguis.example/payments/money"
)

// world is a store with a job of two people, a clock that stands, and a dispatcher.
type world struct {
	*store.Store
	t      *testing.T
	clock  *clock.Held
	logs   *logs
	funder marketplace.UserID
	worker marketplace.UserID
	job    marketplace.JobID
}

type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func each(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	databasetest.Each(t, store.Migrations(), func(t *testing.T, db *database.DB) {
		w := &world{Store: store.New(db), t: t, clock: clock.NewHeld(noon), logs: &logs{}}
		person := func(email string) marketplace.UserID {
			id, err := w.CreateUser(t.Context(), marketplace.User{Email: email, Name: "N", Role: marketplace.Both, PasswordHash: "$h", CreatedAt: noon})
			require.NoError(t, err)
			return id
		}
		w.funder, w.worker = person("funder@example.com"), person("worker@example.com")
		budget, err := money.ParseDecimal("19.99", "MXN", 2)
		require.NoError(t, err)
		w.job, err = w.CreateJob(t.Context(), marketplace.Job{
			Title: "Sign", Description: "D", MaxApplications: marketplace.MaxApplications, RecruitDays: marketplace.RecruitDays, SubmitDays: marketplace.SubmitDays, State: marketplace.Reviewing, Budget: budget, Funder: w.funder, Worker: w.worker, CreatedAt: noon, UpdatedAt: noon,
		}, nil)
		require.NoError(t, err)
		f(t, w)
	})
}

// happens puts an event into the job's history.
func (w *world) happens(e marketplace.Entry) {
	w.t.Helper()
	job, err := w.Job(w.t.Context(), w.job)
	require.NoError(w.t, err)
	e.At = w.clock.Now()
	require.NoError(w.t, w.Record(w.t.Context(), marketplace.Change{At: e.At, Before: job, After: job, Entries: []marketplace.Entry{e}}))
}

// submitted tells the funder by e-mail, and nobody else.
func (w *world) submitted() { w.happens(marketplace.Entry{By: w.worker, Event: "submit"}) }

func (w *world) mailer(box notify.Mailbox) notify.Sender {
	w.t.Helper()
	m, err := notify.NewMailer(box, baseURL, languages(w.t))
	require.NoError(w.t, err)
	return m
}

func (w *world) dispatcher(s notify.Store, senders map[marketplace.Channel]notify.Sender) *notify.Dispatcher {
	return &notify.Dispatcher{
		Store: s, Senders: senders, Clock: w.clock, Log: slog.New(slog.NewTextHandler(w.logs, nil)), Every: time.Second, Workers: 2,
	}
}

// run starts a dispatcher and returns what stops it.
func (w *world) run(d *notify.Dispatcher) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	ended := make(chan struct{})
	go func() { defer close(ended); d.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	w.t.Cleanup(stop)
	return stop
}

// until moves the clock on, a step each time, until something holds.
func (w *world) until(step time.Duration, holds func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	for !holds() {
		w.clock.Advance(step)
		require.NoError(w.t, clock.Sleep(ctx, clock.System(), 10*time.Millisecond), "it never holds; the log:\n%s", w.logs)
	}
}

// all are the messages in a state.
func (w *world) all(state marketplace.MessageState) []marketplace.Message {
	w.t.Helper()
	all, err := w.Messages(w.t.Context(), store.MessageFilter{State: state}, 100)
	require.NoError(w.t, err)
	return all
}

func (w *world) has(state marketplace.MessageState, n int) func() bool {
	return func() bool { return len(w.all(state)) == n }
}

func TestDispatcher_SendsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		s := newServer(t)
		w.happens(marketplace.Entry{Event: "pay"})
		for range 3 { // three replicas over one database
			w.run(w.dispatcher(w.Store, map[marketplace.Channel]notify.Sender{marketplace.Email: w.mailer(box(s))}))
		}
		w.until(time.Second, w.has(marketplace.MessageSent, 2))
		var to []string
		for _, l := range s.letters() {
			to = append(to, l.to)
		}
		require.ElementsMatch(t, []string{"funder@example.com", "worker@example.com"}, to)
		require.NotContains(t, w.logs.String(), "worker@example.com", "the log says whom by number")
	})
}

// lossy is a store whose process dies before it keeps what became of the first attempt.
type lossy struct {
	notify.Store
	died atomic.Bool
}

func (l *lossy) EndAttempt(ctx context.Context, m marketplace.Message, leaseUntil time.Time) error {
	if l.died.CompareAndSwap(false, true) {
		return errors.New("killed")
	}
	return l.Store.EndAttempt(ctx, m, leaseUntil)
}

// TestDispatcher_KilledBetweenSendingAndKeeping: it is sent again under the same name, by which whoever receives it can tell.
func TestDispatcher_KilledBetweenSendingAndKeeping(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		s := newServer(t)
		w.submitted()
		w.run(w.dispatcher(&lossy{Store: w.Store}, map[marketplace.Channel]notify.Sender{marketplace.Email: w.mailer(box(s))}))
		w.until(time.Second, w.has(marketplace.MessageSent, 1))
		got := s.letters()
		require.Len(t, got, 2)
		id := w.all(marketplace.MessageSent)[0].ID
		require.Equal(t, "<"+id+"@market.example>", got[0].header.Get("Message-ID"))
		require.Equal(t, got[0].header.Get("Message-ID"), got[1].header.Get("Message-ID"))
	})
}

func TestDispatcher_AnHourWithoutAServer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		s := &server{t: t}
		stop := s.serve("127.0.0.1:0")
		stop()
		b := box(s)
		w.happens(marketplace.Entry{Event: "pay"})
		w.submitted()
		w.run(w.dispatcher(w.Store, map[marketplace.Channel]notify.Sender{marketplace.Email: w.mailer(b)}))
		back := noon.Add(time.Hour)
		w.until(20*time.Second, func() bool { return !w.clock.Now().Before(back) })
		require.Empty(t, w.all(marketplace.MessageSent))
		require.Len(t, w.all(marketplace.MessagePending), 3)
		tried := 0
		for _, m := range w.all(marketplace.MessagePending) {
			tried += m.Attempts
		}
		require.Less(t, tried, 40, "the server is spared while it is away")
		require.Greater(t, tried, 10)

		s.serve(s.address)
		back = w.clock.Now()
		w.until(5*time.Second, w.has(marketplace.MessageSent, 3))
		require.Less(t, w.clock.Now().Sub(back), 15*time.Minute)
		require.Len(t, s.letters(), 3)
	})
}

// TestDispatcher_AServerThatHangsHoldsUpNobody: an SMS goes out meanwhile, and the mails end by themselves.
func TestDispatcher_AServerThatHangsHoldsUpNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		require.NoError(t, w.SavePreferences(t.Context(), w.funder, marketplace.Preferences{Phone: "+525512345678", Wanted: map[marketplace.Channel]map[marketplace.Topic]bool{
			marketplace.SMS: {marketplace.TopicWork: true},
		}}))
		hung := make(chan struct{}, 100)
		hangs := senderFunc(func(ctx context.Context, _ marketplace.Message) error {
			hung <- struct{}{}
			<-t.Context().Done() // whatever it is told
			return ctx.Err()
		})
		g := gateway(t, func(http.ResponseWriter, *http.Request) {})
		for range 5 {
			w.submitted()
		}
		d := w.dispatcher(w.Store, map[marketplace.Channel]notify.Sender{marketplace.Email: hangs, marketplace.SMS: g})
		d.Bound = 100 * time.Millisecond
		w.run(d)
		<-hung
		<-hung
		w.until(time.Second, w.has(marketplace.MessageSent, 5))
		for _, m := range w.all(marketplace.MessageSent) {
			require.Equal(t, marketplace.SMS, m.Channel)
		}
		w.until(time.Second, func() bool { return strings.Contains(w.logs.String(), "no answer within 100ms") })
		require.Len(t, w.all(marketplace.MessagePending), 5)
	})
}

type senderFunc func(ctx context.Context, m marketplace.Message) error

func (f senderFunc) Send(ctx context.Context, m marketplace.Message) error { return f(ctx, m) }

func TestDispatcher_WhatEndsAMessage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		s := &server{t: t, rcpt: func(to string) error {
			if to == "funder@example.com" {
				return &smtp.SMTPError{Code: 550, Message: "no such user here"}
			}
			return &smtp.SMTPError{Code: 451, Message: "come again"}
		}}
		s.serve("127.0.0.1:0")
		w.happens(marketplace.Entry{Event: "pay"})
		w.run(w.dispatcher(w.Store, map[marketplace.Channel]notify.Sender{marketplace.Email: w.mailer(box(s))}))
		w.until(time.Second, func() bool {
			return len(w.all(marketplace.MessageDead)) == 1 && w.all(marketplace.MessagePending)[0].Error != ""
		})
		dead, waits := w.all(marketplace.MessageDead)[0], w.all(marketplace.MessagePending)[0]
		require.Equal(t, "funder@example.com", dead.To)
		require.Contains(t, dead.Error, "no such user here")
		require.Equal(t, 1, dead.Attempts)
		require.Equal(t, "worker@example.com", waits.To)
		require.Contains(t, waits.Error, "come again")

		// It is tried until it is of no use any more.
		w.until(30*time.Minute, w.has(marketplace.MessageDead, 2))
		given := w.all(marketplace.MessageDead)
		for _, m := range given {
			if m.To == "worker@example.com" {
				require.Greater(t, m.Attempts, 8)
				// On a busy machine the clock is moved on while a try is still under way.
				require.LessOrEqual(t, m.EndedAt.Sub(m.At), 2*marketplace.MessageLife)
				require.Greater(t, m.EndedAt.Sub(m.At), 2*24*time.Hour)
			}
		}
		require.Empty(t, s.letters())

		// The operator mends it, and has it sent again.
		s.mu.Lock()
		s.rcpt = nil
		s.mu.Unlock()
		n, err := w.RetryMessages(t.Context(), nil, w.clock.Now())
		require.NoError(t, err)
		require.Equal(t, int64(2), n)
		w.until(time.Second, w.has(marketplace.MessageSent, 2))
		require.Len(t, s.letters(), 2)
	})
}

// TestDispatcher_AStopBreaksNothingOff: what is being sent when the process is told to stop is kept, or is sent again.
func TestDispatcher_AStopBreaksNothingOff(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		sending, release := make(chan struct{}), make(chan struct{})
		slow := senderFunc(func(context.Context, marketplace.Message) error {
			close(sending)
			<-release
			return nil
		})
		w.submitted()
		stop := w.run(w.dispatcher(w.Store, map[marketplace.Channel]notify.Sender{marketplace.Email: slow}))
		<-sending
		go close(release)
		stop()
		require.Len(t, w.all(marketplace.MessageSent), 1)
	})
}

func TestPage_KeepsTheNewestOnce(t *testing.T) {
	t.Parallel()
	p := notify.NewPage(clock.NewHeld(noon))
	require.Empty(t, p.Mails())
	for i := range 250 {
		require.NoError(t, p.Deliver(t.Context(), notify.Mail{ID: string(rune('a' + i))}))
	}
	require.NoError(t, p.Deliver(t.Context(), notify.Mail{ID: string(rune('a' + 240)), Subject: "again"}))
	all := p.Mails()
	require.Len(t, all, 200)
	require.Equal(t, "again", all[0].Subject)
	require.Equal(t, noon, all[0].At)
}
