package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tianguis.example/chassis/clock"
)

// balancer stands before the replicas of a service as a load balancer does: it asks each whether it is ready, and gives each
// request to one that is, in turn. A request that could not even connect goes to the next; one that may have
// arrived is never sent twice, and its caller gets a 502.
type balancer struct {
	address  string
	replicas []*replica
	turn     atomic.Uint64
	server   *http.Server
	wait     sync.WaitGroup
	stop     context.CancelFunc
}

type replica struct {
	host  string
	ready atomic.Bool
}

const (
	checkEvery   = 100 * time.Millisecond
	checkBound   = 500 * time.Millisecond
	maxForwarded = 1 << 20 // bytes of a request's body
)

// startBalancer listens on that port of loopback, before services at these addresses.
func startBalancer(ctx context.Context, port int, addresses ...string) (*balancer, error) {
	b := &balancer{address: "http://localhost:" + strconv.Itoa(port)}
	for _, address := range addresses {
		parsed, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		b.replicas = append(b.replicas, &replica{host: parsed.Host})
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, fmt.Errorf("start the load balancer: %w", err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "chosen.invalid" },
		Transport: b,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			status := http.StatusBadGateway
			if errors.Is(err, errNoneReady) {
				status = http.StatusServiceUnavailable
			}
			http.Error(w, http.StatusText(status), status)
		},
	}
	b.server = &http.Server{Handler: proxy, ReadHeaderTimeout: 5 * time.Second}
	ctx, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, r := range b.replicas {
		b.wait.Go(func() { r.watch(ctx) })
	}
	b.wait.Go(func() { _ = b.server.Serve(listener) }) // ends with Close
	return b, nil
}

func (b *balancer) Close() {
	_ = b.server.Close()
	b.stop()
	b.wait.Wait()
}

func (r *replica) watch(ctx context.Context) {
	client := &http.Client{Timeout: checkBound}
	for ctx.Err() == nil {
		r.ready.Store(answers(ctx, client, "http://"+r.host+"/ready"))
		_ = clock.Sleep(ctx, clock.System(), checkEvery)
	}
}

func answers(ctx context.Context, client *http.Client, address string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return false
	}
	answer, err := client.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

var errNoneReady = errors.New("no replica is ready")

// transport keeps its connections: a replica that dies breaks them, as it would behind any load balancer.
var transport = &http.Transport{
	DialContext:         (&net.Dialer{Timeout: time.Second}).DialContext,
	MaxIdleConnsPerHost: 64,
	IdleConnTimeout:     30 * time.Second,
}

// RoundTrip implements http.RoundTripper.
func (b *balancer) RoundTrip(request *http.Request) (*http.Response, error) {
	var body []byte
	if request.Body != nil {
		var err error
		body, err = io.ReadAll(io.LimitReader(request.Body, maxForwarded))
		_ = request.Body.Close()
		if err != nil {
			return nil, err
		}
	}
	failed := errNoneReady
	turn := b.turn.Add(1)
	for i := range uint64(len(b.replicas)) {
		r := b.replicas[(turn+i)%uint64(len(b.replicas))]
		if !r.ready.Load() {
			continue
		}
		out := request.Clone(request.Context())
		out.URL.Host = r.host
		out.Body = io.NopCloser(bytes.NewReader(body))
		answer, err := transport.RoundTrip(out)
		if err == nil {
			return answer, nil
		}
		failed = err
		if dial, ok := errors.AsType[*net.OpError](err); !ok || dial.Op != "dial" {
			return nil, err
		}
	}
	return nil, failed
}
