package inbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/clock"
	"tianguis.example/marketplace"
	"tianguis.example/payments/webhook"
)

// Receiver answers POST /api/webhooks/payments.
type Receiver struct {
	market        *marketplace.Market
	secrets       webhook.Secrets
	allowUnsigned bool
	clock         clock.Clock
	log           *slog.Logger
}

// NewReceiver makes a receiver that believes what one of the secrets has signed. allowUnsigned lets it believe
// events without a signature as well; one whose signature does not fit is refused even then.
func NewReceiver(market *marketplace.Market, secrets webhook.Secrets, allowUnsigned bool, c clock.Clock, log *slog.Logger) *Receiver {
	return &Receiver{market: market, secrets: secrets, allowUnsigned: allowUnsigned, clock: c, log: log}
}

// Register adds the route. What is in between stands behind the check of the signature, and before the news is applied.
func (r *Receiver) Register(e *echo.Echo, between ...echo.MiddlewareFunc) {
	e.POST(webhook.Path, r.receive, append([]echo.MiddlewareFunc{r.checked}, between...)...)
	e.OPTIONS(webhook.Path, func(echo.Context) error { return echo.ErrMethodNotAllowed }) // no page elsewhere has business here
}

// acknowledgement answers an event that is about no job.
type acknowledgement struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
}

// answer is the documented one, its keys in the documented order.
type answer struct {
	Success   bool              `json:"success"`
	Message   string            `json:"message"`
	JobID     marketplace.JobID `json:"job_id"`
	JobStatus marketplace.State `json:"job_status"`
}

// checked lets in what one of the secrets has signed, or what is believed without.
func (r *Receiver) checked(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, webhook.MaxBody))
		if err != nil {
			if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
				return echo.NewHTTPError(http.StatusRequestEntityTooLarge, "The body is larger than an event can be.")
			}
			return echo.NewHTTPError(http.StatusBadRequest, "The body could not be read.")
		}
		// The raw bytes are verified before anything in them is looked at.
		source, err := r.authenticate(c.Request().Header, body)
		if err != nil {
			r.log.WarnContext(c.Request().Context(), "[webhook] refused", "webhook_id", shorten(c.Request().Header.Get(webhook.HeaderID)), "reason", err.Error(), "peer", c.RealIP())
			return echo.NewHTTPError(http.StatusUnauthorized, "The webhook's signature is missing or does not fit.")
		}
		c.Set(letIn, message{source, body})
		return next(c)
	}
}

// message is a webhook that was let in.
type message struct {
	source marketplace.Source
	body   []byte
}

const letIn = "webhook"

// Signed reports whether a request is a webhook whose signature was verified.
func Signed(c echo.Context) bool {
	m, ok := c.Get(letIn).(message)
	return ok && m.source == marketplace.SourceWebhook
}

func (r *Receiver) receive(c echo.Context) error {
	ctx := c.Request().Context()
	m, ok := c.Get(letIn).(message)
	if !ok {
		return echo.ErrUnauthorized // nothing comes here that was not checked
	}
	source, body := m.source, m.body
	event, err := webhook.Parse(body)
	if err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, sentence(err))
	}
	switch event.Type {
	case webhook.Completed, webhook.Failed:
		return r.apply(c, source, event, body)
	case webhook.Ping:
		r.log.InfoContext(ctx, "[webhook] ping", "source", string(source), "webhook_id", shorten(c.Request().Header.Get(webhook.HeaderID)))
		return c.JSON(http.StatusOK, acknowledgement{true, "pong"})
	default:
		// A kind of event that is newer than this program: received, and of no concern.
		return c.JSON(http.StatusOK, acknowledgement{true, "Event ignored"})
	}
}

// apply hands the news to the rules, and says what became of it.
func (r *Receiver) apply(c echo.Context, source marketplace.Source, event webhook.Event, body []byte) error {
	ctx := c.Request().Context()
	id, err := marketplace.ParseJobID(event.OfferID)
	if err != nil {
		return errNoJob
	}
	news := marketplace.News{
		Source: source, JobID: id, PendingID: event.PendingID, Paid: event.Type == webhook.Completed,
		OutgoingPaymentID: event.OutgoingPaymentID, Reason: event.Reason, Message: event.Message, At: event.Timestamp,
	}
	if event.OverpaidAmount != nil {
		news.Overpaid = *event.OverpaidAmount
	}
	if source == marketplace.SourceWebhook { // the id of an unsigned one is anybody's word
		digest := sha256.Sum256(body)
		news.WebhookID, news.Digest = c.Request().Header.Get(webhook.HeaderID), hex.EncodeToString(digest[:])
	}
	state, err := r.market.Paid(ctx, news)
	if err != nil {
		r.log.WarnContext(ctx, "[webhook] not applied", "", news, "error", err)
		if marketplace.CodeOf(err) == marketplace.CodeNotFound {
			return errNoJob
		}
		return err
	}
	r.log.InfoContext(ctx, "[webhook] received", "", news, "sequence", event.Sequence, "status", string(state))
	said := answer{Success: true, Message: "Payment confirmed", JobID: id, JobStatus: state}
	if !news.Paid {
		said.Message = "Payment failure recorded"
	}
	return c.JSON(http.StatusOK, said)
}

func (r *Receiver) authenticate(h http.Header, body []byte) (marketplace.Source, error) {
	if r.allowUnsigned && h.Get(webhook.HeaderSignature) == "" {
		return marketplace.SourceUnsigned, nil
	}
	if err := r.secrets.Verify(h, body, r.clock.Now()); err != nil {
		return "", err
	}
	return marketplace.SourceWebhook, nil
}
