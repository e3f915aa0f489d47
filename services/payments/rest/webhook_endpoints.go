package rest

import (
	"context"
	"math"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments/api"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/webhook"
)

// webhookDesk is what the door needs of outbox.Desk.
type webhookDesk interface {
	Add(ctx context.Context, by operator.Operator, n outbox.NewEndpoint) (outbox.Endpoint, outbox.Secret, error)
	Change(ctx context.Context, by operator.Operator, id string, c outbox.EndpointChange) (outbox.Endpoint, error)
	Remove(ctx context.Context, by operator.Operator, id string) error
	Rotate(ctx context.Context, by operator.Operator, id string, asymmetric bool, overlap time.Duration) (outbox.Secret, time.Time, error)
	Ping(ctx context.Context, by operator.Operator, id string) (outbox.Delivery, error)
	ReplayOne(ctx context.Context, by operator.Operator, id string) (outbox.Delivery, error)
	Replay(ctx context.Context, by operator.Operator, f outbox.Filter) (int, error)
}

// WebhookReader is what is read of webhooks.
type WebhookReader interface {
	// Endpoints are all, the configured one first.
	Endpoints(ctx context.Context) ([]outbox.Endpoint, error)
	// Endpoint returns outbox.CodeUnknownEndpoint when there is none.
	Endpoint(ctx context.Context, id string) (outbox.Endpoint, error)
	// Standings are how the deliveries of each endpoint that has any stand.
	Standings(ctx context.Context) ([]outbox.Standing, error)
	// EndpointSecrets are all of an endpoint that are kept, the newest first.
	EndpointSecrets(ctx context.Context, endpointID string) ([]outbox.Secret, error)
	// FindDeliveries are up to limit that the filter picks, newest first.
	FindDeliveries(ctx context.Context, f outbox.Filter, limit int) ([]outbox.Delivery, error)
	// Delivery returns outbox.CodeUnknownDelivery when there is none.
	Delivery(ctx context.Context, id string) (outbox.Delivery, error)
	// Attempts are those of a delivery, in their order.
	Attempts(ctx context.Context, deliveryID string) ([]outbox.Attempt, error)
	// LastAttempts are the last ones of these deliveries, by delivery; one that was never tried has none.
	LastAttempts(ctx context.Context, deliveryIDs []string) (map[string]outbox.Attempt, error)
}

func (s *Server) webhookEndpoints(c echo.Context) error {
	all, err := s.read.Endpoints(c.Request().Context())
	if err != nil {
		return err
	}
	answer := api.WebhookEndpoints{Endpoints: make([]api.WebhookEndpoint, len(all))}
	standing, err := s.standings(c.Request().Context())
	for i, e := range all {
		answer.Endpoints[i] = WireEndpoint(e, standing[e.ID])
	}
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, answer)
}

// webhookEndpoint tells of one endpoint, also after it was changed.
func (s *Server) webhookEndpoint(c echo.Context) error {
	id, err := param(c, "endpointId")
	if err != nil {
		return err
	}
	e, err := s.read.Endpoint(c.Request().Context(), id)
	if err != nil {
		return err
	}
	standing, err := s.standings(c.Request().Context())
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, WireEndpoint(e, standing[id]))
}

func (s *Server) standings(ctx context.Context) (map[string]outbox.Standing, error) {
	all, err := s.read.Standings(ctx)
	of := make(map[string]outbox.Standing, len(all))
	for _, one := range all {
		of[one.EndpointID] = one
	}
	return of, err
}

func (s *Server) addWebhookEndpoint(c echo.Context) error {
	var r api.AddWebhookEndpoint
	if err := readStrictJSON(c, &r); err != nil {
		return err
	}
	e, secret, err := s.desk.Add(c.Request().Context(), operatorOf(c), outbox.NewEndpoint{
		URL: r.URL, Description: r.Description, Types: eventTypes(r.EventTypes), Secret: r.Secret, Asymmetric: r.Asymmetric,
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, api.AddedWebhookEndpoint{WebhookEndpoint: WireEndpoint(e, outbox.Standing{}), Secret: secret.Secret.ForReceiver()})
}

func eventTypes(texts []string) []webhook.Type {
	types := make([]webhook.Type, len(texts))
	for i, t := range texts {
		types[i] = webhook.Type(t)
	}
	return types
}

func (s *Server) changeWebhookEndpoint(c echo.Context) error {
	id, err := param(c, "endpointId")
	if err != nil {
		return err
	}
	var r api.ChangeWebhookEndpoint
	if err := readStrictJSON(c, &r); err != nil {
		return err
	}
	change := outbox.EndpointChange{URL: r.URL, Description: r.Description, Enabled: r.Enabled}
	if r.EventTypes != nil {
		types := eventTypes(*r.EventTypes)
		change.Types = &types
	}
	if _, err := s.desk.Change(c.Request().Context(), operatorOf(c), id, change); err != nil {
		return err
	}
	return s.webhookEndpoint(c)
}

func (s *Server) removeWebhookEndpoint(c echo.Context) error {
	id, err := param(c, "endpointId")
	if err != nil {
		return err
	}
	if err := s.desk.Remove(c.Request().Context(), operatorOf(c), id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (s *Server) webhookSecrets(c echo.Context) error {
	id, err := param(c, "endpointId")
	if err != nil {
		return err
	}
	if _, err := s.read.Endpoint(c.Request().Context(), id); err != nil {
		return err
	}
	all, err := s.read.EndpointSecrets(c.Request().Context(), id)
	if err != nil {
		return err
	}
	answer := api.WebhookSecrets{Secrets: make([]api.WebhookSecret, len(all))}
	for i, secret := range all {
		answer.Secrets[i] = WireSecret(secret, s.clock.Now())
	}
	return c.JSON(http.StatusOK, answer)
}

func (s *Server) rotateWebhookSecret(c echo.Context) error {
	id, err := param(c, "endpointId")
	if err != nil {
		return err
	}
	var r api.RotateWebhookSecret
	if err := readStrictJSON(c, &r); err != nil {
		return err
	}
	overlap := outbox.DefaultOverlap
	if r.OverlapSeconds != nil {
		// Far beyond what is allowed; as a duration it must not wrap around to what is.
		overlap = time.Duration(min(max(*r.OverlapSeconds, -1), math.MaxInt32)) * time.Second
	}
	made, until, err := s.desk.Rotate(c.Request().Context(), operatorOf(c), id, r.Asymmetric, overlap)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusCreated, api.RotatedWebhookSecret{Secret: made.Secret.ForReceiver(), OldExpiresAt: until})
}

// pingWebhookEndpoint sends a test event; what comes of it is in the delivery log. It takes no body.
func (s *Server) pingWebhookEndpoint(c echo.Context) error {
	id, err := param(c, "endpointId")
	if err != nil {
		return err
	}
	ping, err := s.desk.Ping(c.Request().Context(), operatorOf(c), id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, WireDelivery(ping))
}

// WireEndpoint is an endpoint as package api has it.
func WireEndpoint(e outbox.Endpoint, s outbox.Standing) api.WebhookEndpoint {
	types := make([]string, len(e.Types))
	for i, t := range e.Types {
		types[i] = string(t)
	}
	return api.WebhookEndpoint{
		ID: e.ID, URL: e.URL, Description: e.Description, EventTypes: types, Enabled: e.Enabled(), DisabledAt: e.DisabledAt, DisabledReason: e.DisabledReason,
		CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt, Pending: s.Pending, Dead: s.Dead, OldestPendingAt: s.Oldest,
	}
}

// WireSecret is a secret as package api has it: without the secret.
func WireSecret(s outbox.Secret, now time.Time) api.WebhookSecret {
	return api.WebhookSecret{
		Fingerprint: s.Secret.Fingerprint(), Kind: s.Secret.Version(), Configured: s.Configured, Active: s.Active(now), CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt,
	}
}
