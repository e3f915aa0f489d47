package store

import (
	"context"
	"fmt"
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

// verifyBatch is how many payments are looked at together.
const verifyBatch = 200

// VerifyAudit reads the whole audit trail and says what is wrong with it. anchor is a checkpoint's that was kept elsewhere, or "". The service may go on
// meanwhile. Events are read one at a time; what is kept of them is bounded.
func (s *Store) VerifyAudit(ctx context.Context, anchor string) (AuditReport, error) {
	report := AuditReport{Findings: []AuditFinding{}}
	pins, err := s.verifyCheckpoints(ctx, strings.TrimSpace(anchor), &report)
	if err != nil {
		return report, err
	}
	for after := ""; ; {
		var rows []auditedRow
		query := s.db.Read(ctx).Model(&paymentRow{}).Where("id > ?", after).Order("id").Limit(verifyBatch)
		if err := query.Find(&rows).Error; err != nil {
			return report, err
		}
		upTo := ""
		if len(rows) == verifyBatch {
			upTo = rows[len(rows)-1].ID
		}
		if err := s.verifyBatch(ctx, pins, rows, after, upTo, &report); err != nil {
			return report, err
		}
		if upTo == "" {
			return report, nil
		}
		after = upTo
	}
}

// verifyBatch checks payments and all events of payments after one, up to one or to the end. What looks wrong may have changed while it
// was read, and is looked at again by itself.
func (s *Store) verifyBatch(ctx context.Context, pins pinned, rows []auditedRow, after, upTo string, report *AuditReport) error {
	checks := make(map[string]*chainCheck, len(rows))
	for _, row := range rows {
		checks[row.ID] = &chainCheck{keys: s.keys, pinned: pins, row: row}
	}
	query := s.db.Read(ctx).Where("payment_id > ?", after)
	if upTo != "" {
		query = query.Where("payment_id <= ?", upTo)
	}
	var suspects []string // also the payments that began since the rows were read
	err := streamEvents(query.Order("payment_id, id"), func(e eventRow) {
		check, known := checks[e.PaymentID]
		if !known {
			if n := len(suspects); n < maxFindings && (n == 0 || suspects[n-1] != e.PaymentID) {
				suspects = append(suspects, e.PaymentID)
			}
			return
		}
		report.Events++
		if e.Number == 0 {
			report.Unchained++
		}
		check.event(e)
	})
	if err != nil {
		return err
	}
	report.Payments += int64(len(rows))
	for _, row := range rows {
		check := checks[row.ID]
		if check.end(); len(check.findings) > 0 {
			suspects = append(suspects, row.ID)
		}
	}
	for _, id := range suspects {
		findings, err := s.verifyPayment(ctx, pins, id)
		if err != nil {
			return err
		}
		report.add(findings...)
	}
	return nil
}

// stillTries is how often a payment is read that changes meanwhile.
const stillTries = 20

// verifyPayment checks one payment, its row the same before and after its events were read.
func (s *Store) verifyPayment(ctx context.Context, pins pinned, id string) ([]AuditFinding, error) {
	for range stillTries {
		before, err := s.auditedRow(ctx, id)
		if err != nil {
			return nil, err
		}
		check := &chainCheck{keys: s.keys, pinned: pins, row: before}
		if err := streamEvents(s.db.Read(ctx).Where("payment_id = ?", id).Order("id"), check.event); err != nil {
			return nil, err
		}
		after, err := s.auditedRow(ctx, id)
		if err != nil {
			return nil, err
		}
		if before != after {
			continue
		}
		if before.ID == "" {
			return []AuditFinding{{Problem: PaymentWithoutRow, PendingID: plain(id), Detail: "there are events of this payment, but the payment is missing"}}, nil
		}
		check.end()
		return check.findings, nil
	}
	return nil, fmt.Errorf("payment %s changes faster than it can be read: try again", id)
}

// auditedRow is zero when there is no such payment.
func (s *Store) auditedRow(ctx context.Context, id string) (auditedRow, error) {
	var row auditedRow
	return row, s.db.Read(ctx).Model(&paymentRow{}).Where("id = ?", id).Limit(1).Find(&row).Error
}
