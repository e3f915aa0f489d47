package payments

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/openpayments"
)

// Wallets are the wallets as one client identity reaches them. The services of an
// *openpayments.Client meet these interfaces as they are.
type Wallets struct {
	WalletAddress interface {
		Get(ctx context.Context, p openpayments.WalletAddressGetParams) (openpayments.WalletAddress, error)
	}
	Grant interface {
		Request(ctx context.Context, p openpayments.GrantRequestParams) (openpayments.Grant, error)
		Continue(ctx context.Context, p openpayments.GrantContinueParams) (openpayments.Grant, error)
		Cancel(ctx context.Context, p openpayments.GrantCancelParams) error
	}
	Token interface {
		Rotate(ctx context.Context, p openpayments.TokenRotateParams) (openpayments.AccessToken, error)
	}
	IncomingPayment interface {
		Create(ctx context.Context, p openpayments.IncomingPaymentCreateParams) (openpayments.IncomingPayment, error)
		GetPublic(ctx context.Context, p openpayments.IncomingPaymentGetPublicParams) (openpayments.PublicIncomingPayment, error)
	}
	Quote interface {
		Create(ctx context.Context, p openpayments.QuoteCreateParams) (openpayments.Quote, error)
	}
	OutgoingPayment interface {
		Create(ctx context.Context, p openpayments.OutgoingPaymentCreateParams) (openpayments.OutgoingPayment, error)
		Get(ctx context.Context, p openpayments.OutgoingPaymentGetParams) (openpayments.OutgoingPayment, error)
		List(ctx context.Context, p openpayments.ListParams) (openpayments.Page[openpayments.OutgoingPayment], error)
	}
}

// Store is what the rules need of a store. Each file declares its share.
type Store interface {
	sellerStore
	startStore
	finishStore
	advanceStore
	reconcileStore
	// Record commits state, audit and delivery together, or returns ErrStale when the payment has moved on
	// since Before was read, or ErrOfferTaken when a new payment's offer has one already.
	Record(ctx context.Context, c Change) error
}

// Settings are what an operator can choose, and who watches.
type Settings struct {
	FinishURL       string        // where wallets send the buyer back to; the pendingId is added
	ConsentLifetime time.Duration // how long a buyer may take to approve
	FinishWait      time.Duration // how long a finish, or a worker, waits between two wallet calls of a payment
	// Lease is how long a payment stays with whoever works on it, counted from its last change. It must be longer than FinishWait and a
	// wallet call together. A crashed process's payments are taken up after it.
	Lease time.Duration
	Watch Watch // may be nil
}

// Watch is told what becomes of payments, for metrics.
type Watch interface {
	// Moved is told of each change of state, once it is kept. before is the zero Payment for a new one.
	Moved(before, after Payment)
}

type unwatched struct{}

func (unwatched) Moved(Payment, Payment) {}

// Service is the use cases.
type Service struct {
	store    Store
	wallets  func(Client) (Wallets, error)
	clock    clock.Clock
	random   io.Reader
	log      *slog.Logger
	settings Settings
	news     func()
}

// New makes the service. wallets gives the wallets as a client identity reaches them, the platform's for none, or
// CodeNoIdentity or CodeInvalidKey. news is called after a commit that made a webhook due.
func New(store Store, wallets func(Client) (Wallets, error), c clock.Clock, log *slog.Logger, settings Settings, news func()) *Service {
	if settings.Watch == nil {
		settings.Watch = unwatched{}
	}
	return &Service{store: store, wallets: wallets, clock: c, random: rand.Reader, log: log, settings: settings, news: news}
}

func (s *Service) newPaymentID() (PaymentID, error) {
	id, err := ulid.New(ulid.Timestamp(s.clock.Now()), s.random)
	if err != nil {
		return "", fmt.Errorf("make a payment id: %w", err)
	}
	return PaymentID(id.String()), nil
}

// record makes a change so, and says it in the log and to whoever waits for news.
func (s *Service) record(ctx context.Context, by Actor, c Change) (Payment, error) {
	if c.Audit != nil {
		c.Audit.Actor = by
	}
	if c.held {
		c.After.NextStepAt = s.clock.Now().Add(s.settings.Lease)
	}
	if err := s.store.Record(ctx, c); err != nil {
		return c.Before, fmt.Errorf("record the payment: %w", err)
	}
	if c.moves() {
		s.log.InfoContext(ctx, "payment moved", slog.Any("", c.After), "from", c.Before.State, "to", c.After.State, "by", by, "detail", c.Audit.Detail)
		s.settings.Watch.Moved(c.Before, c.After)
	}
	if c.cause != nil {
		s.log.WarnContext(ctx, "payment put off", slog.Any("", c.After), "tries", c.After.Tries, "next_at", c.After.NextStepAt, "error", c.cause)
	}
	if !c.moves() && c.Audit != nil && c.After.State.Ended() {
		s.log.WarnContext(ctx, "money arrived after the end of a payment", slog.Any("", c.After), "received", c.After.ReceivedAmount)
	}
	if c.Event != nil {
		s.news()
	}
	return c.After, nil
}

// payment reads a payment that somebody named.
func (s *Service) payment(ctx context.Context, id PaymentID) (Payment, error) {
	p, err := s.store.Payment(ctx, id)
	if errors.Is(err, ErrUnknown) {
		return Payment{}, Errorf(CodeNotFound, "there is no payment with this pendingId")
	}
	return p, err
}

// walletsOf are the wallets as the client identity reaches them that the payment was started with.
func (s *Service) walletsOf(p Payment) (Wallets, error) { return s.wallets(p.Client) }
