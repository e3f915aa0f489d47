package console

import (
	"context"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/sheet"
)

// taskReader is what is read of tasks.
type taskReader interface {
	// Tasks are the newest of a kind, newest first.
	Tasks(ctx context.Context, kind payments.TaskKind, limit int) ([]payments.Task, error)
}

// mostRuns is how many runs of a task a page tells of.
const mostRuns = 10

// ReconciliationRun is a comparison of payments with what the wallets say.
type ReconciliationRun struct {
	payments.Task
	payments.Report
}

// Count is how many of its findings are of a kind.
func (r ReconciliationRun) Count(kind payments.FindingKind) int {
	n := 0
	for _, f := range r.Findings {
		if f.Kind == kind {
			n++
		}
	}
	return n
}

// Least is how many of its findings are of a severity.
func (r ReconciliationRun) Least(severity payments.Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == severity {
			n++
		}
	}
	return n
}

// ReconciliationPage is templates/reconciliation.html.
type ReconciliationPage struct {
	Running *payments.Task
	Shown   *ReconciliationRun // the last that has ended, or the one that was asked for
	Runs    []ReconciliationRun
}

// Title is the page's.
func (ReconciliationPage) Title() string { return "Reconciliation" }

// Section is where the page is in the navigation.
func (ReconciliationPage) Section() string { return "reconciliation" }

func (p *Pages) reconciliations(ctx context.Context) ([]ReconciliationRun, error) {
	found, err := p.read.Tasks(ctx, payments.TaskReconcile, mostRuns)
	if err != nil {
		return nil, err
	}
	runs := make([]ReconciliationRun, len(found))
	for i, t := range found {
		report, err := result[payments.Report](t)
		if err != nil {
			return nil, fmt.Errorf("read the result of task %s: %w", t.ID, err)
		}
		runs[i] = ReconciliationRun{t, report}
	}
	return runs, nil
}

func (p *Pages) reconciliation(c echo.Context) error {
	page, err := p.readReconciliation(c)
	if err != nil {
		return err
	}
	return p.show(c, http.StatusOK, "reconciliation", page)
}

func (p *Pages) readReconciliation(c echo.Context) (page ReconciliationPage, err error) {
	if page.Runs, err = p.reconciliations(c.Request().Context()); err != nil {
		return page, err
	}
	if len(page.Runs) > 0 && !page.Runs[0].Ended() {
		page.Running = &page.Runs[0].Task
		page.Runs = page.Runs[1:]
	}
	wanted := capitals(c.QueryParam("run"))
	for i, r := range page.Runs {
		if wanted == r.ID || wanted == "" {
			page.Shown = &page.Runs[i]
			return page, nil
		}
	}
	if wanted != "" {
		return page, errNoRun
	}
	return page, nil
}

// findingFile is what a run found, as a table.
func (p *Pages) findingFile(c echo.Context) error {
	page, err := p.readReconciliation(c)
	if err != nil {
		return err
	}
	if page.Shown == nil {
		return errNoRun
	}
	if err := p.keep(c, operator.ExportFindings, page.Shown.ID, ""); err != nil {
		return err
	}
	return sendCSV(p, c, "reconciliation", sheet.FindingHeader, once(page.Shown.Findings), sheet.Finding)
}

// askTask has a task done in the background.
func (p *Pages) askTask(kind payments.TaskKind, page string) echo.HandlerFunc {
	return func(c echo.Context) error {
		asked, err := p.tasks.Ask(c.Request().Context(), operatorOf(c), kind)
		if err != nil {
			return err
		}
		if !asked {
			return done(c, Flash{Code: flashRunning}, page)
		}
		return done(c, Flash{Code: flashAsked}, page)
	}
}
