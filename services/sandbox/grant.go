package sandbox

import (
	"slices"
	"time"
)

// GrantState is how far a grant has come.
type GrantState string

// The states of a grant.
const (
	GrantPending  GrantState = "pending"
	GrantApproved GrantState = "approved" // the browser was sent back with hash and reference
	GrantIssued   GrantState = "issued"
	GrantRejected GrantState = "rejected"
	GrantRevoked  GrantState = "revoked"
)

// Grant is what a client asked for, and what came of it.
type Grant struct {
	ID       string       `json:"id"`
	Tenant   string       `json:"tenant"`
	Client   Client       `json:"client"`
	Access   []AccessItem `json:"access"`
	Subjects []SubjectID  `json:"subjects,omitempty"`
	State    GrantState   `json:"state"`
	Finish   *Finish      `json:"finish,omitempty"`
	// ContinueID and ContinueToken stay the same for the life of the grant.
	ContinueID    string       `json:"continueId"`
	ContinueToken string       `json:"continueToken"`
	Continued     time.Time    `json:"lastContinuedAt"` // the wait counts from here
	Interaction   *Interaction `json:"interaction,omitempty"`
}

// Finish is how the browser gets back to the client.
type Finish struct {
	URI   string `json:"uri"`
	Nonce string `json:"nonce"`
}

// SubjectID is a wallet address that the buyer is asked to prove to be theirs.
type SubjectID struct {
	ID     string `json:"id"`
	Format string `json:"format"`
}

func (g *Grant) revoked() bool { return g.State == GrantRevoked }

func (g *Grant) clone() Grant {
	copied := *g
	if g.Interaction != nil {
		interaction := *g.Interaction
		copied.Interaction = &interaction
	}
	return copied
}

// GrantRequest is a grant request that was understood and whose signature holds.
type GrantRequest struct {
	Tenant   string
	Client   Client
	Access   []AccessItem
	Subjects []SubjectID
	Interact bool // it may send the buyer to a page
	Finish   *Finish
}

// interactive tells whether the buyer must be asked: always, before money can leave.
func (r GrantRequest) interactive() bool {
	return len(r.Subjects) > 0 || slices.ContainsFunc(r.Access, func(i AccessItem) bool { return i.Type == AccessOutgoing })
}

// HasTenant tells whether there is an auth server for that tenant.
func (b *Bank) HasTenant(tenant string) bool { return slices.Contains(tenants, tenant) }

// RequestGrant makes a grant. The token is nil when the buyer must be asked first.
func (b *Bank) RequestGrant(r GrantRequest) (Grant, *Token, error) {
	if r.interactive() {
		if !r.Interact {
			return Grant{}, nil, ErrNeedsInteract
		}
		if r.Client.JWK != nil {
			return Grant{}, nil, ErrKeyCannotInteract
		}
	}
	now := b.enter()
	defer b.leave()
	g := &Grant{
		ID: newUUID(), Tenant: r.Tenant, Client: r.Client, Access: r.Access, Subjects: r.Subjects, State: GrantPending,
		Finish: r.Finish, ContinueID: newUUID(), ContinueToken: newSecret(), Continued: now,
	}
	var token *Token
	if r.interactive() {
		g.Interaction = &Interaction{
			ID: newUUID(), Nonce: randomHex(8), Ref: newUUID(), State: InteractionPending,
			Expires: now.Add(b.lifetimes.Interaction), ClientName: r.Client.Name,
		}
	} else {
		g.State = GrantIssued
		token = b.issue(g, now)
	}
	b.s.indexGrant(g)
	b.touch()
	return g.clone(), token, nil
}

// ContinuedGrant finds a grant by both halves of its continuation, so that whoever
// continues it can be verified; ErrInvalidGrant when there is none or it was cancelled.
func (b *Bank) ContinuedGrant(continueID, token string) (Grant, error) {
	b.enter()
	defer b.leave()
	g, err := b.continuing(continueID, token)
	if err != nil {
		return Grant{}, err
	}
	return g.clone(), nil
}

func (b *Bank) continuing(continueID, token string) (*Grant, error) {
	g, ok := b.s.byContinue[continueID]
	if !ok || !equalSecret(g.ContinueToken, token) || g.revoked() {
		return nil, ErrInvalidGrant
	}
	return g, nil
}

// Continue trades an interaction reference for a token. It can be done once: if the
// answer is lost, so is the token (traces/02-c-continue-twice.json).
func (b *Bank) Continue(continueID, token, ref string) (Grant, *Token, error) {
	now := b.enter()
	defer b.leave()
	g, err := b.continuing(continueID, token)
	if err != nil {
		return Grant{}, nil, err
	}
	switch referred := b.s.byRef[ref]; {
	case referred != g, g.State == GrantRejected:
		return Grant{}, nil, ErrGrantNotFound
	case b.tooFast(g, now):
		return Grant{}, nil, ErrContinuedTooFast
	case g.State != GrantApproved:
		return Grant{}, nil, ErrNotApproved
	}
	g.State = GrantIssued
	t := b.issue(g, now)
	b.touch()
	return g.clone(), t, nil
}

// Poll continues a grant without a reference, which only one without a finish allows.
// The token is nil while the buyer has not decided.
func (b *Bank) Poll(continueID, token string) (Grant, *Token, error) {
	now := b.enter()
	defer b.leave()
	g, err := b.continuing(continueID, token)
	if err != nil {
		return Grant{}, nil, err
	}
	switch {
	case b.tooFast(g, now):
		return Grant{}, nil, ErrPolledTooFast
	case g.Finish != nil:
		return Grant{}, nil, ErrCannotBePolled
	case g.State == GrantPending:
		g.Continued = now
		b.touch()
		return g.clone(), nil, nil
	case g.State != GrantApproved:
		return Grant{}, nil, ErrCannotBeContinued
	}
	g.State = GrantIssued
	t := b.issue(g, now)
	b.touch()
	return g.clone(), t, nil
}

// tooFast is by the wait of now, so that a test that shortens it need not ask again.
func (b *Bank) tooFast(g *Grant, now time.Time) bool {
	return now.Before(g.Continued.Add(b.lifetimes.ContinueWait))
}

// Cancel ends a grant for good, and every token of it. What was already sent arrives.
func (b *Bank) Cancel(continueID, token string) error {
	b.enter()
	defer b.leave()
	g, err := b.continuing(continueID, token)
	if err != nil {
		return err
	}
	g.State = GrantRevoked
	for value, t := range b.s.Tokens {
		if t.Grant == g.ID {
			delete(b.s.Tokens, value)
			delete(b.s.byManage, t.ManageID)
		}
	}
	b.touch()
	return nil
}
