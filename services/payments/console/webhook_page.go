package console

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments/outbox"
	"tianguis.example/payments/webhook"
)

// webhookReader is what is read of one webhook.
type webhookReader interface {
	// Delivery returns outbox.CodeUnknownDelivery when there is none.
	Delivery(ctx context.Context, id string) (outbox.Delivery, error)
	// Attempts are those of a delivery, in their order.
	Attempts(ctx context.Context, deliveryID string) ([]outbox.Attempt, error)
}

// WebhookPage is templates/webhook_page.html.
type WebhookPage struct {
	WebhookLine
	Story []outbox.Attempt // the last attempt first
	Text  string           // of the body
	// Follow: it is a test event whose end somebody waits for.
	Follow bool
}

// Title is the page's.
func (w WebhookPage) Title() string { return "Webhook " + w.ID }

// Section is where the page is in the navigation.
func (WebhookPage) Section() string { return "webhooks" }

// Ping reports whether it is a test event.
func (w WebhookPage) Ping() bool { return w.EventType == string(webhook.Ping) }

// followed is how long a test event counts as being sent: what takes longer has another trouble.
const followed = time.Minute

func (p *Pages) webhookPage(c echo.Context) error {
	ctx := c.Request().Context()
	found, err := p.read.Delivery(ctx, capitals(c.Param("webhookId")))
	if err != nil {
		return err
	}
	known, err := p.directory(ctx)
	if err != nil {
		return err
	}
	page := WebhookPage{WebhookLine: known.line(found), Text: pretty(found.Body)}
	if page.Story, err = p.read.Attempts(ctx, found.ID); err != nil {
		return err
	}
	slices.Reverse(page.Story)
	page.Follow = page.Ping() && found.State == outbox.Pending && !page.Held && p.clock.Now().Sub(found.CreatedAt) < followed
	return p.render(c, http.StatusOK, "webhook_page", frame{known.warnings(), takeFlash(c), page})
}

func (p *Pages) replayWebhook(c echo.Context) error {
	again, err := p.desk.ReplayOne(c.Request().Context(), operatorOf(c), capitals(c.Param("webhookId")))
	if err != nil {
		return err
	}
	return done(c, Flash{flashReplayed, 1}, "/webhooks/"+again.ID)
}

// capitals is an id as it is kept, or "" for what can be none, which nothing has.
func capitals(id string) string {
	if unfit(id) {
		return ""
	}
	return strings.ToUpper(id)
}

// pretty is a body on several lines. One that is no JSON, which none should be, is shown as it is.
func pretty(body []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, body, "", "  ") != nil {
		return string(body)
	}
	return b.String()
}
