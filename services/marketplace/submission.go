package marketplace

import "time"

// Submission is work that was handed in for a job. The newest is the one that counts; the others were rejected.
type Submission struct {
	ID     string // a ULID; files that belong to it name it
	JobID  JobID
	Worker UserID
	Text   string // "" when the files say it all
	Files  []File // in the order in which they were handed in; a Case does not have them
	At     time.Time

	RejectedAt time.Time // zero unless the funder rejected it
	Reason     string    // of the rejection
}

// Rejected reports whether the funder has rejected it.
func (s Submission) Rejected() bool { return !s.RejectedAt.IsZero() }

const maxSubmission = 20_000 // characters

// submit adds what the worker handed in: words, files, or both. A photograph or a recording is the work itself, and whoever cannot write
// should not have to write "see the file".
func (c Case) submit(change *Change, cmd Command, now time.Time) error {
	text := ""
	if prose(cmd.Text) != "" || len(cmd.Files) == 0 {
		var err error
		if text, err = written(cmd.Text, maxSubmission, "Say what you have done and where it is to be found, or add a file."); err != nil {
			return err
		}
	}
	change.Submission = &Submission{ID: newID(now), JobID: c.ID, Worker: cmd.By.ID, Text: text, Files: cmd.Files, At: now}
	return nil
}

// accept keeps that the funder is content. Of a job that was paid out of turn, which waits for nothing else, it is the end.
func (c Case) accept(change *Change, now time.Time) error {
	change.After.AcceptedAt = now
	if !c.ContractCompleted {
		return nil
	}
	err := change.then(Pay, now)
	change.Entries[len(change.Entries)-1].Detail = c.PaymentID
	return err
}

// reject sends the work back, with a reason and as much time as it had.
func (c Case) reject(change *Change, now time.Time) {
	if c.Submission == nil {
		return // work from before submissions were kept apart
	}
	rejected := *c.Submission
	rejected.RejectedAt, rejected.Reason = now, change.Entries[0].Detail
	change.Submission = &rejected
}
