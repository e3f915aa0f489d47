package web

import (
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// JobFormPage is templates/job_form.html: a job that is written, or written anew.
type JobFormPage struct {
	Job     marketplace.Job // zero for a new one
	Terms   marketplace.TermsForm
	Version int64 // of the job when it was read into the form
	Assets  []marketplace.Asset
	Wrong   map[string]string // by field
	Error   string            // above the form
	Text    string            // what is added to a published job
}

// Title is the page's.
func (p JobFormPage) Title() string {
	if p.Job.ID == 0 {
		return "New job"
	}
	return "Edit the job"
}

// Adds reports whether the job is published: then it can only be added to.
func (p JobFormPage) Adds() bool { return p.Job.ID != 0 && p.Job.State != marketplace.Draft }

func (p *Pages) newJobForm(c echo.Context) error {
	if !visitorOf(c).User.Role.Funds() {
		return marketplace.ErrFundsNoJobs
	}
	return p.render(c, http.StatusOK, "job_form", JobFormPage{Terms: marketplace.NewTermsForm(), Assets: p.assetsFor(marketplace.Job{})})
}

// assetsFor are those that a budget can be given in: the marketplace's, and the one that the job has already.
func (p *Pages) assetsFor(j marketplace.Job) []marketplace.Asset {
	all := p.budgetAssets
	if j.Budget.IsSet() {
		for _, asset := range all {
			if asset.Code == j.Budget.AssetCode() {
				return all
			}
		}
		all = append(all[:len(all):len(all)], marketplace.Asset{Code: j.Budget.AssetCode(), Scale: j.Budget.AssetScale()})
	}
	return all
}

func termsOf(c echo.Context) marketplace.TermsForm {
	return marketplace.TermsForm{
		Title: c.FormValue("title"), Description: c.FormValue("description"), Amount: c.FormValue("amount"), Asset: c.FormValue("asset"),
		MaxApplications: c.FormValue("max_applications"), RecruitDays: c.FormValue("recruit_days"), SubmitDays: c.FormValue("submit_days"),
	}
}

// readTerms reads the form into the page. It reports whether it makes sense; the page says what does not.
func (p *Pages) readTerms(c echo.Context, page *JobFormPage) (marketplace.Terms, bool) {
	page.Terms = termsOf(c)
	terms, wrong := page.Terms.Terms(page.Assets)
	if len(wrong) == 0 {
		return terms, true
	}
	page.Wrong = map[string]string{}
	for field, err := range wrong {
		page.Wrong[field] = p.words(c, err)
	}
	return terms, false
}

func (p *Pages) newJob(c echo.Context) error {
	page := JobFormPage{Assets: p.assetsFor(marketplace.Job{})}
	terms, ok := p.readTerms(c, &page)
	if !ok {
		return p.render(c, http.StatusUnprocessableEntity, "job_form", page)
	}
	id, err := p.market.Create(c.Request().Context(), visitorOf(c).User.ID, terms)
	if err != nil {
		return err
	}
	p.flash(c, marketplace.EventCreated)
	return c.Redirect(http.StatusSeeOther, "/jobs/"+id.String())
}

// editPage is the form of a job that the visitor may see. Whether they may edit it, the rules say when it is sent; the form is for its funder.
func (p *Pages) editPage(c echo.Context) (JobFormPage, error) {
	view, err := p.viewJob(c)
	if err != nil {
		return JobFormPage{}, err
	}
	if err := view.Case().MayDo(visitorOf(c).User, marketplace.Edit); err != nil {
		return JobFormPage{}, err
	}
	return JobFormPage{Job: view.Job, Version: view.Version, Terms: view.TermsForm(), Assets: p.assetsFor(view.Job)}, nil
}

func (p *Pages) editForm(c echo.Context) error {
	page, err := p.editPage(c)
	if err != nil {
		return err
	}
	return p.render(c, http.StatusOK, "job_form", page)
}

func (p *Pages) edit(c echo.Context) error {
	page, err := p.editPage(c)
	if err != nil {
		return err
	}
	page.Text = c.FormValue("text")
	command := marketplace.Command{Action: marketplace.Edit, Text: page.Text}
	if !page.Adds() {
		var ok bool
		if page.Version, err = strconv.ParseInt(c.FormValue("version"), 10, 64); err != nil {
			page.Version = -1 // a form that is not ours
		}
		if command.Terms, ok = p.readTerms(c, &page); !ok {
			return p.render(c, http.StatusUnprocessableEntity, "job_form", page)
		}
		command.Version = page.Version
	}
	err = p.market.Act(c.Request().Context(), page.Job.ID, visitorOf(c).User.ID, command)
	switch code := marketplace.CodeOf(err); {
	case err == nil:
		p.flash(c, string(marketplace.Edit))
		return c.Redirect(http.StatusSeeOther, "/jobs/"+page.Job.ID.String())
	case code == marketplace.CodeInvalidInput, code == marketplace.CodeChanged:
		page.Error = p.words(c, err)
		return p.render(c, statusOf[code], "job_form", page)
	default:
		return err
	}
}
