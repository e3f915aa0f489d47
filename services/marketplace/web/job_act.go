package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// act is the handler of a form of the job's page: what somebody does with the job.
func (p *Pages) act(action marketplace.Action) echo.HandlerFunc {
	return func(c echo.Context) error {
		id, err := marketplace.ParseJobID(c.Param("job_id"))
		if err != nil {
			return err
		}
		text := c.FormValue("text")
		worker, _ := strconv.ParseInt(c.FormValue("worker"), 10, 64) // 0 is nobody, whom nobody can choose
		err = p.market.Act(c.Request().Context(), id, visitorOf(c).User.ID, marketplace.Command{
			Action: action, Text: text, Worker: marketplace.UserID(worker),
		})
		if err != nil {
			return p.actRefused(c, action, text, err)
		}
		p.flash(c, string(action))
		if action == marketplace.Withdraw { // a job that is not recruiting any more is none of theirs now
			return c.Redirect(http.StatusSeeOther, "/")
		}
		return c.Redirect(http.StatusSeeOther, "/jobs/"+id.String())
	}
}

// actRefused shows the job as it now is, and why the form changed nothing, with what was written still in it.
func (p *Pages) actRefused(c echo.Context, action marketplace.Action, text string, err error) error {
	code := marketplace.CodeOf(err)
	if code == "" || code == marketplace.CodeNotFound {
		return err
	}
	page, unseen := p.viewJob(c)
	if unseen != nil {
		return err
	}
	c.Set(hereKey, "/jobs/"+page.ID.String())
	page.Refused = Refused{Action: action, Words: p.words(c, err), Text: text, Files: marketplace.IsAbout(err, marketplace.FieldFiles)}
	return p.render(c, statusOf[code], "job_page", page)
}

func (p *Pages) duplicate(c echo.Context) error {
	id, err := marketplace.ParseJobID(c.Param("job_id"))
	if err != nil {
		return err
	}
	draft, err := p.market.Duplicate(c.Request().Context(), id, visitorOf(c).User.ID)
	if err != nil {
		return err
	}
	p.flash(c, "duplicate")
	return c.Redirect(http.StatusSeeOther, "/jobs/"+draft.String()+"/edit")
}
