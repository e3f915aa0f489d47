package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Client calls a payments service. It retries what is safe to repeat: reads, a finish and a seller, which are
// the same the second time, what has an IdempotencyKey; and whatever was refused because there were too many requests. It does so twice at most, and
// leaves it to its caller when it is told to wait for long.
type Client struct {
	base string
	key  string
	http *retryablehttp.Client
}

// Longest is how long a call may take in all: a finish waits for the money for a bounded time.
const Longest = 30 * time.Second

const maxAnswer = 4 << 20 // bytes; lists of payments are the longest

// NewClient makes a client for the service at baseURL, with its API key ("" for a service on
// loopback that has none). inner may be nil.
func NewClient(baseURL, key string, inner *http.Client) *Client {
	if inner == nil {
		inner = &http.Client{Transport: NewTransport()}
	}
	own := *inner
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c := retryablehttp.NewClient()
	c.HTTPClient, c.Logger = &own, nil
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = 2, 100*time.Millisecond, 500*time.Millisecond
	// The default policy repeats every method; a start without an Idempotency-Key is not ours to repeat.
	c.CheckRetry = func(ctx context.Context, answer *http.Response, err error) (bool, error) {
		if err == nil && answer.StatusCode == http.StatusTooManyRequests { // nothing was done: that may be repeated, whatever it is
			return retryAfter(answer) <= longestWait && ctx.Err() == nil, ctx.Err()
		}
		lost := err != nil || answer.StatusCode == http.StatusBadGateway || answer.StatusCode == http.StatusServiceUnavailable
		if !lost || !safe(ctx) || ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err == nil && retryAfter(answer) > longestWait { // whoever has too much to do gets no more of it by being asked again
			return false, nil
		}
		if unheard, ok := ctx.Value(unheardKey{}).(*bool); ok {
			*unheard = true
		}
		return true, nil
	}
	// Its own would sleep for as long as a Retry-After says: beyond a moment, that is for our caller to do, who is told.
	c.Backoff = func(least, most time.Duration, tries int, answer *http.Response) time.Duration {
		if answer != nil && retryAfter(answer) > 0 {
			return max(retryAfter(answer), least<<tries)
		}
		return min(least<<tries, most)
	}
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler
	return &Client{base: strings.TrimRight(baseURL, "/"), key: key, http: c}
}

// longestWait is for how long a Client itself waits when it is told to come back later.
const longestWait = 2 * time.Second

// retryAfter is what the answer says of it in seconds; zero for nothing.
func retryAfter(answer *http.Response) time.Duration {
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	return 0
}

// NewTransport is what a client without an inner one uses: it keeps connections for all who may call at once.
func NewTransport() *http.Transport {
	return &http.Transport{MaxIdleConnsPerHost: 32, IdleConnTimeout: time.Minute}
}

const idempotencyKey = "Idempotency-Key"

type safeKey struct{}

func safe(ctx context.Context) bool { return ctx.Value(safeKey{}) != nil }

// unheardKey leads to what becomes true when a try is repeated whose outcome was not heard.
type unheardKey struct{}

// Sellers lists who can be paid.
func (c *Client) Sellers(ctx context.Context) (answer Sellers, err error) {
	return answer, c.get(ctx, "/sellers", nil, &answer)
}

// RegisterSeller makes a seller known, or changes one. It may be called again, and is sent again when its answer is lost: the same seller stays the same.
func (c *Client) RegisterSeller(ctx context.Context, seller RegisterSeller) (answer Registered, err error) {
	return answer, c.post(context.WithValue(ctx, safeKey{}, true), "/sellers", seller, &answer)
}

// Start begins the payment of an offer, or returns the one that awaits the buyer's approval already. With an
// IdempotencyKey it is sent again when its answer is lost.
func (c *Client) Start(ctx context.Context, offerID string, start Start) (answer Started, err error) {
	return answer, c.postOnce(ctx, "/offers/"+url.PathEscape(offerID)+"/quotes/start", start.IdempotencyKey, start, &answer)
}

// Cancel calls off a payment that nobody has approved yet. It may be called again. It is refused, with CodeInProgress, once money may be moving.
func (c *Client) Cancel(ctx context.Context, pendingID string) (answer Payment, err error) {
	return answer, c.post(context.WithValue(ctx, safeKey{}, true), "/payments/"+url.PathEscape(pendingID)+"/cancel", nil, &answer)
}

// Finish hands on what the wallet's redirect brought.
func (c *Client) Finish(ctx context.Context, finish Finish) (answer Finished, err error) {
	query := url.Values{"pendingId": {finish.PendingID}}
	for name, value := range map[string]string{"interact_ref": finish.InteractRef, "hash": finish.Hash, "result": finish.Result} {
		if value != "" {
			query.Set(name, value)
		}
	}
	header := http.Header{}
	if finish.PayersSession {
		header.Set(PayersSessionHeader, "true")
	}
	return answer, c.get(ctx, "/payments/finish?"+query.Encode(), header, &answer)
}

// Payment tells what is known of a payment.
func (c *Client) Payment(ctx context.Context, pendingID string) (answer Payment, err error) {
	return answer, c.get(ctx, "/payments/"+url.PathEscape(pendingID)+"/status", nil, &answer)
}

// Events tells a payment's story.
func (c *Client) Events(ctx context.Context, pendingID string) (answer Events, err error) {
	return answer, c.get(ctx, "/payments/"+url.PathEscape(pendingID)+"/events", nil, &answer)
}

// Pending lists the payments that have not ended, oldest first.
func (c *Client) Pending(ctx context.Context) (answer Payments, err error) {
	return answer, c.get(ctx, "/payments/pending", nil, &answer)
}

// OfferPayments lists the payments of an offer, oldest first.
func (c *Client) OfferPayments(ctx context.Context, offerID string) (answer Payments, err error) {
	return answer, c.get(ctx, "/offers/"+url.PathEscape(offerID)+"/payments", nil, &answer)
}

// RequestIncoming makes an incoming payment at the seller's wallet, for whoever pays it by other means. With an IdempotencyKey it is sent again when its
// answer is lost.
func (c *Client) RequestIncoming(ctx context.Context, request RequestIncoming) (answer Incoming, err error) {
	return answer, c.postOnce(ctx, "/api/payments/incoming", request.IdempotencyKey, request, &answer)
}

// Profile looks a wallet address up.
func (c *Client) Profile(ctx context.Context, walletAddressURL string) (answer Profile, err error) {
	return answer, c.post(context.WithValue(ctx, safeKey{}, true), "/api/wallet/profile", RequestProfile{walletAddressURL}, &answer)
}

// WebhookEndpoints lists who receives webhooks, the configured one first.
func (c *Client) WebhookEndpoints(ctx context.Context) (answer WebhookEndpoints, err error) {
	return answer, c.get(ctx, "/webhooks/endpoints", nil, &answer)
}

// AddWebhookEndpoint adds one, which gets the events that happen from now on. With an IdempotencyKey it is sent again when its answer is lost.
func (c *Client) AddWebhookEndpoint(ctx context.Context, add AddWebhookEndpoint) (answer AddedWebhookEndpoint, err error) {
	return answer, c.postOnce(ctx, "/webhooks/endpoints", add.IdempotencyKey, add, &answer)
}

// WebhookEndpoint tells of one.
func (c *Client) WebhookEndpoint(ctx context.Context, id string) (answer WebhookEndpoint, err error) {
	return answer, c.get(ctx, endpointPath(id), nil, &answer)
}

// ChangeWebhookEndpoint changes one; of the configured one, only whether it is enabled.
func (c *Client) ChangeWebhookEndpoint(ctx context.Context, id string, change ChangeWebhookEndpoint) (answer WebhookEndpoint, err error) {
	body, err := json.Marshal(change)
	if err != nil {
		return answer, fmt.Errorf("encode the request: %w", err)
	}
	return answer, c.do(context.WithValue(ctx, safeKey{}, true), http.MethodPatch, endpointPath(id), nil, body, &answer)
}

// RemoveWebhookEndpoint removes one that was added; what was on its way to it is given up.
func (c *Client) RemoveWebhookEndpoint(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, endpointPath(id), nil, nil, nil)
}

// WebhookSecrets lists what is signed with for an endpoint, by fingerprints.
func (c *Client) WebhookSecrets(ctx context.Context, endpointID string) (answer WebhookSecrets, err error) {
	return answer, c.get(ctx, endpointPath(endpointID)+"/secrets", nil, &answer)
}

// RotateWebhookSecret gives an endpoint a new secret; older ones sign beside it for a while. With an IdempotencyKey it is sent again when its answer is lost.
func (c *Client) RotateWebhookSecret(ctx context.Context, endpointID string, rotate RotateWebhookSecret) (answer RotatedWebhookSecret, err error) {
	return answer, c.postOnce(ctx, endpointPath(endpointID)+"/secrets/rotate", rotate.IdempotencyKey, rotate, &answer)
}

// PingWebhookEndpoint sends a test event, once. What comes of it is told by WebhookDelivery.
func (c *Client) PingWebhookEndpoint(ctx context.Context, id string) (answer WebhookDelivery, err error) {
	return answer, c.post(ctx, endpointPath(id)+"/ping", nil, &answer)
}

// WebhookDeliveries is a page of the delivery log, newest first.
func (c *Client) WebhookDeliveries(ctx context.Context, find FindWebhookDeliveries) (answer WebhookDeliveries, err error) {
	query := url.Values{}
	for name, value := range map[string]string{
		"state": find.State, "endpointId": find.EndpointID, "type": find.Type, "offerId": find.OfferID, "pendingId": find.PendingID,
		"since": find.Since, "until": find.Until, "cursor": find.Cursor,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if find.Limit > 0 {
		query.Set("limit", strconv.Itoa(find.Limit))
	}
	return answer, c.get(ctx, "/webhooks/deliveries?"+query.Encode(), nil, &answer)
}

// WebhookDelivery tells what is sent, and what came of each attempt.
func (c *Client) WebhookDelivery(ctx context.Context, webhookID string) (answer WebhookDelivery, err error) {
	return answer, c.get(ctx, deliveryPath(webhookID), nil, &answer)
}

// ReplayWebhook sends one again, under the same id, whatever became of it.
func (c *Client) ReplayWebhook(ctx context.Context, webhookID string) (answer WebhookDelivery, err error) {
	return answer, c.post(ctx, deliveryPath(webhookID)+"/replay", nil, &answer)
}

// ReplayWebhooks sends again, under the same ids, what it picks of those that have ended: the dead ones, unless it names a state. It must name an endpoint,
// or since when.
func (c *Client) ReplayWebhooks(ctx context.Context, find FindWebhookDeliveries) (answer ReplayedWebhooks, err error) {
	return answer, c.post(ctx, "/webhooks/replay", find, &answer)
}

func endpointPath(id string) string { return "/webhooks/endpoints/" + url.PathEscape(id) }

func deliveryPath(id string) string { return "/webhooks/deliveries/" + url.PathEscape(id) }

// Ready returns nil when the service can do its work.
func (c *Client) Ready(ctx context.Context) error {
	var ignored map[string]any
	return c.get(ctx, "/ready", nil, &ignored)
}

func (c *Client) get(ctx context.Context, path string, header http.Header, into any) error {
	return c.do(context.WithValue(ctx, safeKey{}, true), http.MethodGet, path, header, nil, into)
}

func (c *Client) post(ctx context.Context, path string, body, into any) error {
	return c.postWith(ctx, path, nil, body, into)
}

// postOnce sends an idempotency key along; with one, it may be repeated.
func (c *Client) postOnce(ctx context.Context, path, key string, body, into any) error {
	header := http.Header{}
	if key != "" {
		header.Set(idempotencyKey, key)
		ctx = context.WithValue(ctx, safeKey{}, true)
	}
	return c.postWith(ctx, path, header, body, into)
}

func (c *Client) postWith(ctx context.Context, path string, header http.Header, body, into any) error {
	if body == nil {
		return c.do(ctx, http.MethodPost, path, header, nil, into)
	}
	var encoded bytes.Buffer
	if err := json.NewEncoder(&encoded).Encode(body); err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	return c.do(ctx, http.MethodPost, path, header, encoded.Bytes(), into)
}

func (c *Client) do(ctx context.Context, method, path string, header http.Header, body []byte, into any) error {
	var unheard bool
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, unheardKey{}, &unheard), Longest)
	defer cancel()
	request, err := retryablehttp.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return fmt.Errorf("make the request: %w", withoutURL(err))
	}
	for name, values := range header {
		request.Header[name] = values
	}
	if header.Get(idempotencyKey) != "" { // then net/http would send it again by itself (its Transport says when); without GetBody that is left to us, who remember it
		request.GetBody = nil
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		request.Header.Set("Authorization", "Bearer "+c.key)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return &Error{Code: CodeUnreachable, Message: "the payments service does not answer", Err: withoutURL(err)}
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return &Error{Code: CodeUnreachable, Message: "the payments service broke off its answer", Err: err}
	}
	if answer.StatusCode/100 != 2 {
		failed := failure(answer, content)
		failed.Unheard = unheard
		return failed
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(content, into); err != nil {
		return &Error{Status: answer.StatusCode, Code: CodeUnintelligible, Message: "the payments service's answer is not what is documented", Err: err}
	}
	return nil
}

func failure(answer *http.Response, content []byte) *Error {
	var said Failure
	if json.Unmarshal(content, &said) != nil || said.Code == "" {
		said = Failure{Code: CodeUnintelligible, Error: "the payments service gave an answer that is not documented"}
	}
	return &Error{Status: answer.StatusCode, Code: said.Code, Message: said.Error, RetryAfter: retryAfter(answer)}
}

// withoutURL keeps the query of a finish, with its hash and interact_ref, out of logs.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
