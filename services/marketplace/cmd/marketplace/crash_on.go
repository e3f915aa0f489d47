//go:build crashpoints

package main

import (
	"context"
	"io"
	"reflect"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/crashpoint"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
	"tianguis.example/payments/api"
)

// crashes are where the crash test kills this process: before and after each call of the payments service, and each commit.
type crashes struct{ *crashpoint.Points }

func newCrashes() crashes { return crashes{crashpoint.FromEnvironment()} }

func (c crashes) store(s *store.Store) crashingStore { return crashingStore{s, c.Points} }

func (c crashes) clock(inner clock.Clock) clock.Clock { return c.Clock(inner) }

func (c crashes) payments(p marketplace.Payments) marketplace.Payments {
	return crashingPayments{p, c.Points}
}

// crashCommands print what the crash test has to reach: every point of the program, as the code now is.
func (s *shell) crashCommands() []*cobra.Command {
	return []*cobra.Command{{
		Use: "crash-points", Short: "List the points at which the crash test kills this program", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, point := range crashpoint.Around(slices.Concat(callPoints(), storePoints())...) {
				if _, err := io.WriteString(s.out, point+"\n"); err != nil {
					return err
				}
			}
			return nil
		},
	}}
}

// callPoints are all that is asked of the payments service.
func callPoints() []string {
	var all []string
	calls := reflect.TypeFor[marketplace.Payments]()
	for i := range calls.NumMethod() {
		all = append(all, "payments."+calls.Method(i).Name)
	}
	return all
}

// reads are the methods of the store that commit nothing. Whatever else it has is a commit, and has its points.
var reads = []string{
	"AccountEvents", "AllJobs", "AnyJob", "AttemptByPendingID", "AttemptToConsent", "AttemptsOpen", "Case", "FileFor", "FindJobs", "Job", "JobAndAttempt",
	"JobFor", "JobToPay", "JobsForOperator", "JobsOf", "KnownFiles", "KnownPendingIDs", "Link", "Messages", "MessagesPending", "MoneyLines", "MoneyOf", "NotificationsOf", "Operations",
	"OperatorActions", "PaymentsForOperator", "People", "Person", "Ping", "PreferencesOf", "Session", "SessionsOf", "SignUp", "StandingFor", "Told", "Unread", "User",
	"UserByEmail", "Users", "VerifyActions", "WalletAddresses",
}

// recordMethod commits news: what it does to the job is a point of its own.
const recordMethod = "Record"

// steps are the events that have points of their own.
var steps = []string{string(marketplace.Pay), marketplace.EventPaymentFailed, marketplace.EventPaidAgain, marketplace.EventPaidOutOfTurn}

// jobStep is what a person, or the clock, does with a job.
const jobStep = "job step"

// nothingNew is all other news: it was known already, or it says how much more came. Which of the two hangs on the amounts and on who told
// first, and no scenario could be sure of one.
const nothingNew = "nothing new"

func storePoints() []string {
	var all []string
	methods := reflect.TypeFor[*store.Store]()
	for i := range methods.NumMethod() {
		switch name := methods.Method(i).Name; {
		case name == recordMethod:
			for _, what := range append(slices.Clone(steps), jobStep, nothingNew) {
				all = append(all, recordMethod+" "+what)
			}
		case !slices.Contains(reads, name):
			all = append(all, name)
		}
	}
	return all
}

// crashingPayments is the payments service with a point around each call. A new call does not compile before it is here.
type crashingPayments struct {
	payments marketplace.Payments
	at       *crashpoint.Points
}

func (p crashingPayments) RegisterSeller(ctx context.Context, seller api.RegisterSeller) (api.Registered, error) {
	return crashpoint.Get(p.at, "payments.RegisterSeller", func() (api.Registered, error) { return p.payments.RegisterSeller(ctx, seller) })
}

func (p crashingPayments) Start(ctx context.Context, offerID string, start api.Start) (api.Started, error) {
	return crashpoint.Get(p.at, "payments.Start", func() (api.Started, error) { return p.payments.Start(ctx, offerID, start) })
}

func (p crashingPayments) OfferPayments(ctx context.Context, offerID string) (api.Payments, error) {
	return crashpoint.Get(p.at, "payments.OfferPayments", func() (api.Payments, error) { return p.payments.OfferPayments(ctx, offerID) })
}

func (p crashingPayments) Payment(ctx context.Context, pendingID string) (api.Payment, error) {
	return crashpoint.Get(p.at, "payments.Payment", func() (api.Payment, error) { return p.payments.Payment(ctx, pendingID) })
}

func (p crashingPayments) Finish(ctx context.Context, finish api.Finish) (api.Finished, error) {
	return crashpoint.Get(p.at, "payments.Finish", func() (api.Finished, error) { return p.payments.Finish(ctx, finish) })
}

func (p crashingPayments) Profile(ctx context.Context, walletAddressURL string) (api.Profile, error) {
	return crashpoint.Get(p.at, "payments.Profile", func() (api.Profile, error) { return p.payments.Profile(ctx, walletAddressURL) })
}

func (p crashingPayments) Cancel(ctx context.Context, pendingID string) (api.Payment, error) {
	return crashpoint.Get(p.at, "payments.Cancel", func() (api.Payment, error) { return p.payments.Cancel(ctx, pendingID) })
}

// crashingStore is the store with a point around each commit. Reads are the store's own.
type crashingStore struct {
	*store.Store
	at *crashpoint.Points
}

func (s crashingStore) Record(ctx context.Context, c marketplace.Change) error {
	what := nothingNew
	switch {
	case len(c.Entries) == 0:
	case slices.Contains(steps, c.Entries[0].Event):
		what = c.Entries[0].Event
	case slices.Contains(marketplace.Actions, marketplace.Action(c.Entries[0].Event)):
		what = jobStep
	}
	return s.at.Do(recordMethod+" "+what, func() error { return s.Store.Record(ctx, c) })
}

func (s crashingStore) CreateJob(ctx context.Context, j marketplace.Job, history []marketplace.Entry) (marketplace.JobID, error) {
	return crashpoint.Get(s.at, "CreateJob", func() (marketplace.JobID, error) { return s.Store.CreateJob(ctx, j, history) })
}

// ClaimOverdue has its second point only when something was claimed.
func (s crashingStore) ClaimOverdue(ctx context.Context, n int, now, leaseUntil time.Time) ([]marketplace.JobID, error) {
	s.at.At(crashpoint.Before("ClaimOverdue"))
	claimed, err := s.Store.ClaimOverdue(ctx, n, now, leaseUntil)
	if len(claimed) > 0 {
		s.at.At(crashpoint.After("ClaimOverdue"))
	}
	return claimed, err
}

func (s crashingStore) CreateAttempt(ctx context.Context, a marketplace.Attempt, askAt time.Time) error {
	return s.at.Do("CreateAttempt", func() error { return s.Store.CreateAttempt(ctx, a, askAt) })
}

func (s crashingStore) SaveStarted(ctx context.Context, a marketplace.Attempt, e marketplace.Entry, askAt time.Time) error {
	return s.at.Do("SaveStarted", func() error { return s.Store.SaveStarted(ctx, a, e, askAt) })
}

func (s crashingStore) SaveLate(ctx context.Context, a marketplace.Attempt, e marketplace.Entry) error {
	return s.at.Do("SaveLate", func() error { return s.Store.SaveLate(ctx, a, e) })
}

func (s crashingStore) CloseAttempt(ctx context.Context, a marketplace.Attempt) error {
	return s.at.Do("CloseAttempt", func() error { return s.Store.CloseAttempt(ctx, a) })
}

func (s crashingStore) Confirming(ctx context.Context, a marketplace.Attempt, now, askAt time.Time) error {
	return s.at.Do("Confirming", func() error { return s.Store.Confirming(ctx, a, now, askAt) })
}

// ClaimAttempts has its second point only when something was claimed.
func (s crashingStore) ClaimAttempts(ctx context.Context, n int, now, leaseUntil time.Time) ([]marketplace.Attempt, error) {
	s.at.At(crashpoint.Before("ClaimAttempts"))
	claimed, err := s.Store.ClaimAttempts(ctx, n, now, leaseUntil)
	if len(claimed) > 0 {
		s.at.At(crashpoint.After("ClaimAttempts"))
	}
	return claimed, err
}

func (s crashingStore) AskAgainAt(ctx context.Context, id string, leaseUntil, at time.Time) error {
	return s.at.Do("AskAgainAt", func() error { return s.Store.AskAgainAt(ctx, id, leaseUntil, at) })
}

func (s crashingStore) AddTry(ctx context.Context, t marketplace.Try, since time.Time) (byEmail, byPeer int, err error) {
	err = s.at.Do("AddTry", func() (err error) {
		byEmail, byPeer, err = s.Store.AddTry(ctx, t, since)
		return err
	})
	return byEmail, byPeer, err
}

func (s crashingStore) CreateSession(ctx context.Context, session marketplace.Session, email string) error {
	return s.at.Do("CreateSession", func() error { return s.Store.CreateSession(ctx, session, email) })
}

func (s crashingStore) SeenSession(ctx context.Context, id string, at time.Time) error {
	return s.at.Do("SeenSession", func() error { return s.Store.SeenSession(ctx, id, at) })
}

func (s crashingStore) DeleteSession(ctx context.Context, id string, of marketplace.UserID) error {
	return s.at.Do("DeleteSession", func() error { return s.Store.DeleteSession(ctx, id, of) })
}

func (s crashingStore) Register(ctx context.Context, u marketplace.User, peer, useUp string) (id marketplace.UserID, err error) {
	err = s.at.Do("Register", func() (err error) {
		id, err = s.Store.Register(ctx, u, peer, useUp)
		return err
	})
	return id, err
}

func (s crashingStore) KeepSignUp(ctx context.Context, signUp marketplace.SignUp, free, taken marketplace.Message) error {
	return s.at.Do("KeepSignUp", func() error { return s.Store.KeepSignUp(ctx, signUp, free, taken) })
}

func (s crashingStore) KeepLink(ctx context.Context, l marketplace.Link, letter *marketplace.Message) error {
	return s.at.Do("KeepLink", func() error { return s.Store.KeepLink(ctx, l, letter) })
}

func (s crashingStore) ChangeAccount(ctx context.Context, c marketplace.AccountChange) error {
	return s.at.Do("ChangeAccount", func() error { return s.Store.ChangeAccount(ctx, c) })
}

// ClaimMessages has its second point only when something was claimed, like ClaimAttempts.
func (s crashingStore) ClaimMessages(ctx context.Context, c marketplace.Channel, n int, now, leaseUntil time.Time) ([]marketplace.Message, error) {
	s.at.At(crashpoint.Before("ClaimMessages"))
	claimed, err := s.Store.ClaimMessages(ctx, c, n, now, leaseUntil)
	if len(claimed) > 0 {
		s.at.At(crashpoint.After("ClaimMessages"))
	}
	return claimed, err
}

func (s crashingStore) EndAttempt(ctx context.Context, m marketplace.Message, leaseUntil time.Time) error {
	return s.at.Do("EndAttempt", func() error { return s.Store.EndAttempt(ctx, m, leaseUntil) })
}

func (s crashingStore) ReadNotification(ctx context.Context, viewer marketplace.UserID, id int64, now time.Time) (n marketplace.Notification, err error) {
	err = s.at.Do("ReadNotification", func() (err error) {
		n, err = s.Store.ReadNotification(ctx, viewer, id, now)
		return err
	})
	return n, err
}

func (s crashingStore) ReadAllNotifications(ctx context.Context, viewer marketplace.UserID, upTo int64, now time.Time) error {
	return s.at.Do("ReadAllNotifications", func() error { return s.Store.ReadAllNotifications(ctx, viewer, upTo, now) })
}

func (s crashingStore) SavePreferences(ctx context.Context, who marketplace.UserID, p marketplace.Preferences) error {
	return s.at.Do("SavePreferences", func() error { return s.Store.SavePreferences(ctx, who, p) })
}

func (s crashingStore) RecordAction(ctx context.Context, a marketplace.OperatorAction) error {
	return s.at.Do("RecordAction", func() error { return s.Store.RecordAction(ctx, a) })
}

func (s crashingStore) RecordLook(ctx context.Context, a marketplace.OperatorAction, since time.Time) error {
	return s.at.Do("RecordLook", func() error { return s.Store.RecordLook(ctx, a, since) })
}

func (s crashingStore) LookedInto(ctx context.Context, entry int64, a marketplace.OperatorAction) error {
	return s.at.Do("LookedInto", func() error { return s.Store.LookedInto(ctx, entry, a) })
}
