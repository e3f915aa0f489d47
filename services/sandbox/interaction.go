package sandbox

import (
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"time"
)

// InteractionState is what the buyer has said.
type InteractionState string

// The states of an interaction, as the wallet's own consent page sees them.
const (
	InteractionPending  InteractionState = "PENDING"
	InteractionApproved InteractionState = "APPROVED"
	InteractionDenied   InteractionState = "DENIED"
)

// Interaction is the buyer being asked.
type Interaction struct {
	ID         string           `json:"id"`
	Nonce      string           `json:"nonce"` // the server's half of the finish hash
	Ref        string           `json:"ref"`   // disclosed with the finish, and only then
	State      InteractionState `json:"state"`
	Expires    time.Time        `json:"expiresAt"`
	ClientName string           `json:"clientName"`
	// Session is the browser that opened the link last; Form is in the page that it
	// was shown, so that no other page can post the decision.
	Session string `json:"session,omitempty"`
	Form    string `json:"form,omitempty"`
}

// Outcome is where an interaction leads: a redirect, or nothing when the client asked for none.
type Outcome struct {
	Redirect string
	Approved bool
}

// interacting finds a grant by its interaction. The caller holds the lock.
func (b *Bank) interacting(id, nonce string) (*Grant, error) {
	g, ok := b.s.byInteract[id]
	if !ok || !equalSecret(g.Interaction.Nonce, nonce) {
		return nil, ErrUnknownInteraction
	}
	return g, nil
}

// StartInteraction opens the consent page for a browser and returns that browser's
// session, new unless it brought one. The page opens even after the interaction has
// expired. Where there is nothing left to decide, the outcome says where to go instead.
func (b *Bank) StartInteraction(id, nonce, session string) (string, *Outcome, error) {
	b.enter()
	defer b.leave()
	g, err := b.interacting(id, nonce)
	if err != nil {
		return "", nil, err
	}
	if g.Interaction.State != InteractionPending || g.revoked() {
		if g.Finish == nil {
			return "", nil, ErrInvalidInteraction
		}
		return "", &Outcome{Redirect: g.Finish.with(result("invalid_interaction"), because("invalid interaction"))}, nil
	}
	if session == "" {
		session = newSecret()
	}
	g.Interaction.Session, g.Interaction.Form = session, newSecret()
	b.touch()
	return session, nil, nil
}

// Decide records the buyer's yes or no. It is the wallet's own business (an identity
// provider, in a real one) and tells the client nothing: FinishInteraction does.
func (b *Bank) Decide(id, nonce string, approve bool) error {
	now := b.enter()
	defer b.leave()
	g, err := b.interacting(id, nonce)
	if err != nil {
		return err
	}
	switch {
	case g.State == GrantRevoked || g.State == GrantRejected:
		return ErrUserDenied
	case g.Interaction.State != InteractionPending, now.After(g.Interaction.Expires):
		return ErrInvalidInteraction
	}
	g.Interaction.State = InteractionDenied
	if approve && b.takeFault(OpDecide, "/"+id) == nil {
		g.Interaction.State = InteractionApproved
	}
	b.touch()
	return nil
}

// CheckForm tells whether a decision was posted from the page that was shown to that
// browser: ErrInvalidSession if not.
func (b *Bank) CheckForm(id, nonce, session, form string) error {
	b.enter()
	defer b.leave()
	g, err := b.interacting(id, nonce)
	if err != nil {
		return err
	}
	if session == "" || !equalSecret(g.Interaction.Session, session) || !equalSecret(g.Interaction.Form, form) {
		return ErrInvalidSession
	}
	return nil
}

// FinishInteraction says where the browser goes now, and makes an approval count.
func (b *Bank) FinishInteraction(id, nonce, session string) (Outcome, error) {
	now := b.enter()
	defer b.leave()
	g, err := b.interacting(id, nonce)
	if err != nil {
		return Outcome{}, err
	}
	i := g.Interaction
	if session == "" || !equalSecret(i.Session, session) {
		return Outcome{}, ErrInvalidSession
	}
	if g.Finish == nil {
		b.conclude(g, now)
		return Outcome{Approved: g.State == GrantApproved}, nil
	}
	switch {
	case g.revoked():
		return Outcome{Redirect: g.Finish.with(result("unknown_interaction"), because("unknown interaction"))}, nil
	case now.After(i.Expires):
		return Outcome{Redirect: g.Finish.with(result("invalid_interaction"), because("interaction expired"))}, nil
	}
	b.conclude(g, now)
	switch i.State {
	case InteractionApproved:
		hash := finishHash(g.Finish.Nonce, i.Nonce, i.Ref, b.AuthServer(g.Tenant))
		return Outcome{Redirect: g.Finish.with(parameter{"hash", hash}, parameter{"interact_ref", i.Ref}), Approved: true}, nil
	case InteractionDenied:
		return Outcome{Redirect: g.Finish.with(result("grant_rejected"))}, nil
	default:
		return Outcome{Redirect: g.Finish.with(result("grant_invalid"))}, nil
	}
}

// conclude carries the buyer's word into the grant. The caller holds the lock.
func (b *Bank) conclude(g *Grant, now time.Time) {
	if g.State != GrantPending || now.After(g.Interaction.Expires) {
		return
	}
	switch g.Interaction.State {
	case InteractionApproved:
		g.State = GrantApproved
		b.touch()
	case InteractionDenied:
		g.State = GrantRejected
		b.touch()
	case InteractionPending:
	}
}

// finishHash is RFC 9635 §4.2.3 with the default sha-256.
func finishHash(clientNonce, serverNonce, ref, grantEndpoint string) string {
	sum := sha256.Sum256([]byte(clientNonce + "\n" + serverNonce + "\n" + ref + "\n" + grantEndpoint))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// with adds parameters to the client's own query, which stays as it is.
func (f *Finish) with(parameters ...parameter) string {
	u, err := url.Parse(f.URI)
	if err != nil {
		return f.URI // checked when the grant was requested
	}
	for _, p := range parameters {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery += url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value)
	}
	return u.String()
}

type parameter struct{ name, value string }

func result(code string) parameter { return parameter{"result", code} }
func because(why string) parameter { return parameter{"message", why} }
