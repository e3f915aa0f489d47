package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"
)

// ErrUnknown is what Handler.Apply returns for an event of a payment that was not started here. It is answered 404, and sent again, in case that what was started
// is known soon.
var ErrUnknown = errors.New("this payment was not started here")

// Handler receives webhooks for a marketplace: it answers as docs/webhooks.md asks, and leaves to Apply what an event means. Our own marketplace does not use
// it, since its answers are those that were documented first.
type Handler struct {
	// Secrets verify: whoever presents none of their signatures is answered 401, and changes nothing. Without any, nobody is believed.
	Secrets Secrets
	// Apply makes an event of a payment so, in one transaction with the note that webhookID was seen: the same one may come again, and has to be
	// taken again without an effect. With an error nothing must have been changed; it is answered 500, and the event is sent again, for days.
	Apply func(ctx context.Context, webhookID string, e Event) error
	// Now is the clock that a webhook's time is compared with; nil for the wall clock.
	Now func() time.Time
	// Log gets a line for each that is refused, or cannot be applied; nil for slog.Default.
	Log *slog.Logger
}

// ServeHTTP verifies the raw bytes before it looks into them.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		reply(w, http.StatusMethodNotAllowed, "webhooks are sent by POST")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		reply(w, http.StatusRequestEntityTooLarge, "the body is larger than an event can be")
		return
	}
	if err != nil {
		reply(w, http.StatusBadRequest, "the body could not be read")
		return
	}
	if err := h.Secrets.Verify(r.Header, body, h.now()); err != nil {
		h.warn(r, http.StatusUnauthorized, err)
		reply(w, http.StatusUnauthorized, "the signature is missing or does not fit")
		return
	}
	event, err := Parse(body)
	switch {
	case err != nil:
		reply(w, http.StatusBadRequest, err.Error())
		return
	case event.Type != Completed && event.Type != Failed: // a ping, or newer than this program
		reply(w, http.StatusOK, "")
		return
	}
	err = h.Apply(r.Context(), r.Header.Get(HeaderID), event)
	switch {
	case err == nil:
		reply(w, http.StatusOK, "")
	case errors.Is(err, ErrUnknown):
		h.warn(r, http.StatusNotFound, err)
		reply(w, http.StatusNotFound, ErrUnknown.Error())
	default: // its words may be internal
		h.warn(r, http.StatusInternalServerError, err)
		reply(w, http.StatusInternalServerError, "it could not be recorded: send it again")
	}
}

func (h *Handler) now() time.Time {
	if h.Now != nil {
		return h.Now()
	}
	return time.Now() //nolint:forbidigo // for programs that have no clock of their own; our services do not use this type
}

func (h *Handler) warn(r *http.Request, status int, err error) {
	log := h.Log
	if log == nil {
		log = slog.Default()
	}
	id := r.Header.Get(HeaderID)
	log.WarnContext(r.Context(), "webhook not applied", "webhook_id", id[:min(len(id), 64)], "status", status, "error", err)
}

// reply answers as the documented marketplace does: success, and an error in words.
func reply(w http.ResponseWriter, status int, words string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct { // whoever asked may be gone
		Success bool   `json:"success"`
		Error   string `json:"error,omitempty"`
	}{words == "", words})
}
