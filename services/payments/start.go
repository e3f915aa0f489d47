package payments

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"tianguis.example/chassis/logging"
	"tianguis.example/payments/money"
	"tianguis.example/payments/openpayments"
)

// StartRequest asks for an offer to be paid.
type StartRequest struct {
	OfferID               string
	SellerID              string
	BuyerWalletAddressURL string
	Amount                string // decimal text in major units of the seller's asset: "100.00"
	Trace                 string // the caller's span, a W3C traceparent, which is kept for whoever works on the payment later; "" for none
}

type startStore interface {
	// LivePayment is the one payment of the offer that has not failed, or one whose money came late; ErrUnknown when there is none.
	LivePayment(ctx context.Context, offerID string) (Payment, error)
}

// incomingLifetime is how long the seller's incoming payment is open. A wallet deletes one
// that expired unpaid, so it must outlive consent and sending by far.
const incomingLifetime = 24 * time.Hour

// startBound is how long the wallets may take in all for a start. It is shorter than the lease, so
// that no worker calls a payment interrupted which is still being started.
func (s Settings) startBound() time.Duration { return s.Lease * 5 / 6 }

// Start prepares a payment and returns it in AwaitingApproval: the buyer goes to Consent.RedirectURL. An offer
// has one live payment: the same request again returns it, another one replaces it while it
// awaits approval. Errors: CodeInvalidRequest, CodeInvalidAmount, CodeInvalidWallet, CodeUnknownSeller, CodeInProgress,
// CodeAlreadyPaid, CodeNoIdentity, CodeInvalidKey, CodeWalletDown, CodeWalletTimeout, CodeWalletRefused.
func (s *Service) Start(ctx context.Context, r StartRequest) (Payment, error) {
	if err := checkID("offerId", r.OfferID); err != nil {
		return Payment{}, err
	}
	buyerWallet, err := parseWalletAddress("buyerWalletAddressUrl", r.BuyerWalletAddressURL)
	if err != nil {
		return Payment{}, err
	}
	seller, err := s.seller(ctx, r.SellerID)
	if err != nil {
		return Payment{}, err
	}
	wallets, err := s.wallets(seller.client())
	if err != nil {
		return Payment{}, err
	}
	// The marketplace's browser may leave; what has begun at the wallets is brought to an end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.settings.startBound())
	defer cancel()

	sellers, buyers, err := addresses(ctx, wallets, seller.WalletAddressURL, buyerWallet)
	if err != nil {
		return Payment{}, err
	}
	amount, err := money.ParseDecimal(r.Amount, sellers.AssetCode, sellers.AssetScale)
	if err != nil {
		return Payment{}, &Error{Code: CodeInvalidAmount, Message: err.Error()}
	}
	if live, err := s.giveWay(ctx, r, seller, buyerWallet, amount); err != nil || live.ID != "" {
		return live, err
	}
	id, err := s.newPaymentID()
	if err != nil {
		return Payment{}, err
	}
	ctx = logging.With(ctx, slog.String("pending_id", string(id)))
	begun := begin(id, r.OfferID, seller, buyerWallet, amount, party(sellers), party(buyers), s.clock.Now())
	begun.After.Trace = r.Trace
	p, err := s.record(ctx, ByMarketplace, begun)
	if errors.Is(err, ErrOfferTaken) {
		return Payment{}, s.taken(ctx, r.OfferID)
	}
	if err != nil {
		return Payment{}, err
	}
	n, err := s.negotiate(ctx, wallets, p)
	if err != nil {
		return Payment{}, s.abandon(ctx, p, err)
	}
	c, err := p.AwaitApproval(n, s.clock.Now())
	if err != nil {
		return Payment{}, err
	}
	// A process that stood still past its lease finds the payment interrupted: nobody has seen its consent, and the caller tries again.
	if p, err = s.record(ctx, ByMarketplace, c); err != nil {
		return Payment{}, stillMoving(err)
	}
	return p, nil
}

func party(w openpayments.WalletAddress) Party {
	return Party{WalletAddress: w.ID, AuthServer: w.AuthServer, ResourceServer: w.ResourceServer}
}

func inProgress() error {
	return &Error{Code: CodeInProgress, Message: "a payment of this offer is under way: wait for its end", RetryAfter: 5 * time.Second}
}

// addresses asks both wallets who they are, side by side.
func addresses(ctx context.Context, w Wallets, seller, buyer string) (sellers, buyers openpayments.WalletAddress, err error) {
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		var err error
		sellers, err = w.WalletAddress.Get(ctx, openpayments.WalletAddressGetParams{URL: seller})
		return addressError("the seller's wallet address", err)
	})
	both.Go(func() error {
		var err error
		buyers, err = w.WalletAddress.Get(ctx, openpayments.WalletAddressGetParams{URL: buyer})
		return addressError("the buyer's wallet address", err)
	})
	err = both.Wait()
	return sellers, buyers, err
}

// giveWay makes room for a new payment of the offer. It returns the live one when it is what is asked for.
func (s *Service) giveWay(ctx context.Context, r StartRequest, seller Seller, buyerWallet string, amount money.Amount) (Payment, error) {
	live, err := s.store.LivePayment(ctx, r.OfferID)
	switch {
	case errors.Is(err, ErrUnknown):
		return Payment{}, nil
	case err != nil:
		return Payment{}, fmt.Errorf("read the offer's payment: %w", err)
	case live.State.Received():
		return Payment{}, alreadyPaid(live)
	case live.State != AwaitingApproval:
		return Payment{}, inProgress()
	}
	now := s.clock.Now()
	same := live.SellerID == seller.ID && live.BuyerWalletAddressURL == buyerWallet && live.Amount == amount
	if same && live.Ending == "" && now.Before(live.Consent.ExpiresAt) {
		return live, nil
	}
	if live.Ending == "" {
		c, err := live.End(Canceled, now)
		if err != nil {
			return Payment{}, err
		}
		if live, err = s.record(ctx, ByMarketplace, c); err != nil {
			return Payment{}, stillMoving(err)
		}
	}
	w, err := s.walletsOf(live) // whoever asked for the older consent cancels it
	if err != nil {
		return Payment{}, err
	}
	// The older consent is cancelled before a newer one exists: two could both be given.
	c, wait, err := s.cancelConsent(ctx, w, live)
	if err != nil {
		return Payment{}, err
	}
	if wait > 0 {
		return Payment{}, inProgress()
	}
	_, err = s.record(ctx, ByMarketplace, c)
	return Payment{}, stillMoving(err)
}

// taken says which other payment has the offer.
func (s *Service) taken(ctx context.Context, offerID string) error {
	other, err := s.store.LivePayment(ctx, offerID)
	if err == nil && other.State.Received() {
		return alreadyPaid(other)
	}
	return inProgress()
}

func alreadyPaid(by Payment) error {
	return Errorf(CodeAlreadyPaid, "this offer is paid, by payment %s", by.ID)
}

// stillMoving turns a lost race for a payment into an answer.
func stillMoving(err error) error {
	if errors.Is(err, ErrStale) {
		return inProgress()
	}
	return err
}

// negotiate asks the wallets for all that the buyer's approval needs. The seller's wallet and the buyer's are asked side by side for what does not wait
// for the other; quote and consent do.
func (s *Service) negotiate(ctx context.Context, w Wallets, p Payment) (negotiated, error) {
	var n negotiated
	var quoteToken string
	both, each := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		n.incomingPaymentID, err = s.createIncoming(each, w, p)
		return err
	})
	both.Go(func() (err error) {
		quoteToken, err = grant(each, w, p.Buyer.AuthServer, openpayments.AccessQuote, openpayments.ActionCreate, openpayments.ActionRead)
		return err
	})
	if err := both.Wait(); err != nil {
		return n, err
	}
	var err error
	n.quote, err = quote(ctx, w, p, quoteToken, n.incomingPaymentID)
	if err != nil {
		return n, err
	}
	n.consent, err = s.askConsent(ctx, w, p, n)
	return n, err
}

// createIncoming asks the seller's wallet to take the money.
func (s *Service) createIncoming(ctx context.Context, w Wallets, p Payment) (id string, err error) {
	token, err := grant(ctx, w, p.Seller.AuthServer, openpayments.AccessIncomingPayment,
		openpayments.ActionCreate, openpayments.ActionRead, openpayments.ActionList, openpayments.ActionComplete)
	if err != nil {
		return "", err
	}
	incoming, err := w.IncomingPayment.Create(ctx, openpayments.IncomingPaymentCreateParams{
		BaseURL: p.Seller.ResourceServer, AccessToken: token, WalletAddress: p.Seller.WalletAddress,
		IncomingAmount: &p.Amount, ExpiresAt: s.clock.Now().Add(incomingLifetime),
		Metadata: map[string]string{"offerId": p.OfferID, "pendingId": string(p.ID)},
	})
	return incoming.ID, err
}

// grant asks for a token that needs nobody's consent.
func grant(ctx context.Context, w Wallets, authServer string, kind openpayments.AccessType, actions ...openpayments.Action) (string, error) {
	g, err := w.Grant.Request(ctx, openpayments.GrantRequestParams{
		URL: authServer, Access: []openpayments.Access{{Type: kind, Actions: actions}},
	})
	if err != nil {
		return "", err
	}
	if g.AccessToken == nil {
		return "", Errorf(CodeWalletRefused, "the wallet wants somebody's consent where none is needed")
	}
	return g.AccessToken.Value, nil
}

// quote asks what paying the whole incoming payment costs. A quote that would bring less is refused.
func quote(ctx context.Context, w Wallets, p Payment, token, incomingPaymentID string) (openpayments.Quote, error) {
	q, err := w.Quote.Create(ctx, openpayments.QuoteCreateParams{
		BaseURL: p.Buyer.ResourceServer, AccessToken: token, WalletAddress: p.Buyer.WalletAddress, Receiver: incomingPaymentID,
	})
	if err != nil {
		return q, err
	}
	if compared, err := q.ReceiveAmount.Compare(p.Amount); err != nil || compared < 0 {
		return q, Errorf(CodeWalletRefused, "the buyer's wallet offers to deliver %s, not %s", q.ReceiveAmount, p.Amount)
	}
	return q, nil
}

// askConsent asks for the narrowest consent that a wallet enforces: at most the quote's debit, to
// this incoming payment only (traces/05-02-receiver-limit.json).
func (s *Service) askConsent(ctx context.Context, w Wallets, p Payment, n negotiated) (Consent, error) {
	nonce, err := s.nonce()
	if err != nil {
		return Consent{}, err
	}
	asked := s.clock.Now()
	g, err := w.Grant.Request(ctx, openpayments.GrantRequestParams{
		URL: p.Buyer.AuthServer,
		Access: []openpayments.Access{{
			Type:       openpayments.AccessOutgoingPayment,
			Actions:    []openpayments.Action{openpayments.ActionCreate, openpayments.ActionRead, openpayments.ActionList},
			Identifier: p.Buyer.WalletAddress,
			Limits:     &openpayments.Limits{Receiver: n.incomingPaymentID, DebitAmount: &n.quote.DebitAmount},
		}},
		Interact: &openpayments.Interact{FinishURI: s.finishURI(p.ID), Nonce: nonce},
	})
	if err != nil {
		return Consent{}, err
	}
	if g.Interaction == nil || g.Continue == nil {
		return Consent{}, Errorf(CodeWalletRefused, "the buyer's wallet does not ask for the buyer's consent")
	}
	return Consent{
		RedirectURL: g.Interaction.Redirect, InteractNonce: g.Interaction.Finish, ClientNonce: logging.Secret(nonce),
		ContinueURI: g.Continue.URI, ContinueToken: logging.Secret(g.Continue.AccessToken),
		// From when the answer is here: the wallet counts from when it got the request.
		ContinueNotUntil: s.clock.Now().Add(min(g.Continue.Wait, longestWait)),
		ExpiresAt:        asked.Add(s.settings.ConsentLifetime),
	}, nil
}

func (s *Service) finishURI(id PaymentID) string {
	return s.settings.FinishURL + "?" + url.Values{"pendingId": {string(id)}}.Encode()
}

// nonce is 256 random bits.
func (s *Service) nonce() (string, error) {
	bits := make([]byte, 32)
	if _, err := io.ReadFull(s.random, bits); err != nil {
		return "", fmt.Errorf("make a nonce: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(bits), nil
}

// abandon ends a payment whose preparation failed. No buyer was sent to a wallet, so no money can
// move; the incoming payment expires by itself. It returns what the caller is told.
func (s *Service) abandon(ctx context.Context, p Payment, cause error) error {
	// The time for the wallets may be over; the record of it is not theirs.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	told := walletError(cause)
	reason := Interrupted
	if _, ok := reasonOf(cause); ok {
		reason = WalletError
	}
	c, err := p.Fail(reason, cause.Error(), s.clock.Now())
	if err == nil {
		_, err = s.record(ctx, ByMarketplace, c)
	}
	if err != nil && !errors.Is(err, ErrStale) { // stale: a worker has called it interrupted
		return errors.Join(told, err)
	}
	return told
}

func addressError(whose string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, openpayments.ErrNotFound), errors.Is(err, openpayments.ErrInvalidRequest), errors.Is(err, openpayments.ErrNoSuchHost):
		return &Error{Code: CodeInvalidWallet, Message: whose + " is not known: check it", Err: err}
	case errors.Is(err, openpayments.ErrUnexpectedAnswer):
		return &Error{Code: CodeInvalidWallet, Message: whose + " does not lead to an Open Payments wallet: check it", Err: err}
	}
	return walletError(err)
}

// walletError says in our words, to a caller who is waiting, what went wrong at a wallet.
func walletError(err error) error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	refused, ok := errors.AsType[*openpayments.Error](err)
	switch {
	case !ok:
		return err
	case refused.Status == 0 && errors.Is(err, openpayments.ErrInvalidRequest):
		return &Error{Code: CodeInvalidRequest, Message: "something in the request is not what a wallet takes: use plain text", Err: err}
	case errors.Is(err, openpayments.ErrTimeout):
		return &Error{Code: CodeWalletTimeout, Message: "the wallet did not answer in time: try again", Err: err}
	case errors.Is(err, openpayments.ErrUnreachable), errors.Is(err, openpayments.ErrTooManyRequests), openpayments.OutcomeUnknown(err):
		return &Error{Code: CodeWalletDown, Message: "the wallet cannot be reached, or is in trouble: try again in a moment", RetryAfter: refused.RetryAfter, Err: err}
	}
	return &Error{Code: CodeWalletRefused, Message: "the wallet refused to prepare the payment: try another wallet, or ask for help", Err: err}
}
