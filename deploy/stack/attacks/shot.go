package attacks

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/stack"
)

// shot is one request of an attack.
type shot struct {
	program string // that it is sent to
	method  string
	path    string // with its query, as it goes over the wire
	header  http.Header
	body    string
	chunked bool // without a Content-Length
	as      *visitor
	from    string // another address of this machine that it is sent from; "" for the usual one
}

// answer is what came of a request, and how the logs name it.
type answer struct {
	what   string // the request in a few words
	status int
	text   string // headers and body
	marks  []mark // how lines of the log can be known to be of this request: one of these
}

// mark is an attribute of a line in a log.
type mark struct{ key, value string }

func (a answer) is(r Refusal) bool { return a.status == r.Status && strings.Contains(a.text, r.Says) }

func (a answer) String() string {
	text := strings.Join(strings.Fields(a.text), " ")
	return fmt.Sprintf("%s: %d %s", a.what, a.status, text[:min(len(text), 400)])
}

// get and post are shots at the pages, by somebody (nil for nobody).
func get(path string, as *visitor) shot {
	return shot{program: stack.Marketplace, method: http.MethodGet, path: path, as: as}
}

// post sends a form without the token that a form of the marketplace's carries; with tells of one with it.
func post(path string, form url.Values, as *visitor) shot {
	return shot{
		program: stack.Marketplace, method: http.MethodPost, path: path, body: form.Encode(), as: as,
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}
}

// postOurs sends a form as the marketplace's own page would.
func postOurs(path string, form url.Values, as *visitor) shot {
	whole := url.Values{"csrf": {as.csrf}}
	for name, values := range form {
		whole[name] = values
	}
	return post(path, whole, as)
}

// api is a request to the payments service without its key.
func api(method, path, body string) shot {
	s := shot{program: stack.Payments, method: method, path: path, body: body, header: http.Header{}}
	if body != "" {
		s.header.Set("Content-Type", "application/json")
	}
	return s
}

func (s shot) with(name, value string) shot {
	s.header = s.header.Clone()
	if s.header == nil {
		s.header = http.Header{}
	}
	s.header.Add(name, value)
	return s
}

// keyed presents the API key.
func (s shot) keyed(of *siege) shot { return s.with("Authorization", "Bearer "+of.key) }

const maxAnswer = 4 << 20 // bytes

// fire sends shots one after the other.
func (s *siege) fire(ctx context.Context, shots ...shot) ([]answer, error) {
	all := make([]answer, 0, len(shots))
	for _, one := range shots {
		a, err := s.send(ctx, one)
		if err != nil {
			return all, fmt.Errorf("%s %s: %w", one.method, one.path, err)
		}
		all = append(all, a)
	}
	return all, nil
}

func (s *siege) send(ctx context.Context, o shot) (answer, error) {
	target, err := url.Parse(s.address(o.program))
	if err != nil {
		return answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, o.method, target.String(), strings.NewReader(o.body))
	if err != nil {
		return answer{}, err
	}
	request.URL.Opaque = o.path // as it is: net/url would tidy it up
	for name, values := range o.header {
		request.Header[name] = values
	}
	if host := o.header.Get("Host"); host != "" {
		request.Host = host
		request.Header.Del("Host")
	}
	if o.chunked {
		request.ContentLength = -1
	}
	if o.as != nil {
		for _, c := range o.as.cookies {
			request.AddCookie(c)
		}
	}
	a := answer{what: o.method + " " + o.path[:min(len(o.path), 120)]}
	if request.Header.Get("X-Request-Id") == "" {
		id := ulid.Make().String()
		request.Header.Set("X-Request-Id", id)
		a.marks = append(a.marks, mark{"request_id", id})
	}
	s.shots.Add(1)
	trace := &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) {
		a.marks = append(a.marks, mark{"peer", c.Conn.LocalAddr().String()})
	}}
	client := s.client
	if o.from != "" {
		client = from(*client, o.from)
	}
	response, err := client.Do(request.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return a, err
		}
		a.text = err.Error() // the connection was closed: nothing was answered
		return a, nil
	}
	defer func() { _ = response.Body.Close() }()
	return a, a.read(response)
}

// from is a client that sends from an address.
func from(client http.Client, address string) *http.Client {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	client.Transport = &http.Transport{DisableKeepAlives: true, DisableCompression: true, DialContext: func(ctx context.Context, _, target string) (net.Conn, error) {
		return dialer.DialContext(ctx, "tcp4", target)
	}}
	return &client
}

func (a *answer) read(response *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	var headers strings.Builder
	_ = response.Header.Write(&headers) // a Builder takes everything
	a.status, a.text = response.StatusCode, headers.String()+"\n"+string(body)
	if id := response.Header.Get("X-Request-Id"); id != "" {
		a.marks = append(a.marks, mark{"request_id", id})
	}
	return err
}

// rawBound is how long an answer to raw bytes is waited for.
const rawBound = 45 * time.Second

// raw sends bytes as they are, in pieces with a pause in between, and reads all the answers until the service closes the connection.
func (s *siege) raw(ctx context.Context, program, what string, pause time.Duration, pieces ...string) ([]answer, error) {
	return s.rawly(ctx, program, what, pause, false, pieces...)
}

// rawHalf sends bytes and says that no more will come.
func (s *siege) rawHalf(ctx context.Context, program, what, text string) ([]answer, error) {
	return s.rawly(ctx, program, what, 0, true, text)
}

func (s *siege) rawly(ctx context.Context, program, what string, pause time.Duration, half bool, pieces ...string) ([]answer, error) {
	ctx, cancel := context.WithTimeout(ctx, rawBound)
	defer cancel()
	target, err := url.Parse(s.address(program))
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", target.Host)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // fails of a closed connection only
	s.shots.Add(1)
	go func() {
		for i, piece := range pieces {
			if i > 0 && pauseFor(ctx, pause) != nil {
				return
			}
			if _, err := io.WriteString(conn, piece); err != nil {
				return // it was closed in the middle of it
			}
		}
		if tcp, ok := conn.(*net.TCPConn); ok && half {
			_ = tcp.CloseWrite()
		}
	}()
	peer := mark{"peer", conn.LocalAddr().String()}
	none := answer{what: what, marks: []mark{peer}}
	var all []answer
	reader := bufio.NewReader(conn)
	for {
		if _, err := reader.Peek(1); err != nil {
			if netError, ok := errors.AsType[net.Error](err); ok && netError.Timeout() {
				return all, fmt.Errorf("%s: the connection is still open after %s", what, rawBound)
			}
			if len(all) == 0 {
				all = append(all, none)
			}
			return all, nil
		}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return all, fmt.Errorf("%s: read the answer: %w", what, err)
		}
		a := none
		err = a.read(response)
		_ = response.Body.Close()
		if err != nil {
			return all, err
		}
		all = append(all, a)
	}
}
