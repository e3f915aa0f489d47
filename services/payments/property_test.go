package payments_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

// PROPERTY_SEQUENCES is how many sequences of events are tried, 300 when it is not set. A failure prints the shortest sequence that was found,
// and the -rapid.seed that brings it back.
const sequencesVariable = "PROPERTY_SEQUENCES"

// TestProperty_WhateverHappens lets events of all kinds happen in any order: buyers, workers, faults of the wallets, late money, kills and
// freezes of a process at any of its calls, and time. After each, and when all is quiet again, everything that is promised must hold.
func TestProperty_WhateverHappens(t *testing.T) {
	t.Parallel()
	sequences := 300
	if text := os.Getenv(sequencesVariable); text != "" {
		var err error
		sequences, err = strconv.Atoi(text)
		require.NoError(t, err, sequencesVariable)
	}
	const side = 2
	require.NoError(t, flag.Set("rapid.checks", strconv.Itoa((sequences+side-1)/side)))
	require.NoError(t, flag.Set("rapid.nofailfile", "true")) // the seed brings it back
	empty := emptyDatabase(t)
	for i := range side {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			rapid.Check(t, func(rt *rapid.T) {
				w := newWorld(rt, filepath.Join(folder, "sequence.db"), empty)
				defer w.close()
				rt.Repeat(w.events())
				w.comeToRest()
			})
		})
	}
}

// hand is the table of transitions, written a second time.
var hand = map[payments.State][]payments.State{
	"":                        {payments.Created},
	payments.Created:          {payments.AwaitingApproval, payments.Failed},
	payments.AwaitingApproval: {payments.Approved, payments.Failed},
	payments.Approved:         {payments.Authorized, payments.Failed},
	payments.Authorized:       {payments.Sending, payments.Failed},
	payments.Sending:          {payments.Paid, payments.Failed},
	payments.Failed:           {payments.PaidLate},
}

// world is services over one store, wallets, and what has been seen of both.
type world struct {
	*rapid.T
	clock   *eager
	bank    *bank
	db      *database.DB
	store   *store.Store
	process *process
	service *payments.Service
	seen    map[payments.PaymentID]sighting
	frozen  []thawing
}

// sighting is how a payment was when it was looked at last.
type sighting struct {
	version int64
	trail   []payments.AuditEvent
}

// thawing is work in the hands of a process that stands still.
type thawing struct {
	service *payments.Service
	payment payments.Payment
}

// eager is a clock that is moved on by whoever waits.
type eager struct{ *clock.Held }

func (e *eager) NewTimer(d time.Duration) clock.Timer {
	t := e.Held.NewTimer(d)
	e.Advance(max(d, 0))
	return t
}

var errKilled = errors.New("this process was killed")

// process counts what one process does at the outside. At a count it dies, and nothing that it does then has an effect; or it freezes while
// something happens, and goes on.
type process struct {
	counting  sync.Mutex
	left      int // until it happens; 0 for never
	dead      bool
	meanwhile func() // nil: it dies
}

func (p *process) tick() error {
	p.counting.Lock()
	if p.dead {
		p.counting.Unlock()
		return errKilled
	}
	if p.left == 0 {
		p.counting.Unlock()
		return nil
	}
	p.left--
	now := p.left == 0
	meanwhile := p.meanwhile
	p.dead = now && meanwhile == nil
	dead := p.dead
	p.counting.Unlock()
	if dead {
		return errKilled
	}
	if now {
		meanwhile()
	}
	return nil
}

// mortal is the store as one process reaches it.
type mortal struct {
	*store.Store
	*process
}

func (m mortal) Record(ctx context.Context, c payments.Change) error {
	if err := m.tick(); err != nil {
		return err
	}
	err := m.Store.Record(ctx, c)
	return errors.Join(err, m.tick())
}

func (m mortal) ClaimDue(ctx context.Context, n int, now, until time.Time) ([]payments.Payment, error) {
	if err := m.tick(); err != nil {
		return nil, err
	}
	due, err := m.Store.ClaimDue(ctx, n, now, until)
	if killed := m.tick(); killed != nil {
		return nil, killed
	}
	return due, err
}

// emptyDatabase is a file with the schema applied.
func emptyDatabase(t *testing.T) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "empty.db")
	db, err := database.Open(t.Context(), "sqlite:"+path, database.Options{Clock: clock.System(), MaxConns: 1})
	require.NoError(t, err)
	_, err = database.Migrate(t.Context(), db, store.Migrations())
	require.NoError(t, err)
	require.NoError(t, db.Close())
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return content
}

func newWorld(rt *rapid.T, path string, empty []byte) *world {
	for _, more := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(path + more)
	}
	require.NoError(rt, os.WriteFile(path, empty, 0o600))
	w := &world{
		T: rt, clock: &eager{clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))},
		seen: map[payments.PaymentID]sighting{},
	}
	w.bank = newBank(w.clock)
	var err error
	w.db, err = database.Open(context.Background(), "sqlite:"+path, database.Options{Clock: w.clock, MaxConns: 2})
	require.NoError(rt, err)
	keys, err := store.ReadKeys(logging.Secret(store.GenerateKey()))
	require.NoError(rt, err)
	w.store = store.New(w.db, keys)
	w.process, w.service = w.newProcess()
	require.NoError(rt, w.service.RegisterSeller(context.Background(), operator.Operator{}, payments.Seller{ID: "wendy", WalletAddressURL: sellerWallet}))
	return w
}

func (w *world) close() { _ = w.db.Close() }

func (w *world) newProcess() (*process, *payments.Service) {
	p := &process{}
	return p, payments.New(mortal{w.store, p}, bankCalls{w.bank, p}.wallets, w.clock, slog.New(slog.DiscardHandler), payments.Settings{
		FinishURL: "https://market.example/payments/finish", ConsentLifetime: consentLife, FinishWait: 8 * time.Second, Lease: 30 * time.Second,
	}, func() {})
}

// events are what can happen; the one without a name is looked at after each. Some have several names, to happen more often.
func (w *world) events() map[string]func(*rapid.T) {
	all := map[string]func(*rapid.T){
		"": w.check, "start": w.start, "approve and return": w.approve, "return with a wrong hash": w.forge, "decline": w.decline, "cancel": w.cancel,
		"work": w.work, "time": w.passTime, "fault": w.fault, "trouble while paying": w.trouble, "faults end": func(*rapid.T) { w.bank.behave() }, "sending": w.sending,
		"price": w.price, "balance": w.changeBalance, "stranger pays": w.stranger, "kill": w.kill, "freeze in a call": w.freezeInCall,
		"freeze": w.freeze, "thaw": w.thaw, "reconcile": w.reconcile,
	}
	for again, name := range map[string]string{"start again": "start", "approve and return again": "approve and return", "work again": "work", "time again": "time", "and work": "work"} {
		all[again] = all[name]
	}
	return all
}

func (w *world) start(rt *rapid.T) {
	r := request()
	r.OfferID = rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "offer")
	r.Amount = rapid.SampledFrom([]string{"100.00", "100.00", "50.00"}).Draw(rt, "amount")
	_, err := w.service.Start(context.Background(), r)
	w.allow(rt, err, payments.CodeInProgress, payments.CodeAlreadyPaid, payments.CodeWalletDown, payments.CodeWalletTimeout, payments.CodeWalletRefused,
		payments.CodeInvalidWallet)
}

// allow fails for an error that is neither one of these nor the death of the process.
func (w *world) allow(rt *rapid.T, err error, codes ...payments.Code) {
	if err != nil && !errors.Is(err, errKilled) && !slices.Contains(codes, payments.CodeOf(err)) {
		rt.Fatalf("an error that nobody expects: %v", err)
	}
}

func (w *world) all() []payments.Payment {
	all, err := w.store.RecentPayments(context.Background(), 1000)
	require.NoError(w, err)
	slices.Reverse(all)
	return all
}

// one picks a payment, with its secrets.
func (w *world) one(rt *rapid.T, which ...payments.State) payments.Payment {
	ids := []int{}
	all := w.all()
	for i, p := range all {
		if len(which) == 0 || slices.Contains(which, p.State) {
			ids = append(ids, i)
		}
	}
	if len(ids) == 0 {
		rt.Skip("there is none")
	}
	p, err := w.store.Payment(context.Background(), all[rapid.SampledFrom(ids).Draw(rt, "payment")].ID)
	require.NoError(rt, err)
	return p
}

func (w *world) finish(rt *rapid.T, p payments.Payment, r payments.FinishRequest, codes ...payments.Code) {
	_, err := w.service.Finish(context.Background(), p.ID, r)
	w.allow(rt, err, codes...)
}

// approve is the buyer's yes, also to a page that was left open too long, and the way back.
func (w *world) approve(rt *rapid.T) {
	p := w.one(rt, payments.AwaitingApproval, payments.AwaitingApproval, payments.Failed)
	ref := w.bank.approve(p.Consent.ContinueURI)
	if ref == "" {
		w.finish(rt, p, payments.FinishRequest{Result: "invalid_interaction", PayersSession: true}, payments.CodeNotApproved)
		return
	}
	hash := openpayments.FinishHash(p.Consent.ClientNonce.Reveal(), p.Consent.InteractNonce, ref, p.Buyer.AuthServer)
	w.finish(rt, p, payments.FinishRequest{InteractRef: ref, Hash: hash, PayersSession: true}, payments.CodeWrongState)
}

func (w *world) forge(rt *rapid.T) {
	p := w.one(rt)
	before := w.payment(p.ID)
	w.finish(rt, p, payments.FinishRequest{InteractRef: "ref", Hash: "AAAA", PayersSession: rapid.Bool().Draw(rt, "session")}, payments.CodeHashInvalid)
	require.Equal(rt, before, w.payment(p.ID))
}

func (w *world) decline(rt *rapid.T) {
	p := w.one(rt)
	mine := rapid.Bool().Draw(rt, "from the session that started it")
	before := w.payment(p.ID)
	w.finish(rt, p, payments.FinishRequest{Result: "grant_rejected", PayersSession: mine}, payments.CodeNotApproved)
	if !mine {
		require.Equal(rt, before, w.payment(p.ID))
	}
}

func (w *world) payment(id payments.PaymentID) payments.Payment {
	p, err := w.store.Payment(context.Background(), id)
	require.NoError(w, err)
	return p
}

func (w *world) cancel(rt *rapid.T) {
	_, err := w.service.Cancel(context.Background(), payments.ByMarketplace, w.one(rt).ID)
	w.allow(rt, err, payments.CodeInProgress, payments.CodeAlreadyPaid, payments.CodeWrongState, payments.CodeWalletDown)
}

func (w *world) work(rt *rapid.T) { w.workWith(rt, w.service) }

func (w *world) workWith(rt *rapid.T, service *payments.Service) {
	due, err := service.Claim(context.Background(), 10)
	w.allow(rt, err)
	for _, p := range due {
		w.allow(rt, service.Advance(context.Background(), p))
	}
}

var spans = []time.Duration{
	time.Second, 6 * time.Second, 31 * time.Second, 61 * time.Second, 5 * time.Minute, 11 * time.Minute, 16 * time.Minute, time.Hour, 25 * time.Hour, 8 * 24 * time.Hour,
}

func (w *world) passTime(rt *rapid.T) { w.clock.Advance(rapid.SampledFrom(spans).Draw(rt, "for")) }

// faults: what may be answered instead, before a call has its effect or after.
var (
	faultsBefore = []error{
		openpayments.ErrUnreachable, openpayments.ErrTimeout, openpayments.ErrServer, openpayments.ErrTooManyRequests, openpayments.ErrInvalidClient, openpayments.ErrRefused,
		openpayments.ErrInactiveToken, openpayments.ErrUnauthorized, openpayments.ErrInvalidQuote,
	}
	faultsAfter = []error{openpayments.ErrTimeout, openpayments.ErrConnection, openpayments.ErrServer, openpayments.ErrUnexpectedAnswer}
	operations  = []string{"address", "grant", "incoming", "quote", "continue", "cancel", "pay", "pay", "look", "list", "rotate", "received"}
)

func (w *world) fault(rt *rapid.T) {
	op := rapid.SampledFrom(operations).Draw(rt, "call")
	queue, kinds := w.bank.before, faultsBefore
	if rapid.Bool().Draw(rt, "after its effect") {
		queue, kinds = w.bank.after, faultsAfter
	}
	kind := rapid.SampledFrom(kinds).Draw(rt, "answer")
	for range rapid.SampledFrom([]int{1, 1, 2, 5, 20}).Draw(rt, "times") {
		queue[op] = append(queue[op], refusal(kind))
	}
}

// trouble is what it takes to lose sight of a payment that was made: several faults that would seldom meet by themselves.
func (w *world) trouble(rt *rapid.T) {
	w.bank.sends = rapid.SampledFrom([]sending{sendsAtOnce, sendsSlowly}).Draw(rt, "sending")
	w.bank.after["pay"] = append(w.bank.after["pay"], refusal(rapid.SampledFrom(faultsAfter).Draw(rt, "answer to pay")))
	for _, op := range []string{"look", "rotate"} {
		kind := rapid.SampledFrom([]error{openpayments.ErrInactiveToken, openpayments.ErrTimeout, openpayments.ErrRefused}).Draw(rt, "answer to "+op)
		for range rapid.IntRange(0, 3).Draw(rt, "times") {
			w.bank.before[op] = append(w.bank.before[op], refusal(kind))
		}
	}
}

func (w *world) sending(rt *rapid.T) {
	w.bank.sends = rapid.SampledFrom([]sending{sendsAtOnce, sendsSlowly, sendsSlowly, sendsHalf, sendsNever, sendsFails}).Draw(rt, "how")
}

func (w *world) price(rt *rapid.T) { w.bank.price = rapid.Int64Range(5, 7).Draw(rt, "price") }

func (w *world) changeBalance(rt *rapid.T) {
	left := rapid.SampledFrom([]int64{100, startBalance}).Draw(rt, "left")
	w.bank.taken += w.bank.balance - left
	w.bank.balance = left
}

func (w *world) stranger(rt *rapid.T) {
	p := w.one(rt)
	w.bank.stranger(p.IncomingPaymentID, p.Amount.Value()/2*rapid.Int64Range(1, 3).Draw(rt, "halves"))
}

func (w *world) kill(rt *rapid.T) {
	w.process.left, w.process.meanwhile = rapid.IntRange(1, 24).Draw(rt, "calls before it dies"), nil
}

// freezeInCall has a process stand still at one of its calls, while time passes and another process works.
func (w *world) freezeInCall(rt *rapid.T) {
	span := rapid.SampledFrom(spans).Draw(rt, "for")
	w.process.left = rapid.IntRange(1, 24).Draw(rt, "calls before it freezes")
	w.process.meanwhile = func() {
		w.clock.Advance(span)
		_, other := w.newProcess()
		w.workWith(rt, other)
	}
}

// freeze has a process stand still with work that it has just claimed.
func (w *world) freeze(rt *rapid.T) {
	due, err := w.service.Claim(context.Background(), 2)
	w.allow(rt, err)
	if len(due) == 0 {
		rt.Skip("nothing is due")
	}
	for _, p := range due {
		w.frozen = append(w.frozen, thawing{w.service, p})
	}
	w.process, w.service = w.newProcess()
}

// thaw has one go on, as if no time had passed.
func (w *world) thaw(rt *rapid.T) {
	if len(w.frozen) == 0 {
		rt.Skip("nobody is frozen")
	}
	f := w.frozen[0]
	w.frozen = w.frozen[1:]
	w.allow(rt, f.service.Advance(context.Background(), f.payment))
}

func (w *world) reconcile(rt *rapid.T) {
	report, err := w.service.Reconcile(context.Background(), payments.ReconcileRequest{Nudge: true})
	w.allow(rt, err)
	for _, f := range report.Findings {
		if f.Kind == payments.FoundMarkedButUnpaid {
			rt.Fatalf("marked, and unpaid: %+v", f)
		}
	}
}

// check is what holds at any time.
func (w *world) check(rt *rapid.T) {
	if w.process.dead {
		w.process, w.service = w.newProcess()
	}
	w.bank.mu.Lock()
	w.bank.settle()
	w.bank.mu.Unlock()
	w.checkLedger(rt)
	if !w.moved() {
		return
	}
	live := map[string]payments.PaymentID{}
	for _, p := range w.all() {
		if p.State != payments.Failed && p.State != payments.PaidLate {
			require.Empty(rt, live[p.OfferID], "two live payments of one offer")
			live[p.OfferID] = p.ID
		}
		w.checkPayment(rt, p)
	}
}

// moved reports whether a payment has another version than when it was looked at.
func (w *world) moved() bool {
	var rows []struct {
		ID      string
		Version int64
	}
	require.NoError(w, w.db.Read(context.Background()).Raw("SELECT id, version FROM payments").Scan(&rows).Error)
	for _, row := range rows {
		if w.seen[payments.PaymentID(row.ID)].version != row.Version {
			return true
		}
	}
	return false
}

// checkLedger: money is conserved, none is paid twice, and none without consent.
func (w *world) checkLedger(rt *rapid.T) {
	received, debited := map[string]int64{}, int64(0)
	payers := map[string]int{}
	for _, o := range w.bank.outgoing {
		received[o.receiver] += o.sent
		debited += o.sentDebit
		payers[o.receiver]++
	}
	require.Equal(rt, int64(startBalance), w.bank.balance+w.bank.taken+debited, "the buyer's side")
	for url, in := range w.bank.incoming {
		require.Equal(rt, in.received, received[url]+in.strangers, "the seller's side")
		require.LessOrEqual(rt, payers[url], 1, "one outgoing payment of an incoming one")
	}
	for _, g := range w.bank.grants {
		require.LessOrEqual(rt, g.spent, g.limit.DebitAmount.Value())
	}
}

func (w *world) checkPayment(rt *rapid.T, p payments.Payment) {
	trail, err := w.store.AuditTrail(context.Background(), p.ID)
	require.NoError(rt, err)
	before := w.seen[p.ID].trail
	require.GreaterOrEqual(rt, len(trail), len(before))
	for i, e := range before {
		require.Equal(rt, e, trail[i], "what is written is never altered")
	}
	w.seen[p.ID] = sighting{p.Version, trail}

	at := payments.State("")
	ends := map[webhook.Type]int{}
	for _, e := range trail {
		require.Equal(rt, at, e.From, "a gap")
		if e.From != e.To {
			require.Contains(rt, hand[e.From], e.To, "%s: the table has no such transition", e.From)
		}
		switch {
		case e.To == payments.Failed && e.From != e.To && e.From != payments.Created:
			ends[webhook.Failed]++
		case e.To == payments.Paid || e.To == payments.PaidLate: // an end, or more money booked after it
			ends[webhook.Completed]++
		}
		at = e.To
	}
	require.Equal(rt, p.State, at)
	told := map[webhook.Type]int{}
	deliveries, err := w.store.Deliveries(context.Background(), p.ID)
	require.NoError(rt, err)
	for _, d := range deliveries {
		told[webhook.Type(d.EventType)]++
	}
	require.Equal(rt, ends, told, "each end is told once")

	if p.State.Received() {
		require.GreaterOrEqual(rt, w.received(p), p.Amount.Value(), "paid means the money arrived")
	}
	require.LessOrEqual(rt, p.ReceivedAmount.Value(), w.received(p))
	fresh := len(before) == 0 || !before[len(before)-1].To.Ended()
	if p.State == payments.Failed && fresh && strings.Contains(p.Message, "Nothing was paid") {
		for _, o := range w.bank.outgoing {
			require.False(rt, o.receiver == p.IncomingPaymentID && o.moving(), "%s: it says that nothing was paid", p.Reason)
		}
	}
}

func (w *world) received(p payments.Payment) int64 {
	if in := w.bank.incoming[p.IncomingPaymentID]; in != nil {
		return in.received
	}
	return 0
}

// comeToRest: when the wallets behave again and enough time passes, everything ends, the money that is there is known, and an offer that was
// not paid can be started again.
func (w *world) comeToRest() {
	w.bank.behave()
	for range w.frozen {
		w.thaw(w.T)
	}
	w.process, w.service = w.newProcess()
	for rounds := 0; ; rounds++ {
		require.Less(w, rounds, 2000, "it does not come to rest")
		var next []time.Time
		require.NoError(w, w.db.Read(context.Background()).Raw("SELECT next_step_at FROM payments WHERE next_step_at IS NOT NULL ORDER BY 1 LIMIT 1").Scan(&next).Error)
		if len(next) == 0 {
			break
		}
		w.clock.Advance(max(0, next[0].Sub(w.clock.Now())) + time.Duration(min(rounds, 24))*10*time.Minute) // the last looks are hours apart
		w.work(w.T)
	}
	w.check(w.T)
	paid := map[string]int{}
	for _, p := range w.all() {
		require.True(w, p.State.Ended(), "%s is still %s", p.ID, p.State)
		if p.State.Received() {
			paid[p.OfferID]++
		}
	}
	w.checkDoubles()

	// Money that came when nobody looked any more is found and marked.
	w.reconcile(w.T)
	for range 3 {
		w.work(w.T)
	}
	report, err := w.service.Reconcile(context.Background(), payments.ReconcileRequest{})
	require.NoError(w, err)
	for _, f := range report.Findings {
		require.Contains(w, []payments.FindingKind{payments.FoundLate, payments.FoundOverpaid, payments.FoundPartial}, f.Kind, fmt.Sprint(f.PaymentID, f.Message, f.Detail))
	}
	w.check(w.T)
	for offer := range paid {
		r := request()
		r.OfferID = offer
		_, err := w.service.Start(context.Background(), r)
		require.Equal(w, payments.CodeAlreadyPaid, payments.CodeOf(err))
	}
}

// checkDoubles: a buyer's wallet pays an offer once; a second time only after a payment of it had ended with words that do not say
// that nothing was paid.
func (w *world) checkDoubles() {
	sent, doubtful := map[string]int{}, map[string]bool{}
	for _, o := range w.bank.outgoing {
		if in := w.bank.incoming[o.receiver]; in != nil && o.sent > 0 {
			sent[in.offer]++
		}
	}
	for _, p := range w.all() {
		if p.State == payments.PaidLate || p.State == payments.Failed && !strings.Contains(p.Message, "Nothing was paid") {
			doubtful[p.OfferID] = true
		}
	}
	for offer, n := range sent {
		require.True(w, n <= 1 || doubtful[offer], "offer %s was paid %d times", offer, n)
	}
}
