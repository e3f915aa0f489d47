package console

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/sheet"
)

// auditReader is what is read of the audit trail as a whole.
type auditReader interface {
	// Checkpoints are the newest, newest first.
	Checkpoints(ctx context.Context, limit int) ([]payments.Checkpoint, error)
	// AuditEvents are up to limit events of all payments from since on and before until, in the order of their times, after one that was given before.
	AuditEvents(ctx context.Context, since, until time.Time, after payments.AuditRecord, limit int) ([]payments.AuditRecord, error)
}

// mostCheckpoints is how many are on the page.
const mostCheckpoints = 10

// VerificationRun is a reading of the whole audit trail.
type VerificationRun struct {
	payments.Task
	payments.AuditReport
}

// Holds reports whether it was read to its end, and nothing was wrong.
func (r VerificationRun) Holds() bool { return r.Ended() && r.Failure == "" && len(r.Findings) == 0 }

// AuditPage is templates/audit_page.html.
type AuditPage struct {
	Form        Form
	Running     *payments.Task
	Runs        []VerificationRun // the last first
	Checkpoints []payments.Checkpoint
}

// Title is the page's.
func (AuditPage) Title() string { return "Audit trail" }

// Section is where the page is in the navigation.
func (AuditPage) Section() string { return "audit" }

func (p *Pages) verifications(ctx context.Context) ([]VerificationRun, error) {
	found, err := p.read.Tasks(ctx, payments.TaskVerifyAudit, mostRuns)
	if err != nil {
		return nil, err
	}
	runs := make([]VerificationRun, len(found))
	for i, t := range found {
		report, err := result[payments.AuditReport](t)
		if err != nil {
			return nil, fmt.Errorf("read the result of task %s: %w", t.ID, err)
		}
		runs[i] = VerificationRun{t, report}
	}
	return runs, nil
}

func (p *Pages) readAuditForm(c echo.Context) (f Form, since, until time.Time) {
	f = readForm("/audit", c.QueryParams(), p.clock.Now(), "since", "until")
	since, until = f.span("since", "until")
	return f, since, until
}

func (p *Pages) auditPage(c echo.Context) error {
	form, _, _ := p.readAuditForm(c)
	return p.showAudit(c, form)
}

func (p *Pages) showAudit(c echo.Context, form Form) (err error) {
	ctx := c.Request().Context()
	page := AuditPage{Form: form}
	if page.Runs, err = p.verifications(ctx); err != nil {
		return err
	}
	if len(page.Runs) > 0 && !page.Runs[0].Ended() {
		page.Running = &page.Runs[0].Task
		page.Runs = page.Runs[1:]
	}
	if page.Checkpoints, err = p.read.Checkpoints(ctx, mostCheckpoints); err != nil {
		return err
	}
	status := http.StatusOK
	if len(form.Wrong) > 0 {
		status = http.StatusBadRequest
	}
	return p.show(c, status, "audit_page", page)
}

// auditFact is an event as the JSON file has it.
type auditFact struct {
	ID        int64     `json:"id"`
	PendingID string    `json:"pendingId"`
	Number    int64     `json:"number"`
	At        time.Time `json:"at"`
	Actor     string    `json:"actor"`
	From      string    `json:"from,omitempty"`
	To        string    `json:"to"`
	Reason    string    `json:"reason,omitempty"`
	Detail    string    `json:"detail,omitempty"`
	Key       string    `json:"key,omitempty"`
	Hash      string    `json:"hash,omitempty"`
}

func factOf(r payments.AuditRecord) any {
	return auditFact{
		r.ID, string(r.PaymentID), r.Number, r.At, string(r.Actor), string(r.From), string(r.To), string(r.Reason), r.Detail, r.KeyID, r.Hash,
	}
}

// auditFile is the events of a time, as a table or a list.
func (p *Pages) auditFile(kind string) echo.HandlerFunc {
	return func(c echo.Context) error {
		ctx := c.Request().Context()
		form, since, until := p.readAuditForm(c)
		if len(form.Wrong) > 0 {
			return p.showAudit(c, form)
		}
		if until.IsZero() {
			until = p.clock.Now()
		}
		if err := p.keep(c, operator.ExportAudit, "", kind+"; "+form.words()); err != nil {
			return err
		}
		var last payments.AuditRecord
		rows := func() ([]payments.AuditRecord, error) {
			found, err := p.read.AuditEvents(ctx, since, until, last, perBatch)
			if len(found) > 0 {
				last = found[len(found)-1]
			}
			return found, err
		}
		if kind == "json" {
			return sendJSON(p, c, "audit", rows, factOf)
		}
		return sendCSV(p, c, "audit", sheet.AuditHeader, rows, sheet.AuditRecord)
	}
}
