package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// operatorReader is what operators read of everybody's.
type operatorReader interface {
	// Operations: attempts are open for long when they began before openSince.
	Operations(ctx context.Context, openSince time.Time) (marketplace.Operations, error)
	People(ctx context.Context, f marketplace.PeopleFilter, limit int) ([]marketplace.PersonLine, error)
	// Person returns CodeNotFound when there is none.
	Person(ctx context.Context, id marketplace.UserID) (marketplace.PersonLine, error)
	JobsForOperator(ctx context.Context, f marketplace.JobsFilter, limit int) ([]marketplace.JobLine, error)
	PaymentsForOperator(ctx context.Context, f marketplace.PaymentsFilter, limit int) ([]marketplace.PaymentLine, error)
	OperatorActions(ctx context.Context, f marketplace.ActionsFilter, limit int) ([]marketplace.OperatorAction, error)
	VerifyActions(ctx context.Context, newest int64, anchor string) (marketplace.ActionsChecked, error)
}

// PeoplePage is templates/operator_people.html.
type PeoplePage struct {
	*Listing
	Lines []marketplace.PersonLine
}

// Title is the page's.
func (PeoplePage) Title() string { return "People" }

// Standings are those to choose from.
func (PeoplePage) Standings() []marketplace.Standing { return marketplace.Standings }

// WalletHost is where somebody's wallet is; "" for nowhere.
func (PeoplePage) WalletHost(u marketplace.User) string { return hostOf(u.WalletAddressURL) }

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

func (p *Pages) askPeople(c echo.Context) (PeoplePage, marketplace.PeopleFilter) {
	l := p.listing(c, "/operator/people", "q", "role", "state")
	return PeoplePage{Listing: l}, marketplace.PeopleFilter{
		Words: l.Value("q"), Role: choice(l, "role", marketplace.Roles), Standing: choice(l, "state", marketplace.Standings),
		Before: marketplace.UserID(l.number(fieldBefore)),
	}
}

func (p *Pages) people(c echo.Context) error {
	page, picks := p.askPeople(c)
	if !page.Fits() {
		return p.render(c, http.StatusBadRequest, "operator_people", page)
	}
	found, err := p.reader.People(c.Request().Context(), picks, operatorLines+1)
	if err != nil {
		return err
	}
	page.Lines = shown(page.Listing, found, func(l marketplace.PersonLine) string { return l.ID.String() })
	return p.render(c, http.StatusOK, "operator_people", page)
}

var peopleHeader = []string{"person", "email", "name", "role", "operator", "state", "wallet", "since", "last_seen"}

func (p *Pages) peopleCSV(c echo.Context) error {
	page, picks := p.askPeople(c)
	if !page.Fits() {
		return p.render(c, http.StatusBadRequest, "operator_people", page)
	}
	return p.download(c, page.Listing, marketplace.AboutPeople, peopleHeader, func() (rows [][]string, err error) {
		found, err := p.reader.People(c.Request().Context(), picks, csvAtATime)
		for _, l := range found {
			picks.Before = l.ID
			state := marketplace.StandsEnabled
			if l.Disabled() {
				state = marketplace.StandsDisabled
			}
			rows = append(rows, []string{
				l.ID.String(), cell(l.Email), cell(l.Name), string(l.Role), strconv.FormatBool(l.Operator), string(state), cell(l.WalletAddressURL),
				csvTime(l.CreatedAt), csvTime(l.SeenAt),
			})
		}
		return rows, err
	})
}

// csvTime is a time for a sheet; "" for never.
func csvTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// PersonPage is templates/operator_person.html.
type PersonPage struct {
	marketplace.PersonLine
	Sessions int
	Events   []marketplace.AccountEvent // at most profileEvents, the newest first
	Jobs     []marketplace.JobLine      // at most personJobs, the newest first
	Acts     []marketplace.PersonAct    // that the viewer may do
	Own      bool                       // it is the viewer's own account
}

const personJobs = 10

// Title is the page's.
func (p PersonPage) Title() string { return p.Name }

// MoreJobs reports whether there may be more jobs than are shown.
func (p PersonPage) MoreJobs() bool { return len(p.Jobs) == personJobs }

func personID(c echo.Context) (marketplace.UserID, error) {
	id, err := strconv.ParseInt(c.Param("user_id"), 10, 64)
	if err != nil || id < 1 || strconv.FormatInt(id, 10) != c.Param("user_id") {
		return 0, marketplace.NotFound("There is no such person.")
	}
	return marketplace.UserID(id), nil
}

// person shows somebody's account to an operator, and keeps that it was looked at.
func (p *Pages) person(c echo.Context) error {
	ctx, viewer := c.Request().Context(), visitorOf(c).User
	id, err := personID(c)
	if err != nil {
		return err
	}
	page := PersonPage{Own: id == viewer.ID}
	if page.PersonLine, err = p.reader.Person(ctx, id); err != nil {
		return err
	}
	if !page.Own {
		if err := p.market.LookedAt(ctx, viewer, id); err != nil {
			return err
		}
	}
	sessions, err := p.reader.SessionsOf(ctx, id, p.clock.Now())
	if err != nil {
		return err
	}
	page.Sessions = len(sessions)
	if page.Events, err = p.reader.AccountEvents(ctx, id, profileEvents); err != nil {
		return err
	}
	if page.Jobs, err = p.reader.JobsForOperator(ctx, marketplace.JobsFilter{Person: id}, personJobs); err != nil {
		return err
	}
	page.Acts = marketplace.ActsOn(page.User, viewer.Actor())
	return p.render(c, http.StatusOK, "operator_person", page)
}

// PersonActPage is templates/operator_person_act.html: what is about to be done to an account, and why.
type PersonActPage struct {
	form
	marketplace.PersonLine
	Act marketplace.PersonAct
}

// Title is the page's.
func (p PersonActPage) Title() string { return p.Act.Word() }

// askPersonAct says what an act means, and asks for the reason. What makes no sense on the account as it is is refused here already.
func (p *Pages) askPersonAct(act marketplace.PersonAct) echo.HandlerFunc {
	return func(c echo.Context) error {
		page, err := p.personActPage(c, act)
		if err != nil {
			return err
		}
		if _, err := page.Operate(act, visitorOf(c).User.Actor(), "?", p.clock.Now()); err != nil {
			return err
		}
		return p.render(c, http.StatusOK, "operator_person_act", page)
	}
}

func (p *Pages) personActPage(c echo.Context, act marketplace.PersonAct) (PersonActPage, error) {
	id, err := personID(c)
	if err != nil {
		return PersonActPage{}, err
	}
	page := PersonActPage{Act: act}
	page.PersonLine, err = p.reader.Person(c.Request().Context(), id)
	return page, err
}

func (p *Pages) doPersonAct(act marketplace.PersonAct) echo.HandlerFunc {
	return func(c echo.Context) error {
		page, err := p.personActPage(c, act)
		if err != nil {
			return err
		}
		page.form = filled(c, marketplace.FieldReason)
		err = p.market.OperatePerson(c.Request().Context(), page.ID, act, visitorOf(c).User, page.Value(marketplace.FieldReason))
		if err != nil {
			status := p.refused(c, &page.form, err)
			if status == 0 {
				return err
			}
			return p.render(c, status, "operator_person_act", page)
		}
		p.flash(c, "person_"+string(act))
		return c.Redirect(http.StatusSeeOther, "/operator/people/"+page.ID.String())
	}
}
