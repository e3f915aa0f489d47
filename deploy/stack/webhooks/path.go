package webhooks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/stack/tally"
)

// receiverPath is where a marketplace takes webhooks.
const receiverPath = "/api/webhooks/payments"

// path stands between the two services, and is hostile to what goes over it.
type path struct {
	port   int
	target string         // the marketplace, host:port
	index  map[string]int // events by webhook-id
	seed   uint64
	counts *tally.Tally
	offend func(format string, args ...any)
	client *http.Client
	late   sync.WaitGroup // requests that arrive after all

	mu      sync.Mutex
	weather weather
	server  *http.Server // nil while nobody listens
	arrived []int        // how often each event came here
	taken   []int        // how often the marketplace took each
}

func newPath(port int, target string, events []event, seed uint64, counts *tally.Tally, offend func(string, ...any)) *path {
	p := &path{
		port: port, target: target, seed: seed, counts: counts, offend: offend, weather: fair, index: map[string]int{},
		arrived: make([]int, len(events)), taken: make([]int, len(events)),
		client: &http.Client{
			Timeout:       time.Minute,
			Transport:     &http.Transport{MaxIdleConnsPerHost: 128, IdleConnTimeout: 10 * time.Second},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	for _, e := range events {
		p.index[e.WebhookID] = e.Index
	}
	return p
}

// up listens, on the same port each time.
func (p *path) up(ctx context.Context) error {
	var listener net.Listener
	for try := 0; ; try++ {
		var err error
		if listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port))); err == nil {
			break
		}
		if try == 100 {
			return fmt.Errorf("listen between the services: %w", err)
		}
		if err := clock.Sleep(ctx, clock.System(), 10*time.Millisecond); err != nil {
			return err
		}
	}
	server := &http.Server{Handler: p, ReadHeaderTimeout: 5 * time.Second}
	p.mu.Lock()
	p.server = server
	p.mu.Unlock()
	p.late.Go(func() { _ = server.Serve(listener) }) // ends with Close
	return nil
}

// down breaks every connection, and lets nobody connect.
func (p *path) down() {
	p.mu.Lock()
	server := p.server
	p.server = nil
	p.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
}

func (p *path) become(w weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.weather = w
}

// flap is how long a flapping path is up, and down.
const flap = 120 * time.Millisecond

// live lets one spell of weather pass after the other until ctx is done, and leaves the path fair and up.
func (p *path) live(ctx context.Context) {
	defer p.become(fair)
	random := stream(p.seed, "weather", 0)
	for nth := int(p.seed%uint64(len(foul))) * 2; ctx.Err() == nil; nth++ { //nolint:gosec // G115: less than six
		s := drawSpell(random, nth)
		p.counts.Add("weather." + string(s.weather))
		p.become(s.weather)
		switch s.weather {
		case down:
			p.down()
			_ = clock.Sleep(ctx, clock.System(), s.lasts)
			p.mustUp(ctx)
		case flapping:
			for range max(1, s.lasts/(2*flap)) {
				p.down()
				_ = clock.Sleep(ctx, clock.System(), flap)
				p.mustUp(ctx)
				_ = clock.Sleep(ctx, clock.System(), flap)
			}
		default:
			_ = clock.Sleep(ctx, clock.System(), s.lasts)
		}
	}
}

func (p *path) mustUp(ctx context.Context) {
	if err := p.up(context.WithoutCancel(ctx)); err != nil {
		p.offend("%v", err)
	}
}

// arrive counts an arrival, and returns its event and what befalls it.
func (p *path) arrive(id string) (event int, f fate, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	event, known = p.index[id]
	if !known {
		return 0, forward, false
	}
	nth := p.arrived[event]
	p.arrived[event]++
	switch p.weather {
	case erring:
		return event, status500, true
	case throttled:
		return event, wait429, true
	case redirects:
		return event, moved302, true
	case sluggish:
		return event, slow, true
	case fair, flapping, down:
	}
	return event, fateOf(p.seed, event, nth), true
}

// ServeHTTP implements http.Handler.
func (p *path) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != receiverPath || r.Method != http.MethodPost {
		p.offend("%s %s was asked for: a redirect was followed", r.Method, r.URL.Path)
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		cut(w) // its sender was killed as it wrote
		return
	}
	event, f, known := p.arrive(r.Header.Get("webhook-id"))
	if !known {
		p.offend("a webhook came that nobody wrote: %.100q", r.Header.Get("webhook-id"))
		return
	}
	p.counts.Add("fate." + string(f))
	random := stream(p.seed, "detail", event)
	m := message{event: event, header: r.Header.Clone(), body: body}
	switch f {
	case forward:
		p.relay(w, m)
	case slow:
		p.pause(r.Context(), between(random, 20*time.Millisecond, 600*time.Millisecond))
		p.relay(w, m)
	case loseRequest:
		cut(w)
	case loseAnswer:
		_, _ = p.send(m)
		cut(w)
	case halfRequest:
		p.sendHalf(m)
		cut(w)
	case halfAnswer:
		p.relayHalf(w, m)
	case silence:
		<-r.Context().Done()
		p.late.Go(func() { _, _ = p.send(m) })
	case twice:
		p.late.Go(func() { _, _ = p.send(m) })
		p.relay(w, m)
	case later:
		p.late.Go(func() {
			p.pause(context.WithoutCancel(r.Context()), between(random, 50*time.Millisecond, 2*time.Second))
			_, _ = p.send(m)
		})
		w.WriteHeader(http.StatusServiceUnavailable)
	case corrupt:
		m.body = bytes.Clone(body)
		m.body[random.IntN(len(body))] ^= 1
		if got, err := p.send(m); err == nil && got.status != http.StatusUnauthorized {
			p.offend("the marketplace answered %d to a webhook with a byte changed: %s", got.status, got.body)
		}
		w.WriteHeader(http.StatusUnauthorized)
	case moved302, moved307:
		status, _ := strconv.Atoi(string(f))
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	case wait429, wait503:
		status, _ := strconv.Atoi(strings.TrimSuffix(string(f), "_wait"))
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(status)
	case garbage:
		write(w, "220 smtp.shop.example ESMTP ready\r\n")
	case longAnswer:
		p.relayLong(w, m)
	case status400, status500, status502, busy429, gone410:
		status, _ := strconv.Atoi(string(f))
		http.Error(w, "not now", status)
	}
}

func (p *path) pause(ctx context.Context, d time.Duration) { _ = clock.Sleep(ctx, clock.System(), d) }

// message is a webhook on its way.
type message struct {
	event  int
	header http.Header
	body   []byte
}

// reply is what the marketplace answered.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// send lets the message arrive, whoever still waits for the answer.
func (p *path) send(m message) (reply, error) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+p.target+receiverPath, bytes.NewReader(m.body))
	if err != nil {
		return reply{}, err
	}
	request.Header = m.header
	response, err := p.client.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	if response.StatusCode == http.StatusOK {
		p.mu.Lock()
		p.taken[m.event]++
		p.mu.Unlock()
	}
	p.counts.Add(fmt.Sprintf("answer.%d", response.StatusCode))
	return reply{response.StatusCode, response.Header, body}, nil
}

// sendHalf lets half of the body arrive, under the length of all of it.
func (p *path) sendHalf(m message) {
	connection, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", p.target)
	if err != nil {
		return
	}
	defer func() { _ = connection.Close() }()
	var head bytes.Buffer
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", receiverPath, p.target, len(m.body))
	m.header.Del("Content-Length")
	_ = m.header.Write(&head) // to a buffer
	_, _ = connection.Write(append(append(head.Bytes(), "\r\n"...), m.body[:len(m.body)/2]...))
}

// relay lets the message arrive and its answer come back. Without an answer, the connection breaks here as it did there.
func (p *path) relay(w http.ResponseWriter, m message) {
	got, err := p.send(m)
	if err != nil {
		cut(w)
		return
	}
	w.Header().Set("Content-Type", got.header.Get("Content-Type"))
	w.WriteHeader(got.status)
	_, _ = w.Write(got.body)
}

func (p *path) relayHalf(w http.ResponseWriter, m message) {
	got, err := p.send(m)
	if err != nil {
		cut(w)
		return
	}
	write(w, fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		got.status, http.StatusText(got.status), len(got.body), got.body[:len(got.body)/2]))
}

func (p *path) relayLong(w http.ResponseWriter, m message) {
	got, err := p.send(m)
	if err != nil {
		cut(w)
		return
	}
	w.WriteHeader(got.status)
	_, _ = w.Write(got.body)
	for range 64 {
		if _, err := w.Write(make([]byte, 16<<10)); err != nil {
			return // it has read enough
		}
	}
}

// cut breaks the connection without a word.
func cut(w http.ResponseWriter) { write(w, "") }

// write writes text in the place of an answer, and breaks the connection.
func write(w http.ResponseWriter, text string) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if errors.Is(err, http.ErrNotSupported) {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		return // it is broken already
	}
	if text != "" {
		_, _ = io.WriteString(connection, text)
	} else if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset
	}
	_ = connection.Close()
}

// close stops, and waits for what still was to arrive.
func (p *path) close() {
	p.down()
	p.late.Wait()
	p.client.CloseIdleConnections()
}

// received is how many requests came, how many of them the marketplace took, and how many of those it had taken before.
func (p *path) received() (arrivals, taken, duplicates int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.arrived {
		arrivals += p.arrived[i]
		taken += p.taken[i]
		duplicates += max(0, p.taken[i]-1)
	}
	return arrivals, taken, duplicates
}
