package marketplace

import (
	"context"
	"log/slog"
	"runtime"
	"time"

	"tianguis.example/chassis/clock"
)

// Market is the use cases. It is safe for concurrent use.
type Market struct {
	store    Store
	payments Payments
	clock    clock.Clock
	log      *slog.Logger
	watch    Watch
	mails    bool
	files    Files
	fileSize int64 // bytes

	sellerID    string
	sessionLife time.Duration
	longest     time.Duration
	hashing     chan struct{}
}

// Store is what the use cases need to be kept; package store has it.
type Store interface {
	accountStore
	signUpStore
	profileStore
	approveStore
	consentStore
	returnedStore
	paidStore
	askStore
	actStore
	operatorStore
}

// Payments is what the use cases ask of the payments service; *api.Client is one.
type Payments interface {
	approvePayments
	returnedPayments
	askPayments
	profilePayments
	actPayments
}

// Options are the choices of whoever runs the marketplace.
type Options struct {
	// SellerID names a seller that the payments service knows already, the platform's own wallet, to be
	// paid in the place of each worker's. "" pays the workers.
	SellerID string
	// SessionLife is how long a sign-in lasts.
	SessionLife time.Duration
	// Longest is how long the payments service is waited for in one step, all tries together.
	Longest time.Duration
	Watch   Watch // may be nil
	// Mails says that the marketplace sends mail.
	Mails bool
	// Files keeps what is handed in, and FileSize is how large one may be, in bytes.
	Files    Files
	FileSize int64
}

// Watch is told of payments' news, for metrics.
type Watch interface {
	// Heard is told of news that was applied, what it put into the job's history ("" when it changed nothing), and how long after the payment's end
	// that was: 0 when it is not known.
	Heard(source Source, event string, late time.Duration)
}

type unwatched struct{}

func (unwatched) Heard(Source, string, time.Duration) {}

// New makes the use cases.
func New(store Store, payments Payments, c clock.Clock, log *slog.Logger, o Options) *Market {
	if o.Watch == nil {
		o.Watch = unwatched{}
	}
	return &Market{
		watch: o.Watch, mails: o.Mails, files: o.Files, fileSize: o.FileSize,
		store: store, payments: payments, clock: c, log: log,
		sellerID: o.SellerID, sessionLife: o.SessionLife, longest: o.Longest,
		hashing: make(chan struct{}, runtime.GOMAXPROCS(0)),
	}
}

// uncancelled is the context for a step that asks the payments service: a closed browser tab does
// not break it off, its own deadline does.
func (m *Market) uncancelled(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), m.longest)
}
