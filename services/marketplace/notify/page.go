package notify

import (
	"context"
	"slices"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
)

// Page is a mailbox for development: it keeps the newest mails in memory, for a page to show them, and sends nothing.
type Page struct {
	clock clock.Clock
	mu    sync.Mutex
	mails []Kept
}

// Kept is a mail that a Page has.
type Kept struct {
	Mail
	At time.Time
}

const maxKept = 200 // mails

// NewPage makes an empty one.
func NewPage(c clock.Clock) *Page { return &Page{clock: c} }

// Deliver keeps a mail, in the place of the one with the same id.
func (p *Page) Deliver(_ context.Context, m Mail) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mails = slices.DeleteFunc(p.mails, func(k Kept) bool { return k.ID == m.ID })
	p.mails = append(p.mails, Kept{m, p.clock.Now()})
	if len(p.mails) > maxKept {
		p.mails = slices.Clone(p.mails[len(p.mails)-maxKept:])
	}
	return nil
}

// Mails are those that are kept, the newest first.
func (p *Page) Mails() []Kept {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(p.mails)
	slices.Reverse(all)
	return all
}
