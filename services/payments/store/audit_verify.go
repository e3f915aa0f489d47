package store

import (
	"context"
	"strings"
)

// AuditReport is what verifying the audit trail found.
type AuditReport struct {
	Payments    int64          `json:"payments"`
	Events      int64          `json:"events"`
	Unchained   int64          `json:"eventsBeforeTheChain"` // of Events: written before there were hashes
	Checkpoints int64          `json:"checkpoints"`
	Covered     int64          `json:"eventsUnderCheckpoints"`
	Anchor      string         `json:"anchor,omitempty"` // of the newest checkpoint
	Findings    []AuditFinding `json:"findings"`
	More        int64          `json:"moreFindings,omitempty"` // beyond those that are listed
}

// maxFindings bounds what is kept in memory of a trail that is all wrong.
const maxFindings = 1000

func (r *AuditReport) add(findings ...AuditFinding) {
	room := min(len(findings), maxFindings-len(r.Findings))
	r.Findings = append(r.Findings, findings[:room]...)
	r.More += int64(len(findings) - room)
}

// verifyBatch is how many payments, or checkpoints, are looked at together.
const verifyBatch = 200

// VerifyAudit reads the whole audit trail and says what is wrong with it. anchor is a checkpoint's that was kept elsewhere, or "". The service may go on
// meanwhile. It is read a batch at a time; what is kept of it is bounded.
func (s *Store) VerifyAudit(ctx context.Context, anchor string) (AuditReport, error) {
	report := AuditReport{Findings: []AuditFinding{}}
	pins, err := s.verifyCheckpoints(ctx, strings.TrimSpace(anchor), &report)
	if err != nil {
		return report, err
	}
	for after := ""; ; {
		last, n, err := s.verifyPayments(ctx, pins, after, &report)
		if err != nil {
			return report, err
		}
		if n < verifyBatch {
			return report, s.findOrphans(ctx, &report)
		}
		after = last
	}
}

// auditedEvent is an event beside its payment, both as they were at one moment. A payment without events has one that is empty.
type auditedEvent struct {
	Payment auditedRow `gorm:"embedded;embeddedPrefix:payment_"`
	Event   eventRow   `gorm:"embedded;embeddedPrefix:event_"`
}

// verifyPayments checks a batch of payments, and returns the last one's id and how many there were. It is one statement, so that
// what is appended meanwhile is seen in the payment's row and in its events, or in neither.
func (s *Store) verifyPayments(ctx context.Context, pins pinned, after string, report *AuditReport) (last string, n int, err error) {
	rows, err := s.db.Read(ctx).Raw(`SELECT p.id AS payment_id, p.state AS payment_state, p.audit_events AS payment_audit_events, p.audit_head AS payment_audit_head,
			e.id AS event_id, e.payment_id AS event_payment_id, e.at AS event_at, e.actor AS event_actor, e.from_state AS event_from_state, e.to_state AS event_to_state,
			e.reason AS event_reason, e.detail AS event_detail, e.number AS event_number, e.key_id AS event_key_id, e.hash AS event_hash
		FROM (SELECT id, state, audit_events, audit_head FROM payments WHERE id > ? ORDER BY id LIMIT ?) p
		LEFT JOIN payment_events e ON e.payment_id = p.id ORDER BY p.id, e.id`, after, verifyBatch).Rows()
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = rows.Close() }()
	var check *chainCheck
	end := func() {
		if check != nil {
			check.end()
			report.add(check.findings...)
		}
	}
	for rows.Next() {
		var next auditedEvent
		if err := s.db.Read(ctx).ScanRows(rows, &next); err != nil {
			return "", 0, err
		}
		if check == nil || check.row.ID != next.Payment.ID {
			end()
			check = &chainCheck{keys: s.keys, pinned: pins, row: next.Payment}
			report.Payments++
			last, n = next.Payment.ID, n+1
		}
		if next.Event.ID == 0 {
			continue
		}
		report.Events++
		if next.Event.Number == 0 {
			report.Unchained++
		}
		check.event(next.Event)
	}
	end()
	return last, n, rows.Err()
}

// findOrphans finds the events of payments that are not there.
func (s *Store) findOrphans(ctx context.Context, report *AuditReport) error {
	for after := ""; ; {
		var page []struct {
			PaymentID string
			Orphan    bool
			Events    int
		}
		err := s.db.Read(ctx).Raw(`SELECT e.payment_id, p.id IS NULL AS orphan, COUNT(*) AS events
			FROM (SELECT payment_id FROM payment_events WHERE payment_id > ? ORDER BY payment_id LIMIT ?) e LEFT JOIN payments p ON p.id = e.payment_id
			GROUP BY e.payment_id, p.id ORDER BY e.payment_id`, after, eventBatch).Scan(&page).Error
		if err != nil {
			return err
		}
		events := 0
		for _, p := range page {
			if p.Orphan {
				report.add(AuditFinding{Problem: PaymentWithoutRow, PendingID: plain(p.PaymentID), Detail: "there are events of this payment, but the payment is missing"})
			}
			after, events = p.PaymentID, events+p.Events
		}
		if events < eventBatch {
			return nil
		}
	}
}
