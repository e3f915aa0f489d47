package sandbox

import (
	"strings"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
)

// Options make a Bank.
type Options struct {
	Clock     clock.Clock
	BaseURL   string // what every URL that the wallet hands out starts with; no slash at the end
	Lifetimes Lifetimes
	// SlippagePPM is what a quote's debit carries on top of what will be sent, in
	// parts per million: 10000 turns 1250 into 1263 (traces/01-happy.json).
	SlippagePPM int64
}

// Bank is the whole wallet: every account of every tenant, and all that was asked of
// it. It is safe for concurrent use; no method blocks on anything but its lock.
type Bank struct {
	clock   clock.Clock
	baseURL string

	mu        sync.Mutex
	slippage  int64
	lifetimes Lifetimes
	s         state
	faults    []*Fault
	history   []Request
	changed   chan struct{} // sent to when there is something new to save
}

// state is what survives a restart.
type state struct {
	Seq        int64                       `json:"seq"` // counts what is made, so that lists have an order
	Accounts   map[string]*Account         `json:"accounts"`
	Rates      map[string]Rate             `json:"rates"`
	Ledger     []Entry                     `json:"ledger"`
	Balances   map[string]int64            `json:"balances"`
	Incoming   map[string]*IncomingPayment `json:"incomingPayments"`
	Quotes     map[string]*Quote           `json:"quotes"`
	Outgoing   map[string]*OutgoingPayment `json:"outgoingPayments"`
	Grants     map[string]*Grant           `json:"grants"`
	Tokens     map[string]*Token           `json:"tokens"` // by value
	due        []*OutgoingPayment          // not yet settled
	byContinue map[string]*Grant
	byInteract map[string]*Grant
	byRef      map[string]*Grant
	byManage   map[string]*Token
	byGrant    map[string][]*OutgoingPayment
}

// New opens a bank without accounts: see Seed and Restore.
func New(o Options) (*Bank, error) {
	if err := o.Lifetimes.Validate(); err != nil {
		return nil, err
	}
	b := &Bank{
		clock:     o.Clock,
		baseURL:   strings.TrimRight(o.BaseURL, "/"),
		lifetimes: o.Lifetimes,
		changed:   make(chan struct{}, 1),
	}
	b.s = state{Rates: defaultRates()}
	b.s.index()
	return b, b.SetSlippage(o.SlippagePPM)
}

// index makes the maps that the zero value or a snapshot lacks.
func (s *state) index() {
	fill(&s.Accounts)
	fill(&s.Rates)
	fill(&s.Balances)
	fill(&s.Incoming)
	fill(&s.Quotes)
	fill(&s.Outgoing)
	fill(&s.Grants)
	fill(&s.Tokens)
	s.byContinue = map[string]*Grant{}
	s.byInteract = map[string]*Grant{}
	s.byRef = map[string]*Grant{}
	s.byManage = map[string]*Token{}
	for _, g := range s.Grants {
		s.indexGrant(g)
	}
	for _, t := range s.Tokens {
		s.byManage[t.ManageID] = t
	}
	s.byGrant, s.due = map[string][]*OutgoingPayment{}, nil
	for _, p := range s.Outgoing {
		s.indexOutgoing(p)
	}
}

func (s *state) indexOutgoing(p *OutgoingPayment) {
	s.Outgoing[p.ID] = p
	s.byGrant[p.Grant] = append(s.byGrant[p.Grant], p)
	if !p.Settled {
		s.due = append(s.due, p)
	}
}

func (s *state) indexGrant(g *Grant) {
	s.Grants[g.ID] = g
	s.byContinue[g.ContinueID] = g
	if g.Interaction != nil {
		s.byInteract[g.Interaction.ID] = g
		s.byRef[g.Interaction.Ref] = g
	}
}

func fill[V any](m *map[string]V) {
	if *m == nil {
		*m = map[string]V{}
	}
}

// enter takes the lock, does what has fallen due, and tells the time that holds until
// leave. Every method that reads or changes the state goes through it.
func (b *Bank) enter() (now time.Time) {
	b.mu.Lock()
	now = b.clock.Now()
	b.settleDue(now)
	return now
}

func (b *Bank) leave() { b.mu.Unlock() }

// touch notes that there is something to save. The caller holds the lock.
func (b *Bank) touch() {
	select {
	case b.changed <- struct{}{}:
	default:
	}
}

func (s *state) next() int64 {
	s.Seq++
	return s.Seq
}

// BaseURL is what every URL of the wallet starts with.
func (b *Bank) BaseURL() string { return b.baseURL }

// AuthServer is the grant endpoint of a tenant: it carries a path, as a real one may.
func (b *Bank) AuthServer(tenant string) string { return b.baseURL + "/auth/" + tenant }

// ResourceServer is the resource server of a tenant.
func (b *Bank) ResourceServer(tenant string) string { return b.baseURL + "/op/" + tenant }

// WalletAddress is the public URL of the account with that name.
func (b *Bank) WalletAddress(name string) string { return b.baseURL + "/" + name }
