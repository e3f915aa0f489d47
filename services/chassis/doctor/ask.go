package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Answer is what came back for a question.
type Answer struct {
	Status int
	Header http.Header
	Body   string // its beginning
}

// Service is the name that one of our services gives in its health; "" for anybody else's answer.
func (a Answer) Service() string {
	var said struct {
		Service string `json:"service"`
	}
	if a.Status != http.StatusOK || json.Unmarshal([]byte(a.Body), &said) != nil {
		return ""
	}
	return said.Service
}

const maxAnswer = 16 << 10 // bytes

// Ask asks for an address as a browser would, and follows no redirect. Its error does not repeat the address.
func Ask(ctx context.Context, address string) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return Answer{}, errors.New("it is no address")
	}
	request.Header.Set("Accept", "text/html,application/json;q=0.9")
	return Send(request)
}

// Send sends a request on a connection of its own and, as the services do, past any proxy of the environment; it follows no redirect.
func Send(request *http.Request) (Answer, error) {
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	reply, err := client.Do(request) //nolint:gosec // G704: the operator names the address
	if err != nil {
		if named, ok := errors.AsType[*url.Error](err); ok {
			err = named.Err
		}
		return Answer{}, err
	}
	defer func() { _ = reply.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(reply.Body, maxAnswer))
	return Answer{Status: reply.StatusCode, Header: reply.Header, Body: string(body)}, err
}

// Here is where a service answers on this machine that listens at host:port; "" when that is none.
func Here(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost" // it listens on every interface
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Running is a check whether a service runs on this machine, by the address that its settings let it listen on.
type Running struct {
	Service string // the name that it gives in its health
	Listen  string
	// Runs is called when it does.
	Runs func()
}

// Check looks whether it runs, and is ready. A service that is stopped is a warning: all else can be looked at.
func (r Running) Check() Check { return Check{Name: "service", Limit: 5 * time.Second, Look: r.look} }

func (r Running) look(ctx context.Context) []Finding {
	address := Here(r.Listen)
	if address == "" {
		return []Finding{Skip("needs the address that the service listens on")}
	}
	start := r.Service + " serve"
	health, err := Ask(ctx, address+"/health")
	switch {
	case err != nil && ctx.Err() != nil:
		return []Finding{Fail("see its log; then restart it", "the service listens on %s, and does not answer: %s", r.Listen, Why(ctx, err))}
	case err != nil:
		return []Finding{Warn(start, "the service does not run here: nobody answers on %s", r.Listen)}
	case health.Service() != r.Service:
		return []Finding{Fail("end that program, or set "+strings.ToUpper(r.Service)+"_LISTEN", "another program than the %s service answers on %s", r.Service, r.Listen)}
	}
	r.Runs()
	ready, err := Ask(ctx, address+"/ready")
	if err != nil {
		return []Finding{Fail("see its log", "the service runs on %s, and does not say whether it is ready: %s", r.Listen, Why(ctx, err))}
	}
	if ready.Status != http.StatusOK {
		return []Finding{Fail("see its log: what it needs is most often the database", "the service runs on %s, and is not ready", r.Listen)}
	}
	return []Finding{Fine("it runs on %s, and is ready", r.Listen)}
}
