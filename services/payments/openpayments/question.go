package openpayments

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Question is one call to a wallet, however its request is made: what cannot be asked, and which answers are believed.
// The Params of a call make it.
type Question[V any] struct {
	call    call
	err     error // why it cannot be asked
	believe func(body []byte) (V, error)
	note    func(*V, http.Header) // what the answer's header says of it; nil for nothing
}

// question reads an answer into a W, of which believe makes a V.
func question[W, V any](call call, err error, believe func(W) (V, error)) Question[V] {
	return Question[V]{call: call, err: err, believe: func(body []byte) (V, error) {
		var wire W
		if err := json.Unmarshal(body, &wire); err != nil {
			var none V
			return none, fmt.Errorf("read answer: %w", err)
		}
		return believe(wire)
	}}
}

// Nothing is what the answer to a DELETE says.
type Nothing struct{}

// tell is a call whose answer has no content.
func tell(call call) Question[Nothing] {
	return Question[Nothing]{call: call, believe: func([]byte) (Nothing, error) { return Nothing{}, nil }}
}

// ask asks with a request of this package's own. What believe refuses is ErrUnexpectedAnswer.
func (q Question[V]) ask(ctx context.Context, c *caller) (V, error) {
	var none V
	if q.err != nil {
		return none, &Error{Op: q.call.op, Kind: ErrInvalidRequest, Err: q.err}
	}
	said, err := c.do(ctx, q.call)
	if err != nil {
		return none, err
	}
	return q.answered(said)
}

func (q Question[V]) answered(said answer) (V, error) {
	value, err := q.believe(said.body)
	if err != nil {
		var none V
		return none, unexpected(q.call.op, said.status, err)
	}
	if q.note != nil {
		q.note(&value, said.header)
	}
	return value, nil
}

// Exchange carries the requests of another Open Payments library to wallets, under the rules of this package: deadlines, what is repeated, how
// long an answer may be, what a refusal means. It is safe for concurrent use.
type Exchange struct{ caller *caller }

// NewExchange returns an exchange; config.WalletAddress and config.Signer are not used, since the library signs.
func NewExchange(config Config) (*Exchange, error) {
	config.Signer = nil
	c, err := newCaller(config)
	if err != nil {
		return nil, err
	}
	return &Exchange{c}, nil
}

// Ask asks q through a library: say makes it send its request with Do, in the context that it is given. What the library makes of the answer does
// not count. The answer is judged from the bytes that the wallet sent, as a Client judges it, and errors are a Client's.
func Ask[V any](ctx context.Context, x *Exchange, q Question[V], say func(ctx context.Context) error) (V, error) {
	var none V
	invalid := func(err error) (V, error) { return none, &Error{Op: q.call.op, Kind: ErrInvalidRequest, Err: err} }
	if q.err != nil {
		return invalid(q.err)
	}
	ctx, cancel := x.caller.begin(ctx, q.call)
	defer cancel()
	ours, _, err := x.caller.newRequest(ctx, q.call)
	if err != nil {
		return invalid(err)
	}
	said := &saying{call: q.call, ours: ours}
	err = say(context.WithValue(ctx, sayingKey{}, said)) //nolint:contextcheck // it is ctx with a value
	switch {
	case said.err != nil:
		return none, said.err
	case !said.answered && err == nil:
		return invalid(errors.New("the library made no request"))
	case !said.answered: // its error may name URLs and tokens
		return invalid(errors.New("the library does not make this request"))
	}
	return q.answered(said.answer)
}

type sayingKey struct{}

// saying is a question while a library asks it.
type saying struct {
	call     call
	ours     *http.Request // what a Client would send
	answered bool
	answer   answer
	err      error
}

// Do sends the request that a library makes of the question in its context, one that Ask gave, once. A request for another thing, or with another
// token, than the question's is not sent: the library would give our token away.
func (x *Exchange) Do(request *http.Request) (*http.Response, error) {
	said, ok := request.Context().Value(sayingKey{}).(*saying)
	if !ok || said.answered || said.err != nil {
		return nil, errors.New("a request without a question of its own is not sent")
	}
	if err := said.matches(request); err != nil {
		said.err = &Error{Op: said.call.op, Kind: ErrInvalidRequest, Err: err}
		return nil, said.err
	}
	for _, name := range []string{"Accept", "User-Agent"} {
		request.Header.Set(name, said.ours.Header.Get(name))
	}
	said.answer, said.err = x.caller.carry(said.call, request)
	if said.err != nil {
		return nil, said.err
	}
	said.answered = true
	return &http.Response{
		StatusCode: said.answer.status, Status: http.StatusText(said.answer.status), Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(said.answer.body)), ContentLength: int64(len(said.answer.body)), Request: request,
	}, nil
}

func (s *saying) matches(request *http.Request) error {
	switch {
	case request.Method != s.ours.Method:
		return errors.New("the library makes it with another method")
	case targetURI(request.URL) != targetURI(s.ours.URL):
		return errors.New("the library sends it to another URL")
	case request.Header.Get("Authorization") != s.ours.Header.Get("Authorization"):
		return errors.New("the library sends another access token")
	}
	return nil
}
