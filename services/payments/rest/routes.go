// Package rest is the REST door of the payments service: it reads requests, calls the rules or the store's
// views, and writes answers as package api has them. It decides nothing about payments.
package rest

import (
	"context"
	"log/slog"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/ratelimit"
	"tianguis.example/chassis/turnstile"
	"tianguis.example/payments"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/operator"
)

// rules is what the doors need of payments.Service.
type rules interface {
	RegisterSeller(ctx context.Context, by operator.Operator, s payments.Seller) error
	Start(ctx context.Context, r payments.StartRequest) (payments.Payment, error)
	Finish(ctx context.Context, id payments.PaymentID, r payments.FinishRequest) (payments.Payment, error)
	Cancel(ctx context.Context, by payments.Actor, id payments.PaymentID) (payments.Payment, error)
	RequestIncoming(ctx context.Context, r payments.IncomingRequest) (openpayments.IncomingPayment, error)
	Profile(ctx context.Context, walletAddressURL string) (openpayments.WalletAddress, error)
}

// Reader is what is read past the rules: views, without secrets.
type Reader interface {
	// Seller returns payments.ErrUnknown when there is none.
	Seller(ctx context.Context, id string) (payments.Seller, error)
	Sellers(ctx context.Context) ([]payments.Seller, error)
	PaymentView(ctx context.Context, id payments.PaymentID) (payments.Payment, error)
	PendingPayments(ctx context.Context, limit int) ([]payments.Payment, error)
	OfferPayments(ctx context.Context, offerID string, limit int) ([]payments.Payment, error)
	AuditTrail(ctx context.Context, id payments.PaymentID) ([]payments.AuditEvent, error)
	Ping(ctx context.Context) error
	WebhookReader
}

// Store is what the doors need of a store.
type Store interface {
	Reader
	idempotencyStore
}

// Server holds the handlers.
type Server struct {
	rules       rules
	desk        webhookDesk
	read        Reader
	keys        idempotencyStore
	access      access
	starts      *turnstile.Turnstile
	guesses     *ratelimit.Limiter // returns from a wallet that cannot be verified, of each payment
	marketplace string             // base URL, where browsers belong
	clock       clock.Clock
	log         *slog.Logger
}

// Options are what the doors are like.
type Options struct {
	Gate        *apikey.Gate
	Marketplace string               // its base URL, where browsers belong
	Guesses     ratelimit.Limit      // returns from a wallet that cannot be verified, of each payment
	Starts      *turnstile.Turnstile // before what begins something new at wallets; nil for no bound
}

// New makes the handlers.
func New(r rules, d webhookDesk, keep Store, o Options, c clock.Clock, log *slog.Logger) *Server {
	return &Server{rules: r, desk: d, read: keep, keys: keep, access: newAccess(o.Gate), starts: o.Starts, guesses: ratelimit.New(o.Guesses, c), marketplace: o.Marketplace, clock: c, log: log}
}

// Routes are all routes of the service in one view.
func (s *Server) Routes(e *echo.Echo) {
	e.GET("/health", httpserver.Health("payments", s.clock))
	e.GET("/ready", httpserver.Ready("payments", s.clock, s.log, s.read.Ping))

	e.GET("/payments/finish", s.finish) // with the key, or a browser that is sent on

	// Each by itself, since a group of echo's with middleware takes every unknown address too.
	read, pay, admin := s.access.needs(apikey.Read), s.access.needs(apikey.Pay), s.access.needs(apikey.Admin)
	e.GET("/sellers", s.sellers, read)
	e.POST("/sellers", s.registerSeller, pay, s.idempotent) // with a key of the seller's own: admin
	e.POST("/offers/:offerId/quotes/start", s.start, pay, s.fewAtOnce, s.idempotent)
	e.GET("/offers/:offerId/payments", s.offerPayments, read)
	e.GET("/payments/pending", s.pending, read)
	e.GET("/payments/:pendingId/status", s.status, read)
	e.GET("/payments/:pendingId/events", s.events, read)
	e.POST("/payments/:pendingId/cancel", s.cancel, pay)
	e.POST("/api/payments/incoming", s.requestIncoming, pay, s.fewAtOnce, s.idempotent)
	e.POST("/api/wallet/profile", s.profile, pay)

	e.GET("/webhooks/endpoints", s.webhookEndpoints, read)
	e.POST("/webhooks/endpoints", s.addWebhookEndpoint, admin, s.idempotentSecret)
	e.GET("/webhooks/endpoints/:endpointId", s.webhookEndpoint, read)
	e.PATCH("/webhooks/endpoints/:endpointId", s.changeWebhookEndpoint, admin)
	e.DELETE("/webhooks/endpoints/:endpointId", s.removeWebhookEndpoint, admin)
	e.GET("/webhooks/endpoints/:endpointId/secrets", s.webhookSecrets, read)
	e.POST("/webhooks/endpoints/:endpointId/secrets/rotate", s.rotateWebhookSecret, admin, s.idempotentSecret)
	e.POST("/webhooks/endpoints/:endpointId/ping", s.pingWebhookEndpoint, admin, s.idempotent)
	e.GET("/webhooks/deliveries", s.webhookDeliveries, read)
	e.GET("/webhooks/deliveries/:webhookId", s.webhookDelivery, read)
	e.POST("/webhooks/deliveries/:webhookId/replay", s.replayWebhook, admin)
	e.POST("/webhooks/replay", s.replayWebhooks, admin)
}
