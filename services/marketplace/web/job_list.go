package web

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// JobListPage is templates/job_list.html: what concerns the viewer, or what they looked for.
type JobListPage struct {
	marketplace.JobsOfPerson
	Filter marketplace.JobFilter
	Role   string                 // the filter's scope, as the address names it; "" when nothing was asked for
	Found  *marketplace.JobsFound // nil when nothing was asked for
	CanNew bool                   // the viewer may offer jobs
}

// Title is the page's.
func (JobListPage) Title() string { return "Jobs" }

// States are those to choose from.
func (JobListPage) States() []marketplace.State { return marketplace.States }

// Roles are those to choose from.
func (JobListPage) Roles() []Scope { return scopes }

// Full reports whether a part of the page may have more lines than it shows.
func (JobListPage) Full(lines []marketplace.JobLine) bool { return len(lines) == marketplace.JobLines }

// Scope is a filter's scope with its name in addresses.
type Scope struct {
	Name  string
	Scope marketplace.Scope
}

var scopes = []Scope{
	{"all", marketplace.ScopeAll}, {"funder", marketplace.ScopeFunder}, {"worker", marketplace.ScopeWorker}, {"open", marketplace.ScopeOpen},
}

// NextPage is the address of the next page of what was found.
func (p JobListPage) NextPage() string {
	query := url.Values{"role": {p.Role}, "page": {p.Found.Next.String()}}
	if p.Filter.Words != "" {
		query.Set("q", p.Filter.Words)
	}
	if p.Filter.State != "" {
		query.Set("state", string(p.Filter.State))
	}
	return "/?" + query.Encode()
}

// maxQuestion is how much of what is looked for is read.
const maxQuestion = 200 // bytes

func (p *Pages) jobList(c echo.Context) (err error) {
	viewer := visitorOf(c).User
	page := JobListPage{CanNew: viewer.Role.Funds()}
	if len(c.QueryParams()) == 0 {
		if page.JobsOfPerson, err = p.reader.JobsOf(c.Request().Context(), viewer); err != nil {
			return err
		}
		return p.render(c, http.StatusOK, "job_list", page)
	}
	if page.Filter, page.Role, err = filterOf(c.QueryParams()); err != nil {
		return err
	}
	found, err := p.reader.FindJobs(c.Request().Context(), viewer, page.Filter)
	if err != nil {
		return err
	}
	page.Found = &found
	return p.render(c, http.StatusOK, "job_list", page)
}

// filterOf reads the filter in an address. What it does not know it takes for any; a page that none has is one of ours no more.
func filterOf(query url.Values) (f marketplace.JobFilter, role string, err error) {
	f.Words = query.Get("q")
	if len(f.Words) > maxQuestion {
		f.Words = f.Words[:maxQuestion]
	}
	if state := marketplace.State(query.Get("state")); slices.Contains(marketplace.States, state) {
		f.State = state
	}
	role = scopes[0].Name
	for _, s := range scopes {
		if s.Name == query.Get("role") {
			f.Scope, role = s.Scope, s.Name
		}
	}
	if page := query.Get("page"); page != "" {
		if f.Before, err = marketplace.ParseJobID(page); err != nil {
			return f, role, echo.ErrNotFound
		}
	}
	return f, role, nil
}
