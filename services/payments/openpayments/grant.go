package openpayments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// GrantService asks auth servers for grants (GNAP, RFC 9635).
type GrantService struct {
	caller *caller
	client string // our wallet address
}

// Request asks for a grant. Without Interact it is granted or refused at once; with it,
// the answer's Interaction says where the person goes to consent. ErrInvalidClient: the
// wallet could not verify our signature with the keys of our wallet address.
func (s *GrantService) Request(ctx context.Context, params GrantRequestParams) (Grant, error) {
	return params.Question(s.client).ask(ctx, s.caller)
}

// Question is what GrantService.Request asks for a client, named by its wallet address.
func (p GrantRequestParams) Question(client string) Question[Grant] {
	call := call{op: "request grant", method: http.MethodPost, url: p.URL}
	body, err := p.body(client)
	call.body = body
	if p.Interact != nil {
		call.secret = p.Interact.Nonce
	}
	return question(call, err, func(wire grantWire) (Grant, error) { return wire.believe(p.URL) })
}

// Continue asks for the token of a grant that was consented to, or, without an
// InteractRef, for how a grant stands. A grant gives its token once: when an answer is
// lost, so is the token. ErrTooFast: wait for Continuation.Wait, the grant is unharmed.
// ErrInvalidContinuation: wrong reference, and the right one still works.
// ErrRequestDenied: declined, not decided, or continued before.
func (s *GrantService) Continue(ctx context.Context, params GrantContinueParams) (Grant, error) {
	return params.Question().ask(ctx, s.caller)
}

// Question is what GrantService.Continue asks.
func (p GrantContinueParams) Question() Question[Grant] {
	call := call{op: "continue grant", method: http.MethodPost, url: p.URL, token: p.AccessToken, authorized: true}
	if p.InteractRef != "" {
		call.body, call.secret = continueBody{p.InteractRef}, p.InteractRef
	}
	return question(call, nil, func(wire grantWire) (Grant, error) {
		if wire.Interact != nil {
			return Grant{}, errors.New("interact: a continued grant asks for consent again")
		}
		return wire.believe(p.URL)
	})
}

// Cancel ends a grant and with it its token. ErrInvalidContinuation: there is no such
// grant any more, so cancelling twice is harmless.
func (s *GrantService) Cancel(ctx context.Context, params GrantCancelParams) error {
	_, err := params.Question().ask(ctx, s.caller)
	return err
}

// Question is what GrantService.Cancel asks.
func (p GrantCancelParams) Question() Question[Nothing] {
	return tell(call{op: "cancel grant", method: http.MethodDelete, url: p.URL, token: p.AccessToken, authorized: true})
}

// The request as recorded in traces/01-happy.json, fields in that order.
type grantBody struct {
	AccessToken accessBody    `json:"access_token"`
	Interact    *interactBody `json:"interact,omitempty"`
	Client      string        `json:"client"`
}

type accessBody struct {
	Access []Access `json:"access"`
}

type interactBody struct {
	Start  []string   `json:"start"`
	Finish finishBody `json:"finish"`
}

type finishBody struct {
	Method string `json:"method"`
	URI    string `json:"uri"`
	Nonce  string `json:"nonce"`
}

type continueBody struct {
	InteractRef string `json:"interact_ref"`
}

func (p GrantRequestParams) body(client string) (grantBody, error) {
	if len(p.Access) == 0 {
		return grantBody{}, errors.New("no access is asked for")
	}
	body := grantBody{AccessToken: accessBody{p.Access}, Client: client}
	if p.Interact == nil {
		return body, nil
	}
	if err := checkURL(p.Interact.FinishURI); err != nil {
		return grantBody{}, fmt.Errorf("finish URI: %w", err)
	}
	if p.Interact.Nonce == "" {
		return grantBody{}, errors.New("the interaction has no nonce")
	}
	body.Interact = &interactBody{
		Start:  []string{"redirect"},
		Finish: finishBody{Method: "redirect", URI: p.Interact.FinishURI, Nonce: p.Interact.Nonce},
	}
	return body, nil
}

type grantWire struct {
	Interact *struct {
		Redirect string `json:"redirect"`
		Finish   string `json:"finish"`
	} `json:"interact"`
	AccessToken *accessTokenWire `json:"access_token"`
	Continue    *struct {
		AccessToken struct {
			Value string `json:"value"`
		} `json:"access_token"`
		URI  string  `json:"uri"`
		Wait seconds `json:"wait"`
	} `json:"continue"`
}

// believe takes an answer for a grant only when it is granted, waits for a person, or
// can be asked about again. An answer with both a token and an interaction is none. asked is the auth server: it cannot send what it
// gives us to another (RFC 9635 section 11.12).
func (w grantWire) believe(asked string) (Grant, error) {
	var grant Grant
	if w.AccessToken != nil {
		token, err := w.AccessToken.believe(asked)
		if err != nil {
			return Grant{}, err
		}
		grant.AccessToken = &token
	}
	if w.Continue != nil {
		if err := believeURLOf("continue.uri", w.Continue.URI, asked); err != nil {
			return Grant{}, err
		}
		if !isVisible(w.Continue.AccessToken.Value) {
			return Grant{}, errors.New("continue.access_token: it is missing or cannot stand in a header")
		}
		grant.Continue = &Continuation{
			URI: w.Continue.URI, AccessToken: w.Continue.AccessToken.Value, Wait: time.Duration(w.Continue.Wait),
		}
	}
	if w.Interact != nil {
		if err := believeURL("interact.redirect", w.Interact.Redirect); err != nil {
			return Grant{}, err
		}
		if !isVisible(w.Interact.Finish) {
			return Grant{}, errors.New("interact.finish: it is missing, or no visible text")
		}
		grant.Interaction = &Interaction{Redirect: w.Interact.Redirect, Finish: w.Interact.Finish}
	}
	switch {
	case grant.AccessToken != nil && grant.Interaction != nil:
		return Grant{}, errors.New("it both grants and asks for consent")
	case grant.AccessToken == nil && grant.Continue == nil:
		return Grant{}, errors.New("it is no grant: neither a token nor a way to continue")
	}
	return grant, nil
}
