package walletcache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/walletcache"
)

const life = 5 * time.Minute

// wallet is one that counts what it is asked, and can be told what to answer.
type wallet struct {
	clock *clock.Held
	payments.Wallets

	mu      sync.Mutex
	asked   map[string]int
	keepFor time.Duration
	expires time.Duration
	fails   error           // of the next documents and grants
	dead    map[string]bool // tokens that are not taken any more
	refusal error           // what is said of them
	pause   time.Duration   // before each answer
}

func open(t *testing.T) *wallet {
	t.Helper()
	w := &wallet{
		clock: clock.NewHeld(time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)), asked: map[string]int{}, expires: 10 * time.Minute,
		dead: map[string]bool{}, refusal: &openpayments.Error{Op: "test", Kind: openpayments.ErrInactiveToken},
	}
	w.Wallets = walletcache.Over(payments.Wallets{WalletAddress: addresses{w}, Grant: grants{w}, IncomingPayment: incoming{w}, Quote: quotes{w}}, life, w.clock)
	return w
}

// ask notes a question, and returns how many of its kind there were.
func (w *wallet) ask(what string) int {
	time.Sleep(w.pause) //nolint:forbidigo // in a bubble of its own time
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[what]++
	return w.asked[what]
}

type addresses struct{ *wallet }

func (w addresses) Get(_ context.Context, p openpayments.WalletAddressGetParams) (openpayments.WalletAddress, error) {
	w.ask(p.URL)
	return openpayments.WalletAddress{ID: p.URL, AuthServer: "https://auth.example/1", ResourceServer: "https://rs.example/1", KeepFor: w.keepFor}, w.fails
}

type grants struct{ *wallet }

func (w grants) Request(_ context.Context, p openpayments.GrantRequestParams) (openpayments.Grant, error) {
	kind := string(p.Access[0].Type)
	n := w.ask(kind)
	if p.Interact != nil {
		return openpayments.Grant{Interaction: &openpayments.Interaction{Redirect: fmt.Sprint("https://auth.example/interact/", n)}}, w.fails
	}
	if w.fails != nil {
		return openpayments.Grant{}, w.fails
	}
	return openpayments.Grant{AccessToken: &openpayments.AccessToken{Value: fmt.Sprint(kind, n), ManageURI: "https://auth.example/token/1", ExpiresIn: w.expires}}, nil
}

func (w grants) Continue(context.Context, openpayments.GrantContinueParams) (openpayments.Grant, error) {
	return openpayments.Grant{}, errors.New("not asked here")
}

func (w grants) Cancel(context.Context, openpayments.GrantCancelParams) error {
	return errors.New("not asked here")
}

func (w *wallet) take(token string) error {
	if w.dead[token] {
		return w.refusal
	}
	return nil
}

type incoming struct{ *wallet }

func (w incoming) Create(_ context.Context, p openpayments.IncomingPaymentCreateParams) (openpayments.IncomingPayment, error) {
	w.ask("create incoming payment")
	return openpayments.IncomingPayment{ID: "with " + p.AccessToken}, w.take(p.AccessToken)
}

func (w incoming) GetPublic(context.Context, openpayments.IncomingPaymentGetPublicParams) (openpayments.PublicIncomingPayment, error) {
	return openpayments.PublicIncomingPayment{}, errors.New("not asked here")
}

type quotes struct{ *wallet }

func (w quotes) Create(_ context.Context, p openpayments.QuoteCreateParams) (openpayments.Quote, error) {
	w.ask("create quote")
	return openpayments.Quote{ID: "with " + p.AccessToken}, w.take(p.AccessToken)
}

const alice, bob = "https://wallet.example/alice", "https://wallet.example/bob"

func (w *wallet) document(t *testing.T, url string) {
	t.Helper()
	document, err := w.WalletAddress.Get(t.Context(), openpayments.WalletAddressGetParams{URL: url})
	require.NoError(t, err)
	require.Equal(t, url, document.ID)
}

func request(authServer string, kind openpayments.AccessType, actions ...openpayments.Action) openpayments.GrantRequestParams {
	return openpayments.GrantRequestParams{URL: authServer, Access: []openpayments.Access{{Type: kind, Actions: actions}}}
}

var (
	toReceive = request("https://auth.example/1", openpayments.AccessIncomingPayment, openpayments.ActionCreate, openpayments.ActionRead)
	toQuote   = request("https://auth.example/1", openpayments.AccessQuote, openpayments.ActionCreate)
)

func (w *wallet) token(t *testing.T, p openpayments.GrantRequestParams) string {
	t.Helper()
	grant, err := w.Grant.Request(t.Context(), p)
	require.NoError(t, err)
	require.NotNil(t, grant.AccessToken)
	return grant.AccessToken.Value
}

func TestDocuments_AreKeptForTheirLife(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.document(t, alice)
	w.document(t, bob)
	w.clock.Advance(life - time.Second)
	w.document(t, alice)
	require.Equal(t, map[string]int{alice: 1, bob: 1}, w.asked)
	w.clock.Advance(time.Second)
	w.document(t, alice)
	require.Equal(t, 2, w.asked[alice])
}

func TestDocuments_AreKeptAsTheirWalletSays(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.keepFor = time.Minute
	w.document(t, alice)
	w.clock.Advance(59 * time.Second)
	w.document(t, alice)
	require.Equal(t, 1, w.asked[alice])
	w.clock.Advance(time.Second)
	w.keepFor = -1
	w.document(t, alice)
	w.document(t, alice)
	require.Equal(t, 3, w.asked[alice], "no-store: asked each time")
}

func TestDocuments_ErrorsAreNotKept(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.fails = &openpayments.Error{Op: "test", Kind: openpayments.ErrNotFound}
	_, err := w.WalletAddress.Get(t.Context(), openpayments.WalletAddressGetParams{URL: alice})
	require.ErrorIs(t, err, openpayments.ErrNotFound)
	w.fails = nil
	w.document(t, alice)
}

// TestDocuments_AreDoubtedWhenTheirServersRefuse: a wallet that has moved is found at the next try.
func TestDocuments_AreDoubtedWhenTheirServersRefuse(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]func(w *wallet) error{
		"a grant": func(w *wallet) error {
			w.fails = &openpayments.Error{Op: "test", Kind: openpayments.ErrNotFound}
			_, err := w.Grant.Request(t.Context(), toQuote)
			return err
		},
		"a consent": func(w *wallet) error {
			w.fails = &openpayments.Error{Op: "test", Kind: openpayments.ErrUnreachable}
			consent := request("https://auth.example/1", openpayments.AccessOutgoingPayment, openpayments.ActionCreate)
			consent.Interact = &openpayments.Interact{}
			_, err := w.Grant.Request(t.Context(), consent)
			return err
		},
		"a quote": func(w *wallet) error {
			w.dead["old"] = true
			_, err := w.Quote.Create(t.Context(), openpayments.QuoteCreateParams{BaseURL: "https://rs.example/1", AccessToken: "old"})
			return err
		},
	} {
		w := open(t)
		w.document(t, alice)
		require.Error(t, refused(w), name)
		w.fails = nil
		w.document(t, alice)
		require.Equal(t, 2, w.asked[alice], name)
	}
}

func TestDocuments_AreNotDoubtedForBeingAskedTooOften(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.document(t, alice)
	w.fails = &openpayments.Error{Op: "test", Kind: openpayments.ErrTooManyRequests}
	_, err := w.Grant.Request(t.Context(), toQuote)
	require.Error(t, err)
	w.fails = nil
	w.document(t, alice)
	require.Equal(t, 1, w.asked[alice])
}

func TestTokens_AreSharedUntilShortlyBeforeTheirEnd(t *testing.T) {
	t.Parallel()
	w := open(t)
	require.Equal(t, "quote1", w.token(t, toQuote))
	require.Equal(t, "incoming-payment1", w.token(t, toReceive))
	w.clock.Advance(10*time.Minute - 31*time.Second)
	require.Equal(t, "quote1", w.token(t, toQuote))
	w.clock.Advance(time.Second)
	require.Equal(t, "quote2", w.token(t, toQuote))
}

func TestTokens_AreNotKeptWhenTheirEndIsNear(t *testing.T) {
	t.Parallel()
	for _, expires := range []time.Duration{0, time.Second, 30 * time.Second} {
		w := open(t)
		w.expires = expires
		require.Equal(t, "quote1", w.token(t, toQuote))
		require.Equal(t, "quote2", w.token(t, toQuote), "%s", expires)
	}
}

// TestTokens_AreSharedForTheSameOnly: another server, other rights, an account, a limit or somebody's consent makes it another grant.
func TestTokens_AreSharedForTheSameOnly(t *testing.T) {
	t.Parallel()
	w := open(t)
	seen := map[string]bool{w.token(t, toReceive): true}
	account := request("https://auth.example/1", openpayments.AccessIncomingPayment, openpayments.ActionCreate, openpayments.ActionRead)
	account.Access[0].Identifier = alice
	limited := request("https://auth.example/1", openpayments.AccessIncomingPayment, openpayments.ActionCreate, openpayments.ActionRead)
	limited.Access[0].Limits = &openpayments.Limits{}
	for _, other := range []openpayments.GrantRequestParams{
		request("https://auth.example/2", openpayments.AccessIncomingPayment, openpayments.ActionCreate, openpayments.ActionRead),
		request("https://auth.example/1", openpayments.AccessIncomingPayment, openpayments.ActionCreate),
		request("https://auth.example/1", openpayments.AccessOutgoingPayment, openpayments.ActionCreate, openpayments.ActionRead),
		account, account, limited,
	} {
		value := w.token(t, other)
		require.False(t, seen[value], value)
		seen[value] = true
	}
	require.Equal(t, "incoming-payment1", w.token(t, request("https://auth.example/1", openpayments.AccessIncomingPayment, openpayments.ActionRead, openpayments.ActionCreate)))

	consent := request("https://auth.example/1", openpayments.AccessQuote, openpayments.ActionCreate)
	consent.Interact = &openpayments.Interact{}
	for n := range 2 {
		grant, err := w.Grant.Request(t.Context(), consent)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint("https://auth.example/interact/", n+1), grant.Interaction.Redirect)
	}
}

// TestTokens_AreRenewedWhenTheirWalletLostThem: whoever comes with the old one is helped, however many there are.
func TestTokens_AreRenewedWhenTheirWalletLostThem(t *testing.T) {
	t.Parallel()
	for _, kind := range []error{openpayments.ErrInactiveToken, openpayments.ErrInsufficientGrant} {
		w := open(t)
		w.refusal = &openpayments.Error{Op: "test", Kind: kind}
		receive, quote := w.token(t, toReceive), w.token(t, toQuote)
		w.dead[receive], w.dead[quote] = true, true
		for range 2 {
			created, err := w.IncomingPayment.Create(t.Context(), openpayments.IncomingPaymentCreateParams{AccessToken: receive})
			require.NoError(t, err)
			require.Equal(t, "with incoming-payment2", created.ID)
			quoted, err := w.Quote.Create(t.Context(), openpayments.QuoteCreateParams{AccessToken: quote})
			require.NoError(t, err)
			require.Equal(t, "with quote2", quoted.ID)
		}
		require.Equal(t, "quote2", w.token(t, toQuote))
	}
}

func TestTokens_AreRenewedOnce(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.dead["quote1"], w.dead["quote2"] = true, true
	_, err := w.Quote.Create(t.Context(), openpayments.QuoteCreateParams{AccessToken: w.token(t, toQuote)})
	require.ErrorIs(t, err, openpayments.ErrInactiveToken)
	require.Equal(t, 2, w.asked["create quote"])
}

// TestTokens_AnotherErrorIsNotTriedAgain: it may have had an effect.
func TestTokens_AnotherErrorIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.dead["incoming-payment1"], w.refusal = true, &openpayments.Error{Op: "test", Kind: openpayments.ErrTimeout}
	_, err := w.IncomingPayment.Create(t.Context(), openpayments.IncomingPaymentCreateParams{AccessToken: w.token(t, toReceive)})
	require.ErrorIs(t, err, openpayments.ErrTimeout)
	require.Equal(t, 1, w.asked["create incoming payment"])
	require.Equal(t, "incoming-payment1", w.token(t, toReceive))
}

func TestTokens_AWalletThatWantsConsentIsRefused(t *testing.T) {
	t.Parallel()
	w := open(t)
	w.Wallets = walletcache.Over(payments.Wallets{Grant: consenting{grants{w}}}, life, w.clock)
	_, err := w.Grant.Request(t.Context(), toQuote)
	require.Equal(t, payments.CodeWalletRefused, payments.CodeOf(err))
}

type consenting struct{ grants }

func (consenting) Request(context.Context, openpayments.GrantRequestParams) (openpayments.Grant, error) {
	return openpayments.Grant{Interaction: &openpayments.Interaction{Redirect: "https://auth.example/interact/1"}}, nil
}

// TestTogether: all who want the same at a time wait for one answer, and whoever leaves takes nothing from the others.
func TestTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := open(t)
		w.pause = time.Second
		leaving, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			_, err := w.Grant.Request(leaving, toQuote)
			require.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		for range 50 {
			all.Go(func() { w.token(t, toQuote) })
			all.Go(func() { w.document(t, alice) })
		}
		synctest.Wait()
		leave()
		all.Wait()
		require.Equal(t, map[string]int{"quote": 1, alice: 1}, w.asked)
	})
}
