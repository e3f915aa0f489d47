package attacks

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"tianguis.example/payments/webhook"
	"tianguis.example/stack"
)

var (
	noRequest = []Line{{stack.Payments, "security", "no_request"}, {stack.Marketplace, "security", "no_request"}}
	malformed = []Refusal{{http.StatusBadRequest, ""}, {http.StatusNotImplemented, ""}, {0, ""}}
)

// torn is an attack by bytes that are no request, each on a connection of its own, at both services.
func torn(texts ...string) func(context.Context, *siege) ([]answer, error) {
	return func(ctx context.Context, s *siege) (all []answer, err error) {
		for _, program := range []string{stack.Payments, stack.Marketplace} {
			for _, text := range texts {
				got, err := s.raw(ctx, program, fmt.Sprintf("%.60q", text), 0, text)
				if err != nil {
					return all, err
				}
				all = append(all, got...)
			}
		}
		return all, nil
	}
}

const smuggled = "GET /sellers HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

// preface is how HTTP/2 begins (RFC 9113 section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// dripped sends pieces with a pause in between. While they drip, others are answered.
func dripped(program, what string, pause time.Duration, pieces ...string) func(context.Context, *siege) ([]answer, error) {
	return func(ctx context.Context, s *siege) ([]answer, error) {
		began := now()
		all, err := s.raw(ctx, program, what, pause, pieces...)
		if took := now().Sub(began); err == nil && took > 40*time.Second {
			err = fmt.Errorf("the connection was kept for %s", took)
		}
		return all, err
	}
}

func bytesOf(text string) []string { return strings.Split(text, "") }

var wireAttacks = []Attack{
	{
		ID: "wire-smuggling-te", Title: "Transfer codings that two servers may read in two ways", By: Network, Aim: Keys,
		Refused: malformed, Told: noRequest,
		Try: torn(
			"POST /sellers HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: xchunked\r\n\r\n5c\r\n"+smuggled,
			"POST /sellers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"+smuggled,
			"POST /sellers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"+smuggled,
			"POST /sellers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"+smuggled,
			"POST /sellers HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"+smuggled),
	},
	{
		ID: "wire-smuggling-length", Title: "Two lengths, negative ones, ones with a sign", By: Network, Aim: Keys,
		Refused: malformed, Told: noRequest,
		Try: torn(
			"POST /sellers HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n"+smuggled,
			"POST /sellers HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"+smuggled, "POST /sellers HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\n"+smuggled,
			"POST /sellers HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 4\r\n\r\n"+smuggled, "POST /sellers HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"),
	},
	{
		ID: "wire-smuggling-cl-te", Title: "A length and a coding at once, with a second request in the body: it gets no more than it would by itself", By: Network, Aim: Keys,
		Refused: []Refusal{noKey, {http.StatusBadRequest, ""}}, Told: append([]Line{{stack.Payments, "security", "unauthorized"}}, noRequest...),
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			body := "0\r\n\r\n" + smuggled
			return s.raw(ctx, stack.Payments, "CL.TE", 0, fmt.Sprintf("POST /sellers HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n%s", len(body), body))
		},
	},
	{
		ID: "wire-malformed", Title: "Bytes that are no request: TLS, HTTP/0.9, a bad method, no Host, two Hosts, a header without a name", By: Network, Aim: Service,
		Refused: append([]Refusal{{http.StatusHTTPVersionNotSupported, ""}}, malformed...), Told: noRequest,
		Try: torn(
			"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"+strings.Repeat("x", 64)+"\n\n", "GET /\r\n\r\n", "G ET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
			"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n", "GET / HTTP/9.9\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n"),
	},
	{
		ID: "wire-header-bomb", Title: "100 KB of headers: one long, many short", By: Stranger, Aim: Service,
		Refused: []Refusal{{http.StatusRequestHeaderFieldsTooLarge, ""}, {0, ""}}, Told: noRequest,
		Try: torn("GET / HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 100<<10)+"\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n"+strings.Repeat("X: y\r\n", 20_000)+"\r\n"),
	},
	{
		ID: "wire-slow-headers", Title: "Headers, a byte a second (slowloris)", By: Stranger, Aim: Service, Slow: true,
		Refused: []Refusal{{0, ""}, {http.StatusRequestTimeout, ""}, {http.StatusBadRequest, ""}}, Told: noRequest,
		Try: dripped(stack.Payments, "headers", time.Second, bytesOf("GET /sellers HTTP/1.1\r\nHost: "+strings.Repeat("x", 60))...),
	},
	{
		ID: "wire-slow-body", Title: "A body, a byte a second", By: Stranger, Aim: Service, Slow: true,
		Refused: []Refusal{{http.StatusBadRequest, "could not be read"}, {http.StatusUnauthorized, ""}, {0, ""}}, Told: []Line{{stack.Marketplace, "route", webhook.Path}, {stack.Marketplace, "security", "no_request"}},
		Try: dripped(stack.Marketplace, "body", time.Second, append([]string{"POST " + webhook.Path + " HTTP/1.1\r\nHost: x\r\nX-Request-Id: 01JDD0000000000000000000AA\r\nContent-Length: 100\r\nConnection: close\r\n\r\n"}, bytesOf(strings.Repeat("x", 60))...)...),
	},
	{
		ID: "wire-broken-off", Title: "A body that ends before its length", By: Network, Aim: Service,
		Refused: []Refusal{{http.StatusBadRequest, "could not be read"}, {http.StatusUnauthorized, ""}, {0, ""}}, Told: []Line{{stack.Marketplace, "route", webhook.Path}, {stack.Marketplace, "security", "no_request"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			return s.rawHalf(ctx, stack.Marketplace, "half a body", "POST "+webhook.Path+" HTTP/1.1\r\nHost: x\r\nX-Request-Id: 01JDD0000000000000000000AB\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n{\"type\":")
		},
	},
	{
		ID: "wire-http2", Title: "HTTP/2 where none is spoken: its preface, with frames of a request behind it, torn, in other letters", By: Network, Aim: Keys,
		Refused: append([]Refusal{{http.StatusHTTPVersionNotSupported, ""}, {http.StatusNotFound, ""}, {http.StatusMethodNotAllowed, ""}}, malformed...), Told: append([]Line{{stack.Payments, "status", "40"}, {stack.Marketplace, "status", "40"}}, noRequest...),
		Try: torn(
			preface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00"+"\x00\x00\x05\x01\x05\x00\x00\x00\x01\x82\x84\x86\x41\x00", preface+smuggled, preface[:18]+"\r\n"+smuggled, strings.ToLower(preface)+smuggled,
			"PRI /sellers HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /sellers HTTP/2.0\r\nHost: x\r\nConnection: close\r\n\r\n"),
	},
	{
		ID: "wire-h2c", Title: "A request that asks to go on in HTTP/2 or as a WebSocket, to take others past what watches HTTP/1.1: answered as it is", By: Network, Aim: Keys,
		Refused: []Refusal{noKey}, Told: tellNoKey,
		Try: func(ctx context.Context, s *siege) (all []answer, err error) {
			for _, upgrade := range []string{
				"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n",
				"Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n",
			} {
				got, err := s.raw(ctx, stack.Payments, upgrade, 0, "GET /sellers HTTP/1.1\r\nHost: localhost\r\n"+upgrade+"\r\n"+strings.Replace(smuggled, "Host: x", "Host: localhost", 1))
				if err != nil {
					return all, err
				}
				all = append(all, got...)
			}
			return all, nil
		},
	},
	{
		ID: "wire-splitting", Title: "Line breaks for the answer's headers: in the return's query, in a language's address, in ids that are sent back", By: Site, Aim: Account,
		Refused: []Refusal{{http.StatusSeeOther, "Location: "}, {http.StatusNotFound, ""}, {http.StatusOK, ""}}, Told: []Line{{stack.Payments, "msg", "request"}, {stack.Marketplace, "msg", "request"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			const split = "%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0a<script>alert(1)</script>"
			home := s.stack.Marketplace.Address
			all, err := s.fire(ctx, api(http.MethodGet, "/payments/finish?pendingId="+split, ""), api(http.MethodGet, "/payments/finish?"+split, ""), get("/payments/finish?pendingId="+split, s.payer), get("/language/es?next=/"+split, s.payer),
				get("/login?next=/"+split, s.payer), get("/language/en"+split, s.payer), get("/login", nil).with("X-Request-Id", "01JDD0000000000000000000AA%0d%0aSet-Cookie:a=b"))
			for _, got := range all {
				headers, _, _ := strings.Cut(got.text, "\r\n\n")
				for line := range strings.SplitSeq(headers, "\r\n") {
					if to, leads := strings.CutPrefix(line, "Location: "); leads && !strings.HasPrefix(to, "/") && !strings.HasPrefix(to, home+"/") && err == nil {
						err = fmt.Errorf("a redirect leads elsewhere: %s", got)
					}
					if strings.HasPrefix(strings.ToLower(line), "set-cookie: a=b") && err == nil {
						err = fmt.Errorf("a header was injected: %s", got)
					}
				}
			}
			return all, err
		},
	},
}
