package payments

import "time"

// TaskKind is what a background task does. At any time one of each kind runs, whoever asked for it.
type TaskKind string

// The kinds of task.
const (
	TaskReconcile   TaskKind = "reconcile"    // compares payments with what the wallets say; its result is a Report
	TaskVerifyAudit TaskKind = "verify_audit" // reads the whole audit trail; its result is an AuditReport
)

// Task is something that takes long, and is done in the background by one of the replicas. Its row is the queue (decision 1).
type Task struct {
	ID      string // a ULID, made when it was asked for
	Kind    TaskKind
	AskedBy string // for people: who wants it, or that it is the time
	AskedAt time.Time
	// BusyUntil is when the lease of the process ends that has it in hand, which renews it meanwhile: one that is in the past waits to be taken up. Zero
	// once it has ended.
	BusyUntil time.Time
	BegunAt   time.Time // zero until somebody has taken it up
	EndedAt   time.Time // zero until it has ended
	Failure   string    // why it could not be done; "" if it could
	Result    []byte    // JSON, once it has ended; what was found before a failure
}

// Ended reports whether nothing is done for it any more.
func (t Task) Ended() bool { return !t.EndedAt.IsZero() }
