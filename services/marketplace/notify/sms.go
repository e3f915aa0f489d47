package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/logging"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/language"
	"tianguis.example/payments/webhook"
)

// Gateway sends SMS through any provider: it POSTs {"to": "+52…", "text": "…"} to an address. docs/operations.md has the
// few lines that stand between it and a provider with another form.
type Gateway struct {
	URL           string
	Authorization logging.Secret  // the header's value, "Bearer …" or "Basic …"; "" for none
	Secrets       webhook.Secrets // it is signed with the first, as webhooks are; none for unsigned
	BaseURL       string          // the marketplace's, for links
	Languages     *language.Catalogue
	Clock         clock.Clock
	Client        *http.Client // nil for one of its own
}

type shortMessage struct {
	To   string `json:"to"`
	Text string `json:"text"`
}

const (
	maxShort        = 300 // characters: two or three parts
	gatewayTimeout  = 15 * time.Second
	maxGatewayReply = 4 << 10 // bytes read of an answer
)

// NewGatewayClient is a client that follows no redirect: the text and the secret are for one address.
func NewGatewayClient() *http.Client {
	return &http.Client{
		Timeout:       gatewayTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Send is a Sender's. The Idempotency-Key is the message's id: a gateway that knows it sends once.
func (g *Gateway) Send(ctx context.Context, m marketplace.Message) error {
	body, err := json.Marshal(shortMessage{To: m.To, Text: g.text(m)})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, g.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: make the request", ErrDown) // its error would show the address, which may hold a secret
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "tianguis-marketplace")
	request.Header.Set("Idempotency-Key", m.ID)
	if g.Authorization != "" {
		request.Header.Set("Authorization", g.Authorization.Reveal())
	}
	if len(g.Secrets) > 0 {
		g.Secrets.Sign(request.Header, m.ID, g.Clock.Now(), body)
	}
	answer, err := g.Client.Do(request)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDown, withoutURL(err))
	}
	defer func() { _ = answer.Body.Close() }()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, maxGatewayReply)) // what it says is for people; the status counts
	if answer.StatusCode/100 == 2 {
		return nil
	}
	err = fmt.Errorf("the gateway answered %d: %s", answer.StatusCode, excerpt(string(said)))
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: %w", ErrRefused, err) // this number, or this text
	default:
		return fmt.Errorf("%w: %w", ErrDown, err) // busy, broken, moved, or it does not know us
	}
}

// text is the headline with its link.
func (g *Gateway) text(m marketplace.Message) string {
	words := m.Words()
	to := link(g.BaseURL, words.Path)
	headline := []rune(headerText(g.Languages.Match(m.Language).T(words.Headline.Format, words.Headline.Args...)))
	if most := maxShort - len([]rune(to)) - len("Tianguis:  "); len(headline) > most {
		headline = append(headline[:max(most-1, 0)], '…')
	}
	return "Tianguis: " + string(headline) + " " + to
}

func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
