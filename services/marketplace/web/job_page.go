package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// JobPage is templates/job_page.html.
type JobPage struct {
	marketplace.JobView
	Viewer      marketplace.User
	ViewerFunds bool                 // the viewer is the job's funder
	Actions     []marketplace.Action // that the viewer may take now
	Refused     Refused              // of the form that was sent; zero when none was
	Limits      marketplace.FileLimits
	Lapsed      bool // the time to consent to the payment that is awaited is over
}

// Refused is a form that changed nothing.
type Refused struct {
	Action marketplace.Action
	Words  string // why
	Text   string // what was written into it
	Files  bool   // it is its files that were refused
}

// Can reports whether the viewer is offered an action.
func (p JobPage) Can(a marketplace.Action) bool { return slices.Contains(p.Actions, a) }

// CallsOff reports whether a payment that waits at the viewer's wallet is all that stands in the way of an action: it is called off then.
func (p JobPage) CallsOff(a marketplace.Action) bool {
	c := p.Case()
	if c.Attempt == nil || c.Attempt.State != marketplace.AttemptAwaiting {
		return false
	}
	c.Attempt = nil
	return !p.Can(a) && slices.Contains(c.Allowed(p.Viewer), a)
}

// ByOperator reports whether somebody looked after the marketplace when they did what a line of history tells.
func (p JobPage) ByOperator(e marketplace.EntryView) bool {
	return e.Event == string(marketplace.Cancel) && e.By != 0 && e.By != p.Funder
}

// Part is what the viewer is to the job.
func (p JobPage) Part() marketplace.Part { return p.Case().PartOf(p.Viewer) }

// Written is what stands in the form of an action: what was written into it when it was refused.
func (p JobPage) Written(a marketplace.Action) string {
	if p.Refused.Action == a {
		return p.Refused.Text
	}
	return ""
}

// Unwritten is why the form of an action changed nothing, or "".
func (p JobPage) Unwritten(a marketplace.Action) string {
	if p.Refused.Action == a && !p.Refused.Files {
		return p.Refused.Words
	}
	return ""
}

// UnkeptFiles is why the files of a form changed nothing, or "".
func (p JobPage) UnkeptFiles() string {
	if p.Refused.Files {
		return p.Refused.Words
	}
	return ""
}

// FileTypes are what the file field offers to choose.
func (p JobPage) FileTypes() string { return strings.Join(marketplace.FileEndings(), ",") }

// LargestFile is how large each may be, as a sentence has it.
func (p JobPage) LargestFile() marketplace.FileSize { return marketplace.FileSize(p.Limits.Size) }

// LargestFiles is how large they may be together.
func (p JobPage) LargestFiles() marketplace.FileSize { return marketplace.FileSize(p.Limits.Total) }

// Latest is the work that counts; nil before any was handed in.
func (p JobPage) Latest() *marketplace.Submission { return p.Case().Submission }

// Earlier is the work that was rejected before.
func (p JobPage) Earlier() []marketplace.Submission {
	return p.Submissions[:max(len(p.Submissions)-1, 0)]
}

// Title is the page's.
func (p JobPage) Title() string { return p.JobView.Title }

// Payment says how the payment stands, as honestly as the marketplace knows it:
// paid, starting, awaiting, confirming, failed, due (it can be paid now), or none.
func (p JobPage) Payment() string {
	switch {
	case p.ContractCompleted:
		return "paid"
	case p.Attempt != nil && p.Attempt.State != marketplace.AttemptPaid:
		return string(p.Attempt.State)
	case p.State == marketplace.Reviewing:
		return "due"
	default:
		return "none"
	}
}

// CanPay reports whether the viewer is to be offered to pay.
func (p JobPage) CanPay() bool {
	if !p.ViewerFunds || p.State != marketplace.Reviewing {
		return false
	}
	// Also while one is being started, or is awaited: approving again goes on with the payment that there is.
	payment := p.Payment()
	return payment == "due" || payment == "failed" || payment == "awaiting" || payment == "starting"
}

// Pending reports whether the page should look again by itself.
func (p JobPage) Pending() bool {
	return !p.ContractCompleted && p.Attempt != nil && p.Attempt.State.Open()
}

// Confirming reports whether the payment is approved, and its end not known yet.
func (p JobPage) Confirming() bool {
	return p.Pending() && p.Attempt.State == marketplace.AttemptConfirming
}

// Odd is what arrived although nobody waited for it. A viewer who may not know of payments has no such history.
func (p JobPage) Odd() (odd []marketplace.EntryView) {
	for _, e := range p.History {
		if slices.Contains(marketplace.OddEvents, e.Event) {
			odd = append(odd, e)
		}
	}
	return odd
}

// Revision changes whenever the page would look different.
func (p JobPage) Revision() string {
	if p.Lapsed {
		return fmt.Sprintf("%d-lapsed", p.Version)
	}
	return fmt.Sprintf("%d-%s", p.Version, p.Payment())
}

func (p *Pages) viewJob(c echo.Context) (JobPage, error) {
	id, err := marketplace.ParseJobID(c.Param("job_id"))
	if err != nil {
		return JobPage{}, err
	}
	viewer := visitorOf(c).User
	view, err := p.reader.JobFor(c.Request().Context(), id, viewer)
	if err != nil {
		return JobPage{}, err
	}
	return JobPage{
		JobView: view, Viewer: viewer, ViewerFunds: viewer.ID == view.Funder, Actions: view.Case().Allowed(viewer),
		Limits: p.market.FileLimits(), Lapsed: view.Attempt != nil && view.Attempt.Lapsed(p.clock.Now()),
	}, nil
}

func (p *Pages) jobPage(c echo.Context) error {
	page, err := p.viewJob(c)
	if err != nil {
		return err
	}
	return p.render(c, http.StatusOK, "job_page", page)
}

// standing is the page as far as jobStatus tells of it.
func (p *Pages) standing(c echo.Context) (JobPage, error) {
	id, err := marketplace.ParseJobID(c.Param("job_id"))
	if err != nil {
		return JobPage{}, err
	}
	view, err := p.reader.StandingFor(c.Request().Context(), id, visitorOf(c).User)
	return JobPage{JobView: view, Lapsed: view.Attempt != nil && view.Attempt.Lapsed(p.clock.Now())}, err
}

// jobStatus answers the page's own script: whether there is something new to show.
func (p *Pages) jobStatus(c echo.Context) error {
	page, err := p.standing(c)
	if err != nil {
		if code := marketplace.CodeOf(err); code != "" {
			return c.JSON(statusOf[code], map[string]string{"error": p.words(c, err)})
		}
		return err
	}
	return c.JSON(http.StatusOK, struct {
		JobID             marketplace.JobID `json:"job_id"`
		JobStatus         marketplace.State `json:"job_status"`
		ContractCompleted bool              `json:"contract_completed"`
		PaymentID         string            `json:"payment_id"`
		Payment           string            `json:"payment"`
		Pending           bool              `json:"pending"`
		Revision          string            `json:"revision"`
	}{page.ID, page.State, page.ContractCompleted, page.PaymentID, page.Payment(), page.Pending(), page.Revision()})
}
