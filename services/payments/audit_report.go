package payments

import (
	"fmt"
	"time"
)

// AuditProblem is a kind of what can be wrong with the audit trail.
type AuditProblem string

// The problems.
const (
	EventChanged      AuditProblem = "changed"    // it does not say what was written
	EventMissing      AuditProblem = "missing"    // it is not there any more
	EventExtra        AuditProblem = "extra"      // it was not written by this program
	HeadDiffers       AuditProblem = "head"       // the payment's row, or the chain's, does not agree with the events' end
	StateDiffers      AuditProblem = "state"      // the payment is not as its last event says
	KeyUnknown        AuditProblem = "key"        // it cannot be verified: its key is not configured
	CheckpointDiffers AuditProblem = "checkpoint" // the events up to it are not those that it was made over
	AnchorDiffers     AuditProblem = "anchor"     // the checkpoint that was kept elsewhere is not there
	PaymentWithoutRow AuditProblem = "payment"    // events of a payment that is not there
)

// AuditFinding is one thing that is wrong.
type AuditFinding struct {
	Problem   AuditProblem `json:"problem"`
	PendingID string       `json:"pendingId,omitempty"`
	Event     int64        `json:"event,omitempty"`   // its number in the payment's chain
	EventID   int64        `json:"eventId,omitempty"` // its id in the table
	Action    int64        `json:"action,omitempty"`  // its number in the chain of what operators did
	Detail    string       `json:"detail"`
}

// AuditReport is what verifying the audit trail found.
type AuditReport struct {
	Payments    int64          `json:"payments"`
	Events      int64          `json:"events"`
	Unchained   int64          `json:"eventsBeforeTheChain"` // of Events: written before there were hashes
	Actions     int64          `json:"operatorActions"`
	Checkpoints int64          `json:"checkpoints"`
	Covered     int64          `json:"eventsUnderCheckpoints"`
	Anchor      string         `json:"anchor,omitempty"` // of the newest checkpoint
	Findings    []AuditFinding `json:"findings"`
	More        int64          `json:"moreFindings,omitempty"` // beyond those that are listed
}

// MaxAuditFindings bounds what is kept in memory of a trail that is all wrong.
const MaxAuditFindings = 1000

// Add adds findings, and counts those for which there is no room.
func (r *AuditReport) Add(findings ...AuditFinding) {
	room := min(len(findings), MaxAuditFindings-len(r.Findings))
	r.Findings = append(r.Findings, findings[:room]...)
	r.More += int64(len(findings) - room)
}

// Checkpoint pins what the audit trail was, up to an event: a digest over all that was written until then, signed. It finds a payment that
// is gone with all its events, and, when its Anchor is kept elsewhere, a trail that was set back as a whole.
type Checkpoint struct {
	Number int64
	At     time.Time
	UpTo   int64  // the id of the last event that it covers
	Events int64  // how many came since the checkpoint before it
	Digest string // over those events and the digest before them
}

// Anchor is what to keep outside of the database.
func (c Checkpoint) Anchor() string { return fmt.Sprintf("%d:%s", c.Number, c.Digest) }

// AuditRecord is an event as it is kept, for whoever takes a copy of the trail.
type AuditRecord struct {
	ID int64 // in the order in which events were written
	AuditEvent
	KeyID string // of the key that made the hash
	Hash  string
}
