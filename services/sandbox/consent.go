package sandbox

import "time"

// Consent is what the buyer is asked: who asks, to pay whom, and what it may cost.
type Consent struct {
	ID, Nonce  string
	Form       string // to be posted back with the decision
	ClientName string
	ClientURL  string
	Expires    time.Time
	Payer      *Account
	PayerURL   string
	Balance    Amount
	Payments   []ConsentPayment
	Subjects   []string // wallet addresses whose ownership is to be proved
}

// ConsentPayment is one right to pay. What is nil is not limited, or not known.
type ConsentPayment struct {
	MaxDebit, MaxReceive *Amount
	ReceiverName         string // public name of the receiver's wallet address
	ReceiverURL          string
	Asked                *Amount // what the incoming payment asks for
	Arrives              *Amount // what will arrive at today's rate, which may be a little more
	Note                 string  // the incoming payment's description
}

// Consent is what to show for an interaction that this browser session has open.
func (b *Bank) Consent(id, nonce, session string) (Consent, error) {
	now := b.enter()
	defer b.leave()
	g, err := b.interacting(id, nonce)
	if err != nil {
		return Consent{}, err
	}
	i := g.Interaction
	switch {
	case session == "" || !equalSecret(i.Session, session):
		return Consent{}, ErrInvalidSession
	case g.revoked() || i.State != InteractionPending:
		return Consent{}, ErrInvalidInteraction
	}
	c := Consent{
		ID: i.ID, Nonce: i.Nonce, Form: i.Form, Expires: i.Expires,
		ClientName: i.ClientName, ClientURL: g.Client.WalletAddress,
	}
	for _, s := range g.Subjects {
		c.Subjects = append(c.Subjects, s.ID)
	}
	for _, item := range g.Access {
		if item.Type != AccessOutgoing {
			continue
		}
		name, _ := b.accountName(item.Identifier)
		if a, ok := b.s.Accounts[name]; ok && c.Payer == nil {
			payer := a.clone()
			c.Payer, c.PayerURL = &payer, item.Identifier
			c.Balance = Amount{b.s.Balances[walletAccount(name)], a.Asset}
		}
		var asset Asset // of a wallet address that is not ours, which no token will ever pay from
		if c.Payer != nil {
			asset = c.Payer.Asset
		}
		c.Payments = append(c.Payments, b.consentPayment(item.Limits, asset, now))
	}
	return c, nil
}

func (b *Bank) consentPayment(l *Limits, payer Asset, now time.Time) ConsentPayment {
	if l == nil {
		return ConsentPayment{}
	}
	p := ConsentPayment{MaxDebit: l.Debit, MaxReceive: l.Receive, ReceiverURL: l.Receiver}
	in, ok := b.receiver(l.Receiver, now)
	if !ok {
		return p
	}
	p.ReceiverName = b.s.Accounts[in.Account].PublicName
	p.ReceiverURL = b.WalletAddress(in.Account)
	p.Note = description(in.Metadata)
	if in.Incoming != nil {
		asked := *in.Incoming
		p.Asked = &asked
		sent, err := b.convert(asked.Value, asked.Asset, payer, up)
		if err == nil {
			if arrives, err := b.convert(sent, payer, asked.Asset, down); err == nil {
				p.Arrives = &Amount{arrives, asked.Asset}
			}
		}
	}
	return p
}

// Details is what a wallet's own consent page is told: the grant's access and what
// the buyer has said so far. ErrUnknownInteraction once the grant was cancelled.
func (b *Bank) Details(id, nonce string) (Grant, error) {
	b.enter()
	defer b.leave()
	g, err := b.interacting(id, nonce)
	if err != nil {
		return Grant{}, err
	}
	if g.revoked() {
		return Grant{}, ErrUnknownInteraction
	}
	return g.clone(), nil
}
