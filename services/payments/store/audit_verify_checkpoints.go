package store

import (
	"context"
	"fmt"

	"tianguis.example/payments"
)

// pinned is what the checkpoints prove that the check of a payment needs.
type pinned struct {
	begun   bool
	began   int64 // the chain began after this event at the latest: the first checkpoint covers it
	covered int64 // up to this event, the checkpoints alone prove that nothing was changed
}

// checkpointCheck checks the checkpoints in their order: that each is one of ours, that none is missing between them, and that the events are those that they
// were made over.
type checkpointCheck struct {
	keys   Keys
	anchor string // of the checkpoint that must be there, or ""
	report *payments.AuditReport
	pins   pinned

	before   checkpointRow
	differs  bool  // something did, so far
	unsigned int64 // since this one, none is of a key that is configured; 0 for none
}

func (s *Store) verifyCheckpoints(ctx context.Context, anchor string, report *payments.AuditReport) (pinned, error) {
	check := &checkpointCheck{keys: s.keys, anchor: anchor, report: report}
	for {
		var rows []checkpointRow
		if err := s.db.Read(ctx).Where("number > ?", check.before.Number).Order("number").Limit(verifyBatch).Find(&rows).Error; err != nil {
			return check.pins, err
		}
		for _, row := range rows {
			events, digest, err := s.digest(ctx, check.before, row.UpTo)
			if err != nil {
				return check.pins, err
			}
			check.checkpoint(row, events, digest)
		}
		if len(rows) < verifyBatch {
			check.end()
			return check.pins, nil
		}
	}
}

// checkpoint checks the next one; events and digest are of the events that it covers, as they are now.
func (c *checkpointCheck) checkpoint(row checkpointRow, events int64, digest string) {
	k, known := c.keys.byID(row.KeyID)
	switch {
	case row.Number != c.before.Number+1:
		c.find(payments.CheckpointDiffers, "checkpoints are missing between %d and %d", c.before.Number, row.Number)
	case known && !same(row.Hash, k.ofCheckpoint(row)):
		c.find(payments.CheckpointDiffers, "checkpoint %d is not what was written", row.Number)
	case events != row.Events:
		c.find(payments.CheckpointDiffers, "checkpoint %d was made over %d events (of the ids %d to %d), and there are %d: payments may be missing as a whole",
			row.Number, row.Events, c.before.UpTo+1, row.UpTo, events)
	case !same(digest, row.Digest):
		c.find(payments.CheckpointDiffers, "checkpoint %d was made over other events (of the ids %d to %d) than there are", row.Number, c.before.UpTo+1, row.UpTo)
	}
	if !c.pins.begun {
		c.pins.begun, c.pins.began = true, row.UpTo
	}
	switch {
	case known && !c.differs: // its digest goes on from the one before, and so vouches for those whose key is gone
		c.pins.covered, c.unsigned = row.UpTo, 0
	case !known && c.unsigned == 0:
		c.unsigned = row.Number
	}
	if row.checkpoint().Anchor() == c.anchor {
		c.anchor = ""
	}
	c.report.Checkpoints++
	c.report.Covered += events
	c.report.Anchor = row.checkpoint().Anchor()
	c.before = row
}

func (c *checkpointCheck) end() {
	if c.unsigned > 0 {
		c.find(payments.KeyUnknown, "the key of the checkpoints from %d on is not in TOKEN_ENCRYPTION_KEY, and no newer one vouches for them", c.unsigned)
	}
	if c.anchor != "" {
		c.find(payments.AnchorDiffers, "there is no checkpoint %s: the trail was set back, or this is another database", plain(c.anchor))
	}
}

func (c *checkpointCheck) find(problem payments.AuditProblem, format string, args ...any) {
	c.differs = c.differs || problem == payments.CheckpointDiffers
	c.report.Add(payments.AuditFinding{Problem: problem, Detail: fmt.Sprintf(format, args...)})
}
