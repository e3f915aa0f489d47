package listener

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/api"
	"tianguis.example/payments/webhook"
)

const (
	watchEvery   = time.Second      // how often it is looked whether both sides are there
	removeBound  = 10 * time.Second // how long the removal at the end is tried
	drainBound   = 5 * time.Second
	probeBound   = time.Second
	readBound    = 5 * time.Second
	maxTrigger   = 4 << 10 // bytes
	retrySeconds = "1"     // the least Retry-After: what waits goes out as soon as the program is back
)

// Options are what a listener needs.
type Options struct {
	Payments *api.Client
	To       *url.URL
	Types    []string // of events; none for all
	Secret   string   // "whsec_…" to sign with; "" for one of the service's making
	Clock    clock.Clock
	Began    func(Began)
	Told     func(Forwarded)
	Note     func(string) // what happens to the listener itself, in a sentence
}

// Began is what a developer needs to know first.
type Began struct {
	EndpointID string `json:"endpointId"`
	ForwardTo  string `json:"forwardTo"`
	Secret     string `json:"secret"` // what the receiver verifies with
}

// Listener is an endpoint while it is there.
type Listener struct {
	Options
	address string // its URL, the last part of which nobody can guess
	path    string
	sender  sender
	takenUp bool // what waits for it is to be sent again

	mu      sync.Mutex
	id      string
	secret  string
	secrets webhook.Secrets
	waiting map[string]bool // ids of what was not taken because nothing listened there
}

// Run forwards until ctx is done, and then removes the endpoint. An error says what to do.
func Run(ctx context.Context, o Options) error {
	open, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen on this machine: %w", err)
	}
	l := &Listener{Options: o, path: "/listen/" + rand.Text(), sender: newSender(o.To, o.Clock.Now), waiting: map[string]bool{}}
	l.address = "http://" + open.Addr().String() + l.path
	server := &http.Server{Handler: l.routes(), ReadHeaderTimeout: readBound, ReadTimeout: readBound, MaxHeaderBytes: 64 << 10}
	// Before it enrolls: what waits for a listener that was killed comes at once.
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(open) }()
	defer func() { _ = server.Close() }()
	if err := l.enroll(ctx); err != nil {
		return errors.Join(err, l.leave(context.WithoutCancel(ctx)))
	}
	l.Began(l.began())
	watched, stop := context.WithCancel(ctx)
	defer stop()
	var watch sync.WaitGroup
	watch.Go(func() { l.watch(watched) })
	select {
	case <-ctx.Done():
		err = nil
	case err = <-ended:
	}
	stop()
	watch.Wait()
	removed := l.leave(context.WithoutCancel(ctx))
	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainBound)
	defer cancel()
	_ = server.Shutdown(draining) // what is in hand gets its answer
	return errors.Join(err, removed)
}

func (l *Listener) began() Began {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Began{l.id, l.To.Redacted(), l.secret}
}

// enroll makes the endpoint, or takes up one that a killed listener has left behind, with what waits for it.
func (l *Listener) enroll(ctx context.Context) error {
	all, err := l.Payments.WebhookEndpoints(ctx)
	if err != nil {
		return err
	}
	for _, left := range all.Endpoints {
		if left.Description != listenerMark || answers(ctx, left.URL) {
			continue // another's, or one that runs
		}
		if l.id == "" && l.Secret == "" && sameTypes(left.EventTypes, l.Types) {
			if err := l.takeUp(ctx, left.ID); err != nil {
				return err
			}
			continue
		}
		if err := l.Payments.RemoveWebhookEndpoint(ctx, left.ID); err != nil && !isCode(err, http.StatusNotFound) {
			return err
		}
	}
	if l.id != "" {
		return nil
	}
	return l.add(ctx, cmp.Or(l.Secret, webhook.GenerateSecret()))
}

func (l *Listener) add(ctx context.Context, secret string) error {
	// The secret is ours, so that what comes before the answer can be verified.
	if err := l.keep(l.began().EndpointID, secret); err != nil {
		return err
	}
	made, err := l.Payments.AddWebhookEndpoint(ctx, api.AddWebhookEndpoint{
		URL: l.address, Description: listenerMark, EventTypes: l.Types, Secret: secret, IdempotencyKey: rand.Text(),
	})
	if isCode(err, http.StatusBadRequest) {
		return fmt.Errorf("the payments service may not send to this machine: start it with WEBHOOK_ALLOW_HOSTS=127.0.0.1 (development only): %w", err)
	}
	if err != nil {
		return err
	}
	return l.keep(made.ID, secret)
}

// takeUp gives a left endpoint our address and a new secret: nobody can read the old one.
func (l *Listener) takeUp(ctx context.Context, id string) error {
	none := int64(0)
	rotated, err := l.Payments.RotateWebhookSecret(ctx, id, api.RotateWebhookSecret{OverlapSeconds: &none, IdempotencyKey: rand.Text()})
	if err != nil {
		return err
	}
	if err := l.keep(id, rotated.Secret); err != nil {
		return err
	}
	yes := true
	_, err = l.Payments.ChangeWebhookEndpoint(ctx, id, api.ChangeWebhookEndpoint{URL: &l.address, Enabled: &yes})
	if err == nil {
		l.takenUp = true
		l.Note("took up what a listener had left behind")
	}
	return err
}

// sendAgain makes due what waits for the endpoint, however long its pause.
func (l *Listener) sendAgain(ctx context.Context, endpoint string) {
	waits, err := l.Payments.WebhookDeliveries(ctx, api.FindWebhookDeliveries{State: "pending", EndpointID: endpoint, Limit: 100})
	if err != nil {
		return // they come by the schedule
	}
	for i := len(waits.Deliveries) - 1; i >= 0; i-- { // oldest first
		_, _ = l.Payments.ReplayWebhook(ctx, waits.Deliveries[i].ID)
	}
}

func (l *Listener) keep(id, secret string) error {
	secrets, err := webhook.ParseSecrets(secret)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.id, l.secret, l.secrets = id, secret, secrets
	return nil
}

// leave removes the endpoint, and tries for a while when the service is away.
func (l *Listener) leave(ctx context.Context) error {
	id := l.began().EndpointID
	if id == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, removeBound)
	defer cancel()
	for {
		err := l.Payments.RemoveWebhookEndpoint(ctx, id)
		if err == nil || isCode(err, http.StatusNotFound) {
			return nil
		}
		if clock.Sleep(ctx, clock.System(), watchEvery/4) != nil {
			return fmt.Errorf("endpoint %s is still there: remove it with payments webhook endpoint remove %s, or start payments listen again: %w", id, id, err)
		}
	}
}

// watch keeps the endpoint there and enabled, and has sent again what waits for the developer's program.
func (l *Listener) watch(ctx context.Context) {
	away := false
	for clock.Sleep(ctx, clock.System(), watchEvery) == nil {
		now := l.began()
		e, err := l.Payments.WebhookEndpoint(ctx, now.EndpointID)
		switch {
		case ctx.Err() != nil:
			return
		case isCode(err, http.StatusNotFound):
			if err := l.add(ctx, now.Secret); err == nil {
				l.Note("somebody had removed the endpoint: it is there again, with the same secret")
			} else {
				l.Note("the endpoint is gone, and could not be made again: " + err.Error())
			}
		case err != nil:
			if !away {
				l.Note("the payments service is away: " + err.Error())
			}
			away = true
			continue
		case !e.Enabled:
			yes := true
			if _, err := l.Payments.ChangeWebhookEndpoint(ctx, now.EndpointID, api.ChangeWebhookEndpoint{Enabled: &yes}); err == nil {
				l.Note("the endpoint was disabled: it is enabled again")
			}
		}
		if away {
			away = false
			l.Note("the payments service is back")
		}
		if l.takenUp { // not before the first look: the service has read the new address by then
			l.takenUp = false
			l.sendAgain(ctx, now.EndpointID)
		}
		if len(l.held()) > 0 && reachable(ctx, l.To) {
			for _, id := range l.release() {
				_, _ = l.Payments.ReplayWebhook(ctx, id) // it comes by the schedule otherwise
			}
		}
	}
}

func (l *Listener) held() []string { return l.take(false) }

func (l *Listener) release() []string { return l.take(true) }

func (l *Listener) take(forget bool) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var ids []string
	for id := range l.waiting {
		ids = append(ids, id)
	}
	if forget {
		clear(l.waiting)
	}
	return ids
}

func (l *Listener) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+l.path, l.deliver)
	mux.HandleFunc("POST "+l.path+triggerPath, l.trigger)
	mux.HandleFunc("GET "+l.path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(headerListener, "yes")
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

// deliver forwards what the service has signed, and answers as the developer's program did. A redirect or a 410 is an error here: the endpoint is ours,
// and is not to be disabled.
func (l *Listener) deliver(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, webhook.MaxBody))
	if err != nil {
		http.Error(w, "too long", http.StatusRequestEntityTooLarge)
		return
	}
	l.mu.Lock()
	secrets := l.secrets
	l.mu.Unlock()
	if err := secrets.Verify(r.Header, body, l.Clock.Now()); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	f := l.forward(r.Context(), r.Header, body)
	switch {
	case f.Taken():
		w.WriteHeader(http.StatusNoContent)
	case f.away:
		w.Header().Set("Retry-After", retrySeconds)
		http.Error(w, "nothing listens at "+f.URL, http.StatusServiceUnavailable)
	case f.Status == http.StatusServiceUnavailable, f.Status == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", cmp.Or(f.retryAfter, retrySeconds))
		http.Error(w, f.URL+" answered "+strconv.Itoa(f.Status), f.Status)
	default:
		http.Error(w, f.URL+": "+cmp.Or(f.Error, "answered "+strconv.Itoa(f.Status)), http.StatusBadGateway)
	}
}

func (l *Listener) forward(ctx context.Context, h http.Header, body []byte) Forwarded {
	f := l.sender.send(ctx, h, body)
	l.mu.Lock()
	if f.away && !f.Test {
		l.waiting[f.ID] = true
	} else {
		delete(l.waiting, f.ID)
	}
	l.mu.Unlock()
	l.Told(f)
	return f
}

type triggered struct {
	Type  webhook.Type `json:"type"`
	Offer string       `json:"offerId"`
}

// trigger makes a test event here, where the secret is: the service signs nothing that did not happen.
func (l *Listener) trigger(w http.ResponseWriter, r *http.Request) {
	var asked triggered
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxTrigger)).Decode(&asked); err != nil || !Known(asked.Type) {
		http.Error(w, "no such event", http.StatusBadRequest)
		return
	}
	l.mu.Lock()
	secrets := l.secrets
	l.mu.Unlock()
	h, body, err := sign(secrets, asked.Type, asked.Offer, l.Clock.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(l.forward(r.Context(), h, body))
}

func sameTypes(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func isCode(err error, status int) bool {
	known, ok := errors.AsType[*api.Error](err)
	return ok && known.Status == status
}

// answers reports whether a listener is at an address.
func answers(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, probeBound)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil || !loopback(request.URL) {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.Header.Get(headerListener) != ""
}

func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

func reachable(ctx context.Context, u *url.URL) bool {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443"}[u.Scheme]
	}
	open, err := (&net.Dialer{Timeout: probeBound}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(port, "80")))
	if err != nil {
		return false
	}
	_ = open.Close()
	return true
}
