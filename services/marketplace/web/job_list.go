package web

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// JobListPage is templates/job_list.html.
type JobListPage struct {
	Waiting []marketplace.JobLine // for the viewer
	Going   []marketplace.JobLine // on, without the viewer
	Ended   []marketplace.JobLine
}

// Title is the page's.
func (JobListPage) Title() string { return "Jobs" }

func (p *Pages) jobList(c echo.Context) error {
	viewer := visitorOf(c).User
	lines, err := p.reader.JobsOf(c.Request().Context(), viewer)
	if err != nil {
		return err
	}
	var page JobListPage
	for _, line := range lines {
		switch {
		case line.State.Ended():
			page.Ended = append(page.Ended, line)
		case line.NeedsViewer(viewer.ID):
			page.Waiting = append(page.Waiting, line)
		default:
			page.Going = append(page.Going, line)
		}
	}
	// What can be paid comes first: a worker waits for it.
	slices.SortStableFunc(page.Waiting, func(a, b marketplace.JobLine) int {
		return cmp.Compare(readiness(a), readiness(b))
	})
	return p.render(c, http.StatusOK, "job_list", page)
}

// readiness orders what waits for a person: the later in a job's life, the sooner in the list.
func readiness(l marketplace.JobLine) int { return -slices.Index(marketplace.States, l.State) }
