package payments_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/operator"
)

func TestStart_AsksForTheNarrowestConsent(t *testing.T) {
	t.Parallel()
	s := tell(t)
	p := s.start()

	require.Equal(t, "https://auth.buyer.example/interact/1", p.Consent.RedirectURL)
	require.Equal(t, "100.00 MXN", p.Amount.String())
	require.Equal(t, "6.00 USD", p.DebitAmount.String())
	require.Equal(t, s.clock.Now().Add(10*time.Minute), p.Consent.ExpiresAt)

	asked := s.wallets.consent
	require.Equal(t, authServer, asked.URL)
	require.Len(t, asked.Access, 1)
	require.Equal(t, buyerWallet, asked.Access[0].Identifier)
	require.Equal(t, p.IncomingPaymentID, asked.Access[0].Limits.Receiver)
	require.Equal(t, p.DebitAmount, *asked.Access[0].Limits.DebitAmount)
	require.Nil(t, asked.Access[0].Limits.ReceiveAmount)
	require.Equal(t, "https://market.example/payments/finish?pendingId="+string(p.ID), asked.Interact.FinishURI)
	require.GreaterOrEqual(t, len(asked.Interact.Nonce), 43, "256 bits")
	require.NotContains(t, asked.Interact.FinishURI+p.Consent.RedirectURL, asked.Interact.Nonce)

	require.Equal(t, int64(10000), s.wallets.incoming.IncomingAmount.Value())
	require.Equal(t, string(p.ID), s.wallets.incoming.Metadata["pendingId"])
	s.requireTrail(p)
	require.Zero(t, s.news)
}

func TestStart_NeverTheSameNonce(t *testing.T) {
	t.Parallel()
	s := tell(t)
	seen := map[string]bool{}
	for _, offer := range []string{"1", "2", "3"} {
		r := request()
		r.OfferID = offer
		_, err := s.Start(t.Context(), r)
		require.NoError(t, err)
		seen[s.wallets.consent.Interact.Nonce] = true
	}
	require.Len(t, seen, 3)
}

func TestStart_TheSameAgainIsTheSamePayment(t *testing.T) {
	t.Parallel()
	s := tell(t)
	first := s.start()
	again := s.start()
	require.Equal(t, first.ID, again.ID)
	require.Equal(t, first.Consent.RedirectURL, again.Consent.RedirectURL)
	require.Equal(t, 1, s.wallets.count("incoming"))
}

func TestStart_AnotherReplacesTheOneThatAwaits(t *testing.T) {
	t.Parallel()
	s := tell(t)
	first := s.start()
	r := request()
	r.Amount = "19.99"
	second, err := s.Start(t.Context(), r)
	require.NoError(t, err)
	require.NotEqual(t, first.ID, second.ID)
	require.Equal(t, int64(1999), second.Amount.Value())
	require.Equal(t, 1, s.wallets.count("cancel"), "the older consent is cancelled before the newer is asked for")
	s.requireFailed(s.payment(first.ID), payments.Canceled)
}

func TestStart_ReplacesAnExpiredOne(t *testing.T) {
	t.Parallel()
	s := tell(t)
	first := s.start()
	s.clock.Advance(10 * time.Minute)
	second := s.start()
	require.NotEqual(t, first.ID, second.ID)
}

func TestStart_WhileTheOlderConsentCannotBeCancelled(t *testing.T) {
	t.Parallel()
	s := tell(t)
	first := s.start()
	s.wallets.before["cancel"] = []error{refusal(openpayments.ErrServer)}
	r := request()
	r.Amount = "19.99"
	_, err := s.Start(t.Context(), r)
	require.Equal(t, payments.CodeInProgress, payments.CodeOf(err))
	s.requireFailed(s.work(first.ID, time.Minute), payments.Canceled)
	_, err = s.Start(t.Context(), r)
	require.NoError(t, err)
}

func TestStart_NotWhileMoneyMovesNorWhenPaid(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.settles = false
	p := s.start()
	p = s.finish(p, s.proof(p))
	require.Equal(t, payments.Sending, p.State)
	_, err := s.Start(t.Context(), request())
	require.Equal(t, payments.CodeInProgress, payments.CodeOf(err))

	s.wallets.set(func() { s.wallets.received = amount(10000, "MXN") })
	s.requirePaid(s.work(p.ID, time.Hour))
	_, err = s.Start(t.Context(), request())
	require.Equal(t, payments.CodeAlreadyPaid, payments.CodeOf(err))
	require.ErrorContains(t, err, string(p.ID))
}

func TestStart_TwinsAtOnceMakeOnePayment(t *testing.T) {
	t.Parallel()
	s := tell(t)
	var twins sync.WaitGroup
	var mu sync.Mutex
	ids := map[payments.PaymentID]bool{}
	for range 8 {
		twins.Go(func() {
			p, err := s.Start(t.Context(), request())
			if err != nil {
				if payments.CodeOf(err) != payments.CodeInProgress {
					t.Errorf("a twin got %v", err)
				}
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids[p.ID] = true
		})
	}
	twins.Wait()
	require.Len(t, ids, 1)
	require.Equal(t, 1, s.wallets.count("incoming"))
}

func TestStart_BadInputChangesNothing(t *testing.T) {
	t.Parallel()
	s := tell(t)
	for name, c := range map[string]struct {
		change func(*payments.StartRequest)
		code   payments.Code
	}{
		"no offer":          {func(r *payments.StartRequest) { r.OfferID = "" }, payments.CodeInvalidRequest},
		"offer with spaces": {func(r *payments.StartRequest) { r.OfferID = "4 2" }, payments.CodeInvalidRequest},
		"long offer":        {func(r *payments.StartRequest) { r.OfferID = strings.Repeat("4", 129) }, payments.CodeInvalidRequest},
		"unknown seller":    {func(r *payments.StartRequest) { r.SellerID = "nobody" }, payments.CodeUnknownSeller},
		"no wallet":         {func(r *payments.StartRequest) { r.BuyerWalletAddressURL = "" }, payments.CodeInvalidWallet},
		"file wallet":       {func(r *payments.StartRequest) { r.BuyerWalletAddressURL = "file:///etc/passwd" }, payments.CodeInvalidWallet},
		"wallet with user":  {func(r *payments.StartRequest) { r.BuyerWalletAddressURL = "https://me:pw@wallet.example/x" }, payments.CodeInvalidWallet},
		"12abc":             {func(r *payments.StartRequest) { r.Amount = "12abc" }, payments.CodeInvalidAmount},
		"three decimals":    {func(r *payments.StartRequest) { r.Amount = "19.999" }, payments.CodeInvalidAmount},
		"zero":              {func(r *payments.StartRequest) { r.Amount = "0" }, payments.CodeInvalidAmount},
		"negative":          {func(r *payments.StartRequest) { r.Amount = "-1" }, payments.CodeInvalidAmount},
		"exponent":          {func(r *payments.StartRequest) { r.Amount = "1e3" }, payments.CodeInvalidAmount},
		"thousands":         {func(r *payments.StartRequest) { r.Amount = "1,000" }, payments.CodeInvalidAmount},
	} {
		r := request()
		c.change(&r)
		_, err := s.Start(t.Context(), r)
		require.Equal(t, c.code, payments.CodeOf(err), name)
	}
	all, err := s.store.RecentPayments(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, all)
	require.Zero(t, s.wallets.count("incoming"))
}

func TestStart_WalletsThatFail(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"grant incoming-payment", "grant quote", "incoming", "quote", "grant outgoing-payment"} {
		for kind, code := range map[error]payments.Code{
			openpayments.ErrTimeout: payments.CodeWalletTimeout, openpayments.ErrServer: payments.CodeWalletDown,
			openpayments.ErrUnreachable: payments.CodeWalletDown, openpayments.ErrInvalidClient: payments.CodeWalletRefused,
		} {
			s := tell(t)
			s.wallets.before[op] = []error{refusal(kind)}
			_, err := s.Start(t.Context(), request())
			require.Equal(t, code, payments.CodeOf(err), "%s %v", op, kind)
			require.ErrorIs(t, err, kind, "the cause is kept for the log")

			all, err := s.store.RecentPayments(t.Context(), 10)
			require.NoError(t, err)
			require.Len(t, all, 1)
			require.Equal(t, payments.Failed, all[0].State)
			require.Equal(t, payments.WalletError, all[0].Reason)
			deliveries, err := s.store.Deliveries(t.Context(), all[0].ID)
			require.NoError(t, err)
			require.Empty(t, deliveries, "nobody knows its id: there is nobody to tell")
			s.start() // and the offer can be started again
		}
	}
}

func TestStart_AddressesThatLeadNowhere(t *testing.T) {
	t.Parallel()
	for kind, code := range map[error]payments.Code{
		openpayments.ErrNotFound: payments.CodeInvalidWallet, openpayments.ErrUnexpectedAnswer: payments.CodeInvalidWallet,
		openpayments.ErrTimeout: payments.CodeWalletTimeout, openpayments.ErrUnreachable: payments.CodeWalletDown,
	} {
		s := tell(t)
		s.wallets.before["address "+buyerWallet] = []error{refusal(kind)}
		_, err := s.Start(t.Context(), request())
		require.Equal(t, code, payments.CodeOf(err), kind)
	}
}

func TestStart_AQuoteThatBringsLessIsRefused(t *testing.T) {
	t.Parallel()
	s := tell(t)
	s.wallets.receive = 9999
	_, err := s.Start(t.Context(), request())
	require.Equal(t, payments.CodeWalletRefused, payments.CodeOf(err))
	require.Zero(t, s.wallets.count("grant outgoing-payment"), "the buyer is not asked")
}

func TestStart_ThatWasInterruptedIsCleanedUp(t *testing.T) {
	t.Parallel()
	s := tell(t)
	// A process that dies leaves the row as it was created; a wallet that panics stands in for the kill.
	s.wallets.before["incoming"] = []error{errors.New("dies here")}
	_, err := s.Start(t.Context(), request())
	require.Error(t, err)
	all, err := s.store.RecentPayments(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, payments.Failed, all[0].State)
}

// A process that stands still while it starts a payment finds, when it goes on, that a worker has called it interrupted.
func TestStart_ThatStoodStillPastItsLease(t *testing.T) {
	t.Parallel()
	for name, quoteFails := range map[string]bool{"and then went on": false, "and then failed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := tell(t)
			worker := s.Service
			s.Service = payments.New(s.store, func(c payments.Client) (payments.Wallets, error) {
				w, err := s.wallets.of(c)
				w.Quote = frozenQuotes{quoteCalls{s.wallets}, func() {
					s.clock.Advance(31 * time.Second)
					for _, p := range mustClaim(s) {
						require.NoError(t, worker.Advance(t.Context(), p))
					}
				}}
				return w, err
			}, s.clock, slog.New(slog.DiscardHandler), payments.Settings{ConsentLifetime: 10 * time.Minute, FinishWait: 8 * time.Second, Lease: 30 * time.Second}, nil)
			want := payments.CodeInProgress
			if quoteFails {
				s.wallets.before["quote"] = []error{refusal(openpayments.ErrRefused)}
				want = payments.CodeWalletRefused
			}
			_, err := s.Start(t.Context(), request())
			require.Equal(t, want, payments.CodeOf(err))
			require.NotErrorIs(t, err, payments.ErrStale, "nothing internal")
			all, err := s.store.OfferPayments(t.Context(), offer, 10)
			require.NoError(t, err)
			require.Len(t, all, 1)
			require.Equal(t, payments.Interrupted, all[0].Reason)
			s.Service = worker
			s.start()
		})
	}
}

// frozenQuotes is a buyer's wallet during whose answer something else happens.
type frozenQuotes struct {
	quoteCalls
	meanwhile func()
}

func (f frozenQuotes) Create(ctx context.Context, p openpayments.QuoteCreateParams) (openpayments.Quote, error) {
	f.meanwhile()
	return f.quoteCalls.Create(ctx, p)
}

func TestRegisterSeller_BadInput(t *testing.T) {
	t.Parallel()
	s := tell(t)
	for name, seller := range map[string]payments.Seller{
		"no id":          {WalletAddressURL: sellerWallet},
		"no wallet":      {ID: "x"},
		"no host":        {ID: "x", WalletAddressURL: "https://"},
		"key, no path":   {ID: "x", WalletAddressURL: sellerWallet, KeyID: "k"},
		"path, no key":   {ID: "x", WalletAddressURL: sellerWallet, PrivateKeyPath: "k.pem"},
		"id with a line": {ID: "x\ny", WalletAddressURL: sellerWallet},
	} {
		require.NotEmpty(t, payments.CodeOf(s.RegisterSeller(t.Context(), operator.Operator{}, seller)), name)
	}
	require.NoError(t, s.RegisterSeller(t.Context(), operator.Operator{}, payments.Seller{ID: "wendy", WalletAddressURL: "https://other.example/wendy"}))
	changed, err := s.store.Seller(t.Context(), "wendy")
	require.NoError(t, err)
	require.Equal(t, "https://other.example/wendy", changed.WalletAddressURL)
}
