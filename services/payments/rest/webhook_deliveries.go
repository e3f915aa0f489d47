package rest

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/oklog/ulid/v2"

	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/webhook"
)

// The sizes of a page of the delivery log.
const (
	defaultPage = 50
	largestPage = 100
)

func (s *Server) webhookDeliveries(c echo.Context) error {
	find, err := readFind(c.QueryParams())
	if err != nil {
		return err
	}
	filter, err := pick(find, s.clock.Now())
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	found, err := s.read.FindDeliveries(ctx, filter, find.Limit+1)
	if err != nil {
		return err
	}
	var answer api.WebhookDeliveries
	if len(found) > find.Limit {
		found = found[:find.Limit]
		answer.NextCursor = found[find.Limit-1].ID
	}
	ids := make([]string, len(found))
	for i, d := range found {
		ids[i] = d.ID
	}
	last, err := s.read.LastAttempts(ctx, ids)
	if err != nil {
		return err
	}
	answer.Deliveries = make([]api.WebhookDelivery, len(found))
	for i, d := range found {
		answer.Deliveries[i] = WireDelivery(d)
		if a, tried := last[d.ID]; tried {
			answer.Deliveries[i].LastAttempt = new(wireAttempt(a))
		}
	}
	return c.JSON(http.StatusOK, answer)
}

// readFind reads the query of the delivery log. A name that it does not know is refused, since with a filter that was mistyped all would be found.
func readFind(query url.Values) (api.FindWebhookDeliveries, error) {
	find := api.FindWebhookDeliveries{Limit: defaultPage}
	fields := map[string]*string{
		"state": &find.State, "endpointId": &find.EndpointID, "type": &find.Type, "offerId": &find.OfferID, "pendingId": &find.PendingID,
		"since": &find.Since, "until": &find.Until, "cursor": &find.Cursor,
	}
	for name, values := range query {
		if len(values) != 1 {
			return find, payments.Errorf(payments.CodeInvalidRequest, "%.40q is there more than once", name)
		}
		if field, known := fields[name]; known {
			*field = values[0]
			continue
		}
		if name != "limit" {
			return find, payments.Errorf(payments.CodeInvalidRequest,
				"there is no filter %.40q: choose of state, endpointId, type, offerId, pendingId, since, until, cursor and limit", name)
		}
		n, err := strconv.Atoi(values[0])
		if err != nil || n < 1 || n > largestPage {
			return find, payments.Errorf(payments.CodeInvalidRequest, "limit must be a number from 1 to %d", largestPage)
		}
		find.Limit = n
	}
	return find, nil
}

// pick turns what was asked for into a filter.
func pick(find api.FindWebhookDeliveries, now time.Time) (f outbox.Filter, err error) {
	f = outbox.Filter{State: outbox.State(find.State), EventType: find.Type, OfferID: find.OfferID, EndpointID: find.EndpointID}
	for name, text := range map[string]string{"offerId": find.OfferID, "endpointId": find.EndpointID} {
		if !isText(text) {
			return f, payments.Errorf(payments.CodeInvalidRequest, "%s holds characters that are no text", name)
		}
	}
	if find.State == "all" {
		f.State = ""
	}
	if f.State != "" && !slices.Contains(outbox.States, f.State) {
		return f, payments.Errorf(payments.CodeInvalidRequest, "state can be pending, delivered, dead or all")
	}
	if find.Type != "" && !slices.Contains(webhook.Types, webhook.Type(find.Type)) {
		return f, payments.Errorf(payments.CodeInvalidRequest, "type can be %s, %s or %s", webhook.Completed, webhook.Failed, webhook.Ping)
	}
	if find.PendingID != "" {
		id, err := payments.ParsePaymentID(find.PendingID)
		if err != nil {
			return f, err
		}
		f.PendingID = string(id)
	}
	if find.Cursor != "" {
		id, err := ulid.ParseStrict(find.Cursor)
		if err != nil {
			return f, payments.Errorf(payments.CodeInvalidRequest, "cursor must be the nextCursor of the page before")
		}
		f.Before = id.String()
	}
	if f.Since, err = outbox.ParseTime(find.Since, now); err != nil {
		return f, err
	}
	f.Until, err = outbox.ParseTime(find.Until, now)
	return f, err
}

// webhookID is the delivery that the path names.
func webhookID(c echo.Context) (string, error) {
	text, err := param(c, "webhookId")
	return strings.ToUpper(text), err
}

func (s *Server) webhookDelivery(c echo.Context) error {
	id, err := webhookID(c)
	if err != nil {
		return err
	}
	d, err := s.read.Delivery(c.Request().Context(), id)
	if err != nil {
		return err
	}
	attempts, err := s.read.Attempts(c.Request().Context(), id)
	if err != nil {
		return err
	}
	answer := WireAttempts(d, attempts)
	answer.Body = string(d.Body)
	return c.JSON(http.StatusOK, answer)
}

// replayWebhook sends one again, whatever became of it. It takes no body.
func (s *Server) replayWebhook(c echo.Context) error {
	id, err := webhookID(c)
	if err != nil {
		return err
	}
	d, err := s.desk.ReplayOne(c.Request().Context(), operatorOf(c), id)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, WireDelivery(d))
}

// replayWebhooks sends again what the body picks: those that are dead, unless it names another state.
func (s *Server) replayWebhooks(c echo.Context) error {
	var find api.FindWebhookDeliveries
	if err := readStrictJSON(c, &find); err != nil {
		return err
	}
	find.State = cmp.Or(find.State, string(outbox.Dead))
	filter, err := pick(find, s.clock.Now())
	if err != nil {
		return err
	}
	n, err := s.desk.Replay(c.Request().Context(), operatorOf(c), filter)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusAccepted, api.ReplayedWebhooks{Replayed: n})
}

// WireDelivery is a delivery as a list of package api has it.
func WireDelivery(d outbox.Delivery) api.WebhookDelivery {
	return api.WebhookDelivery{
		ID: d.ID, EndpointID: d.EndpointID, Type: d.EventType, PendingID: d.PendingID, OfferID: d.OfferID, State: string(d.State), Tried: d.Attempts,
		CreatedAt: d.CreatedAt, NextAt: d.NextAt, EndedAt: d.EndedAt,
	}
}

// WireAttempts is a delivery with all of its attempts, as package api has it.
func WireAttempts(d outbox.Delivery, attempts []outbox.Attempt) api.WebhookDelivery {
	w := WireDelivery(d)
	w.Attempts = make([]api.WebhookAttempt, len(attempts))
	for i, a := range attempts {
		w.Attempts[i] = wireAttempt(a)
	}
	return w
}

func wireAttempt(a outbox.Attempt) api.WebhookAttempt {
	return api.WebhookAttempt{
		Number: a.Number, At: a.At, URL: a.URL, Status: a.Status, DurationMS: a.Duration.Milliseconds(), Answer: a.Excerpt, Error: a.Error, NextAt: a.NextAt,
	}
}
