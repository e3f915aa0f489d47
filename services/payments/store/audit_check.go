package store

import (
	"fmt"

	"tianguis.example/payments"
)

// auditedRow is what a payment's row says of its trail.
type auditedRow struct {
	ID          string
	State       string
	AuditEvents int64
	AuditHead   string
}

// chainCheck checks one payment: event is called with each of its events in their order, then end.
type chainCheck struct {
	keys     Keys
	pinned   pinned
	row      auditedRow
	findings []payments.AuditFinding

	seen   int64 // events, of both kinds
	number int64 // of the last event in the chain
	hash   string
	gap    bool
	last   eventRow
}

func (c *chainCheck) find(problem payments.AuditProblem, e eventRow, format string, args ...any) {
	c.findings = append(c.findings, payments.AuditFinding{Problem: problem, PendingID: plain(c.row.ID), Event: e.Number, EventID: e.ID, Detail: fmt.Sprintf(format, args...)})
}

func (c *chainCheck) event(e eventRow) {
	if len(c.findings) >= payments.MaxAuditFindings { // enough is known
		return
	}
	c.seen++
	if c.seen == 1 && e.FromState != "" {
		c.find(payments.EventMissing, e, "the payment's first event, which tells of its beginning, is missing")
	}
	c.last = e
	if e.Number == 0 {
		c.unchained(e)
		return
	}
	switch next := c.number + 1; {
	case e.Number > next:
		c.find(payments.EventMissing, eventRow{Number: next}, "%s missing before event %d", numbers(next, e.Number-1), e.Number)
		c.gap = true
	case e.Number < next:
		c.find(payments.EventExtra, e, "there is an event of this number already")
		return
	}
	c.follows(e)
	c.number, c.hash, c.gap = e.Number, e.Hash, false
}

// unchained is an event without a hash: written before there was a chain, or by somebody else.
func (c *chainCheck) unchained(e eventRow) {
	switch {
	case e.Hash != "" || e.KeyID != "":
		c.find(payments.EventChanged, e, "its number was taken away")
	case c.pinned.begun && e.ID > c.pinned.began:
		c.find(payments.EventExtra, e, "it was written without a hash after the chain began")
	}
}

// follows checks an event's hash.
func (c *chainCheck) follows(e eventRow) {
	k, known := c.keys.byID(e.KeyID)
	switch {
	case !known && e.ID > c.pinned.covered:
		c.find(payments.KeyUnknown, e, "its key, %q, is not in TOKEN_ENCRYPTION_KEY, and no checkpoint covers it", plain(e.KeyID))
	case !known || c.gap: // without the event before it, it cannot be checked; that one is told of
	case same(e.Hash, k.ofEvent(e, c.hash)):
	case same(e.Hash, k.ofEvent(e, broken)):
		c.find(payments.EventChanged, e, "when it was written, the events before it were not those that had been written")
	default:
		c.find(payments.EventChanged, e, "it is not what was written, or does not follow the event before it")
	}
}

// end checks what the payment's row says.
func (c *chainCheck) end() {
	at := eventRow{Number: c.number}
	switch {
	case c.seen == 0:
		c.find(payments.EventMissing, at, "the payment has no events")
		return
	case c.row.AuditEvents > c.number:
		c.find(payments.EventMissing, eventRow{Number: c.number + 1}, "%s missing at the end", numbers(c.number+1, c.row.AuditEvents))
	case c.row.AuditEvents < c.number:
		c.find(payments.HeadDiffers, at, "the payment's row knows of %d events, and there are %d", c.row.AuditEvents, c.number)
	case c.number > 0:
		c.head(at)
	}
	if c.last.ToState != c.row.State {
		c.find(payments.StateDiffers, c.last, "the payment is %s, and its last event says %s", plain(c.row.State), plain(c.last.ToState))
	}
}

func (c *chainCheck) head(at eventRow) {
	if _, known := c.keys.headKey(c.row.AuditHead); !known {
		if c.last.ID > c.pinned.covered {
			c.find(payments.KeyUnknown, at, "the key of the payment's head is not in TOKEN_ENCRYPTION_KEY, and no checkpoint covers its last event")
		}
		return
	}
	if !c.keys.isHead(c.row.AuditHead, c.row.ID, c.number, c.hash) {
		c.find(payments.HeadDiffers, at, "the payment's row does not agree with its last event")
	}
}

func numbers(from, to int64) string {
	if from == to {
		return fmt.Sprintf("event %d is", from)
	}
	return fmt.Sprintf("events %d to %d are", from, to)
}
