package sandbox

import (
	"crypto/subtle"
	"time"
)

// Token is an access token.
type Token struct {
	Value    string        `json:"value"`
	ManageID string        `json:"manageId"`
	Grant    string        `json:"grant"`
	Lifetime time.Duration `json:"lifetime"`
	Expires  time.Time     `json:"expiresAt"`
}

// issue makes a token for a grant. The caller holds the lock.
func (b *Bank) issue(g *Grant, now time.Time) *Token {
	t := &Token{
		Value: newSecret(), ManageID: newUUID(), Grant: g.ID,
		Lifetime: b.lifetimes.Token, Expires: now.Add(b.lifetimes.Token),
	}
	b.s.Tokens[t.Value] = t
	b.s.byManage[t.ManageID] = t
	copied := *t
	return &copied
}

// ManagedGrant is the grant of the token with that management id, so that whoever
// manages it can be verified.
func (b *Bank) ManagedGrant(manageID string) (Grant, error) {
	b.enter()
	defer b.leave()
	t, ok := b.s.byManage[manageID]
	if !ok {
		return Grant{}, ErrInvalidAccessToken
	}
	return b.s.Grants[t.Grant].clone(), nil
}

// Rotate replaces a token, dead or alive, by a new one with a new management id.
func (b *Bank) Rotate(manageID, value string) (Grant, *Token, error) {
	now := b.enter()
	defer b.leave()
	old, err := b.managed(manageID, value)
	if err != nil {
		return Grant{}, nil, err
	}
	g := b.s.Grants[old.Grant]
	b.forget(old)
	t := b.issue(g, now)
	b.touch()
	return g.clone(), t, nil
}

// Revoke ends one token; its grant lives on.
func (b *Bank) Revoke(manageID, value string) error {
	b.enter()
	defer b.leave()
	t, err := b.managed(manageID, value)
	if err != nil {
		return err
	}
	b.forget(t)
	b.touch()
	return nil
}

func (b *Bank) managed(manageID, value string) (*Token, error) {
	t, ok := b.s.byManage[manageID]
	switch {
	case !ok:
		return nil, ErrInvalidAccessToken
	case !equalSecret(t.Value, value):
		return nil, ErrTokenNotFound
	}
	return t, nil
}

func (b *Bank) forget(t *Token) {
	delete(b.s.Tokens, t.Value)
	delete(b.s.byManage, t.ManageID)
}

// Clean drops the tokens that died more than 30 days ago. A real wallet does so now
// and then, not on the day: until it is called they can still be rotated
// (traces/05-05-deferred-release.json, rotate 10; traces/05-05d-after-auth-restart.json).
func (b *Bank) Clean() {
	now := b.enter()
	defer b.leave()
	for _, t := range b.s.Tokens {
		if now.After(t.Expires.Add(deadTokenLife)) {
			b.forget(t)
			b.touch()
		}
	}
}

func equalSecret(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
