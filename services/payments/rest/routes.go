// Package rest is the REST door of the payments service: it reads requests, calls the rules or the store's
// views, and writes answers as package api has them. It decides nothing about payments.
package rest

import (
	"context"
	"log/slog"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
)

// rules is what the doors need of payments.Service.
type rules interface {
	RegisterSeller(ctx context.Context, s payments.Seller) error
	Start(ctx context.Context, r payments.StartRequest) (payments.Payment, error)
	Finish(ctx context.Context, id payments.PaymentID, r payments.FinishRequest) (payments.Payment, error)
	Cancel(ctx context.Context, by payments.Actor, id payments.PaymentID) (payments.Payment, error)
	RequestIncoming(ctx context.Context, r payments.IncomingRequest) (openpayments.IncomingPayment, error)
	Profile(ctx context.Context, walletAddressURL string) (openpayments.WalletAddress, error)
}

// Reader is what is read past the rules: views, without secrets.
type Reader interface {
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
	marketplace string // base URL, where browsers belong
	clock       clock.Clock
	log         *slog.Logger
}

// New makes the handlers. key is the API key; "" leaves the service open, which the caller allows on loopback
// only. marketplace is the base URL of the marketplace.
func New(r rules, d webhookDesk, keep Store, key, marketplace string, c clock.Clock, log *slog.Logger) *Server {
	return &Server{rules: r, desk: d, read: keep, keys: keep, access: newAccess(key), marketplace: marketplace, clock: c, log: log}
}

// Routes are all routes of the service in one view.
func (s *Server) Routes(e *echo.Echo) {
	e.GET("/health", httpserver.Health("payments", s.clock))
	e.GET("/ready", httpserver.Ready("payments", s.clock, s.log, s.read.Ping))

	e.GET("/payments/finish", s.finish) // with the key, or a browser that is sent on

	// Each by itself, since a group of echo's with middleware takes every unknown address too.
	key := s.access.require
	e.GET("/sellers", s.sellers, key)
	e.POST("/sellers", s.registerSeller, key, s.idempotent)
	e.POST("/offers/:offerId/quotes/start", s.start, key, s.idempotent)
	e.GET("/offers/:offerId/payments", s.offerPayments, key)
	e.GET("/payments/pending", s.pending, key)
	e.GET("/payments/:pendingId/status", s.status, key)
	e.GET("/payments/:pendingId/events", s.events, key)
	e.POST("/payments/:pendingId/cancel", s.cancel, key)
	e.POST("/api/payments/incoming", s.requestIncoming, key, s.idempotent)
	e.POST("/api/wallet/profile", s.profile, key)

	e.GET("/webhooks/endpoints", s.webhookEndpoints, key)
	e.POST("/webhooks/endpoints", s.addWebhookEndpoint, key, s.idempotentSecret)
	e.GET("/webhooks/endpoints/:endpointId", s.webhookEndpoint, key)
	e.PATCH("/webhooks/endpoints/:endpointId", s.changeWebhookEndpoint, key)
	e.DELETE("/webhooks/endpoints/:endpointId", s.removeWebhookEndpoint, key)
	e.GET("/webhooks/endpoints/:endpointId/secrets", s.webhookSecrets, key)
	e.POST("/webhooks/endpoints/:endpointId/secrets/rotate", s.rotateWebhookSecret, key, s.idempotentSecret)
	e.POST("/webhooks/endpoints/:endpointId/ping", s.pingWebhookEndpoint, key, s.idempotent)
	e.GET("/webhooks/deliveries", s.webhookDeliveries, key)
	e.GET("/webhooks/deliveries/:webhookId", s.webhookDelivery, key)
	e.POST("/webhooks/deliveries/:webhookId/replay", s.replayWebhook, key)
	e.POST("/webhooks/replay", s.replayWebhooks, key)
}
