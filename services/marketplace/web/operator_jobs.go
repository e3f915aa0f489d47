package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// OperatorJobsPage is templates/operator_jobs.html: everybody's jobs.
type OperatorJobsPage struct {
	*Listing
	Lines  []marketplace.JobLine
	Assets []marketplace.Asset
}

// Title is the page's.
func (OperatorJobsPage) Title() string { return "Everybody's jobs" }

// States are those to choose from.
func (OperatorJobsPage) States() []marketplace.State { return marketplace.States }

// Payments are those to choose from.
func (OperatorJobsPage) Payments() []marketplace.AttemptState { return marketplace.AttemptStates }

func (p *Pages) askJobs(c echo.Context) (OperatorJobsPage, marketplace.JobsFilter) {
	l := p.listing(c, "/operator/jobs", "q", "state", "person", "asset", "payment")
	codes := make([]string, len(p.budgetAssets))
	for i, a := range p.budgetAssets {
		codes[i] = a.Code
	}
	return OperatorJobsPage{Listing: l, Assets: p.budgetAssets}, marketplace.JobsFilter{
		Words: l.Value("q"), State: choice(l, "state", marketplace.States), Person: marketplace.UserID(l.number("person")),
		Asset: choice(l, "asset", codes), Payment: choice(l, "payment", marketplace.AttemptStates), Before: marketplace.JobID(l.number(fieldBefore)),
	}
}

func (p *Pages) operatorJobs(c echo.Context) error {
	page, picks := p.askJobs(c)
	if !page.Fits() {
		return p.render(c, http.StatusBadRequest, "operator_jobs", page)
	}
	found, err := p.reader.JobsForOperator(c.Request().Context(), picks, operatorLines+1)
	if err != nil {
		return err
	}
	page.Lines = shown(page.Listing, found, func(l marketplace.JobLine) string { return l.ID.String() })
	return p.render(c, http.StatusOK, "operator_jobs", page)
}

var jobsHeader = []string{"job", "state", "title", "budget", "currency", "funder", "funder_name", "worker", "worker_name", "paid", "deadline", "created", "updated"}

func (p *Pages) operatorJobsCSV(c echo.Context) error {
	page, picks := p.askJobs(c)
	if !page.Fits() {
		return p.render(c, http.StatusBadRequest, "operator_jobs", page)
	}
	return p.download(c, page.Listing, marketplace.AboutJobs, jobsHeader, func() (rows [][]string, err error) {
		found, err := p.reader.JobsForOperator(c.Request().Context(), picks, csvAtATime)
		for _, l := range found {
			picks.Before = l.ID
			worker := ""
			if l.Worker != 0 {
				worker = l.Worker.String()
			}
			rows = append(rows, []string{
				l.ID.String(), string(l.State), cell(l.Title), l.Budget.Decimal(), l.Budget.AssetCode(), l.Funder.String(), cell(l.FunderName), worker,
				cell(l.WorkerName), strconv.FormatBool(l.ContractCompleted), csvTime(l.Deadline), csvTime(l.CreatedAt), csvTime(l.UpdatedAt),
			})
		}
		return rows, err
	})
}
