package openpayments

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// TokenService manages access tokens at their manage URLs (RFC 9635 section 6).
type TokenService struct{ caller *caller }

// Rotate replaces a token, expired or not, by one with a new value and a new manage URL;
// the old ones die at once. Never rotate one token twice at the same time, and never
// repeat a rotation whose answer was lost: the token is lost with it. ErrInactiveToken and
// ErrInvalidRotation: the token was rotated or revoked before.
func (s *TokenService) Rotate(ctx context.Context, params TokenRotateParams) (AccessToken, error) {
	return params.Question().ask(ctx, s.caller)
}

// Question is what TokenService.Rotate asks.
func (p TokenRotateParams) Question() Question[AccessToken] {
	return question(manage("rotate token", http.MethodPost, p.URL, p.AccessToken), nil, func(wire struct {
		AccessToken *accessTokenWire `json:"access_token"`
	}) (AccessToken, error) {
		if wire.AccessToken == nil {
			return AccessToken{}, errors.New("access_token: it is missing")
		}
		return wire.AccessToken.believe(p.URL)
	})
}

// Revoke ends a token. ErrInactiveToken: it is dead already.
func (s *TokenService) Revoke(ctx context.Context, params TokenRevokeParams) error {
	_, err := params.Question().ask(ctx, s.caller)
	return err
}

// Question is what TokenService.Revoke asks.
func (p TokenRevokeParams) Question() Question[Nothing] {
	return tell(manage("revoke token", http.MethodDelete, p.URL, p.AccessToken))
}

func manage(op, method, url, token string) call {
	return call{op: op, method: method, url: url, token: token, authorized: true, managesToken: true}
}

type accessTokenWire struct {
	Value     string   `json:"value"`
	Manage    string   `json:"manage"`
	ExpiresIn seconds  `json:"expires_in"`
	Access    []Access `json:"access"`
}

// believe wants the token to be managed where it came from: its value is sent there.
func (w accessTokenWire) believe(asked string) (AccessToken, error) {
	if !isVisible(w.Value) {
		return AccessToken{}, errors.New("access_token.value: it is missing or cannot stand in a header")
	}
	if err := believeURLOf("access_token.manage", w.Manage, asked); err != nil {
		return AccessToken{}, err
	}
	if len(w.Access) == 0 {
		return AccessToken{}, errors.New("access_token.access: it is missing")
	}
	return AccessToken{
		Value: w.Value, ManageURI: w.Manage, ExpiresIn: time.Duration(w.ExpiresIn), Access: w.Access,
	}, nil
}
