package payments_test

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"tianguis.example/payments"
	"tianguis.example/payments/money"
	"tianguis.example/payments/openpayments"
)

// wallets is a buyer's and a seller's wallet in memory, which can be told to fail: before a call takes
// effect, or after. What a real wallet does is the sandbox's; here the rules are pushed into corners.
type wallets struct {
	mu        sync.Mutex
	calls     []string
	before    map[string][]error // by operation: errors for the next calls, which then have no effect
	after     map[string][]error // likewise, for calls that had their effect: the answer is lost
	wait      time.Duration      // between a grant and its continuation
	debit     int64              // of the next quotes, USD/2
	receive   int64              // of the next quotes, MXN/2; 0: what was asked
	settles   bool               // whether the money arrives
	failed    string             // the cancellationReason of outgoing payments, "" for none
	received  money.Amount
	incoming  openpayments.IncomingPaymentCreateParams
	consent   openpayments.GrantRequestParams
	quotes    int
	token     string
	tokenLife time.Duration     // of access tokens; zero for ten minutes
	paid      map[string]string // outgoing payment by quote
	used      bool              // the grant was continued
	canceled  bool
	pause     time.Duration // before each call: of a test that is in a bubble of its own time
}

const (
	buyerWallet  = "https://buyer.example/beatriz"
	sellerWallet = "https://seller.example/wendy"
	authServer   = "https://auth.buyer.example/tenant"
)

func newWallets() *wallets {
	return &wallets{before: map[string][]error{}, after: map[string][]error{}, debit: 600, settles: true, paid: map[string]string{}, token: "access-token-1"}
}

func (w *wallets) of(payments.Client) (payments.Wallets, error) {
	return payments.Wallets{
		WalletAddress: addressCalls{w}, Grant: grantCalls{w}, Token: tokenCalls{w}, IncomingPayment: incomingCalls{w}, Quote: quoteCalls{w}, OutgoingPayment: outgoingCalls{w},
	}, nil
}

// enter is what each call begins with; what it returns ends it.
func (w *wallets) enter() (leave func()) {
	time.Sleep(w.pause) //nolint:forbidigo // see pause
	w.mu.Lock()
	return w.mu.Unlock
}

// begin notes a call, and says whether it is to fail before it has an effect.
func (w *wallets) begin(op string) error {
	w.calls = append(w.calls, op)
	return pop(w.before, op)
}

func (w *wallets) end(op string) error { return pop(w.after, op) }

func pop(queue map[string][]error, op string) error {
	if len(queue[op]) == 0 {
		return nil
	}
	err := queue[op][0]
	queue[op] = queue[op][1:]
	return err
}

// count is how often an operation was asked for.
func (w *wallets) count(op string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, call := range w.calls {
		if call == op {
			n++
		}
	}
	return n
}

func (w *wallets) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

func refusal(kind error) error { return &openpayments.Error{Op: "test", Kind: kind, Status: 400} }

func amount(value int64, code string) money.Amount {
	a, err := money.New(value, code, 2)
	if err != nil {
		panic(err)
	}
	return a
}

type addressCalls struct{ *wallets }

func (w addressCalls) Get(_ context.Context, p openpayments.WalletAddressGetParams) (openpayments.WalletAddress, error) {
	defer w.enter()()
	if err := w.begin("address " + p.URL); err != nil {
		return openpayments.WalletAddress{}, err
	}
	if p.URL == sellerWallet {
		return openpayments.WalletAddress{ID: p.URL, AssetCode: "MXN", AssetScale: 2, AuthServer: "https://auth.seller.example", ResourceServer: "https://rs.seller.example"}, nil
	}
	return openpayments.WalletAddress{ID: p.URL, AssetCode: "USD", AssetScale: 2, AuthServer: authServer, ResourceServer: "https://rs.buyer.example/tenant"}, nil
}

type grantCalls struct{ *wallets }

func (w grantCalls) Request(_ context.Context, p openpayments.GrantRequestParams) (openpayments.Grant, error) {
	defer w.enter()()
	op := "grant " + string(p.Access[0].Type)
	if err := w.begin(op); err != nil {
		return openpayments.Grant{}, err
	}
	if p.Interact == nil {
		return openpayments.Grant{AccessToken: &openpayments.AccessToken{Value: "token", ExpiresIn: w.tokenLife}}, w.end(op)
	}
	w.consent = p
	w.used, w.canceled = false, false
	return openpayments.Grant{
		Interaction: &openpayments.Interaction{Redirect: "https://auth.buyer.example/interact/1", Finish: "as-nonce"},
		Continue:    &openpayments.Continuation{URI: "https://auth.buyer.example/continue/1", AccessToken: "continue-token", Wait: w.wait},
	}, w.end(op)
}

func (w grantCalls) Continue(_ context.Context, _ openpayments.GrantContinueParams) (openpayments.Grant, error) {
	defer w.enter()()
	if err := w.begin("continue"); err != nil {
		return openpayments.Grant{}, err
	}
	if w.used || w.canceled { // one-shot: traces/02-c-continue-twice.json
		return openpayments.Grant{}, refusal(openpayments.ErrRequestDenied)
	}
	w.used = true
	if err := w.end("continue"); err != nil {
		return openpayments.Grant{}, err
	}
	return openpayments.Grant{AccessToken: &openpayments.AccessToken{Value: w.token, ManageURI: "https://auth.buyer.example/token/1", ExpiresIn: cmp.Or(w.tokenLife, 10*time.Minute)}}, nil
}

func (w grantCalls) Cancel(context.Context, openpayments.GrantCancelParams) error {
	defer w.enter()()
	if err := w.begin("cancel"); err != nil {
		return err
	}
	w.canceled = true
	return w.end("cancel")
}

type tokenCalls struct{ *wallets }

func (w tokenCalls) Rotate(_ context.Context, p openpayments.TokenRotateParams) (openpayments.AccessToken, error) {
	defer w.enter()()
	if err := w.begin("rotate"); err != nil {
		return openpayments.AccessToken{}, err
	}
	w.token = p.AccessToken + "-rotated"
	return openpayments.AccessToken{Value: w.token, ManageURI: p.URL + "-rotated", ExpiresIn: w.tokenLife}, w.end("rotate")
}

type incomingCalls struct{ *wallets }

func (w incomingCalls) Create(_ context.Context, p openpayments.IncomingPaymentCreateParams) (openpayments.IncomingPayment, error) {
	defer w.enter()()
	if err := w.begin("incoming"); err != nil {
		return openpayments.IncomingPayment{}, err
	}
	w.incoming = p
	w.received = amount(0, "MXN")
	return openpayments.IncomingPayment{ID: "https://rs.seller.example/incoming-payments/1", IncomingAmount: p.IncomingAmount, ReceivedAmount: w.received, ExpiresAt: p.ExpiresAt}, w.end("incoming")
}

func (w incomingCalls) GetPublic(context.Context, openpayments.IncomingPaymentGetPublicParams) (openpayments.PublicIncomingPayment, error) {
	defer w.enter()()
	if err := w.begin("received"); err != nil {
		return openpayments.PublicIncomingPayment{}, err
	}
	return openpayments.PublicIncomingPayment{ReceivedAmount: w.received}, nil
}

type quoteCalls struct{ *wallets }

func (w quoteCalls) Create(_ context.Context, p openpayments.QuoteCreateParams) (openpayments.Quote, error) {
	defer w.enter()()
	if err := w.begin("quote"); err != nil {
		return openpayments.Quote{}, err
	}
	w.quotes++
	receive := *w.incoming.IncomingAmount
	if w.receive != 0 {
		receive = amount(w.receive, "MXN")
	}
	return openpayments.Quote{
		ID: fmt.Sprintf("https://rs.buyer.example/tenant/quotes/q%d", w.quotes), Receiver: p.Receiver,
		DebitAmount: amount(w.debit, "USD"), ReceiveAmount: receive,
	}, w.end("quote")
}

type outgoingCalls struct{ *wallets }

func (w outgoingCalls) Create(_ context.Context, p openpayments.OutgoingPaymentCreateParams) (openpayments.OutgoingPayment, error) {
	defer w.enter()()
	if err := w.begin("pay"); err != nil {
		return openpayments.OutgoingPayment{}, err
	}
	if p.AccessToken != w.token {
		return openpayments.OutgoingPayment{}, refusal(openpayments.ErrInactiveToken)
	}
	if w.paid[p.QuoteID] != "" { // traces/02-e-outgoing-same-quote-twice.json
		return openpayments.OutgoingPayment{}, refusal(openpayments.ErrInvalidQuote)
	}
	w.paid[p.QuoteID] = strings.Replace(p.QuoteID, "/quotes/", "/outgoing-payments/", 1)
	if w.settles && w.failed == "" {
		w.received = *w.incoming.IncomingAmount
	}
	return openpayments.OutgoingPayment{ID: w.paid[p.QuoteID]}, w.end("pay")
}

func (w outgoingCalls) Get(_ context.Context, p openpayments.OutgoingPaymentGetParams) (openpayments.OutgoingPayment, error) {
	defer w.enter()()
	if err := w.begin("look"); err != nil {
		return openpayments.OutgoingPayment{}, err
	}
	if p.AccessToken != w.token {
		return openpayments.OutgoingPayment{}, refusal(openpayments.ErrInactiveToken)
	}
	for _, id := range w.paid {
		if id == p.URL {
			out := openpayments.OutgoingPayment{ID: id}
			if w.failed != "" {
				out.Failed, out.Metadata = true, map[string]string{"cancellationReason": w.failed}
			}
			return out, nil
		}
	}
	return openpayments.OutgoingPayment{}, refusal(openpayments.ErrUnknownPayment)
}

func (w outgoingCalls) List(_ context.Context, _ openpayments.ListParams) (openpayments.Page[openpayments.OutgoingPayment], error) {
	defer w.enter()()
	var page openpayments.Page[openpayments.OutgoingPayment]
	if err := w.begin("list"); err != nil {
		return page, err
	}
	for quote, id := range w.paid {
		page.Result = append(page.Result, openpayments.OutgoingPayment{ID: id, QuoteID: quote})
	}
	return page, nil
}
