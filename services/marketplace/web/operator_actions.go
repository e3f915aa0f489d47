package web

import (
	"net/http"
	"regexp"
	"strconv"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// ActionsPage is templates/operator_actions.html: what operators did, and whether that is what was kept.
type ActionsPage struct {
	*Listing
	Lines   []marketplace.OperatorAction
	Checked marketplace.ActionsChecked
}

// Title is the page's.
func (ActionsPage) Title() string { return "What operators did" }

// Events are those to choose from.
func (ActionsPage) Events() []marketplace.OperatorEventWord {
	all := make([]marketplace.OperatorEventWord, len(marketplace.OperatorEvents))
	for i, e := range marketplace.OperatorEvents {
		all[i] = marketplace.OperatorEventWord(e)
	}
	return all
}

// subject is what an action can be about.
var subject = regexp.MustCompile(`^(person:[1-9][0-9]{0,17}|job:[1-9][0-9]{0,17}|people|jobs|payments|actions)$`)

func (p *Pages) askActions(c echo.Context) (ActionsPage, marketplace.ActionsFilter) {
	l := p.listing(c, "/operator/actions", "event", "by", "on")
	f := marketplace.ActionsFilter{
		Event: choice(l, "event", marketplace.OperatorEvents), By: marketplace.UserID(l.number("by")), Subject: marketplace.Subject(l.Value("on")), Before: l.number(fieldBefore),
	}
	if f.Subject != "" && !subject.MatchString(string(f.Subject)) {
		l.refuse("on", l.language.T("This is to be something such as %s or %s.", "person:7", "job:3"))
	}
	return ActionsPage{Listing: l}, f
}

func (p *Pages) operatorActions(c echo.Context) (err error) {
	ctx := c.Request().Context()
	page, picks := p.askActions(c)
	if page.Checked, err = p.reader.VerifyActions(ctx, marketplace.CheckActionsNewest, ""); err != nil {
		return err
	}
	if !page.Fits() {
		return p.render(c, http.StatusBadRequest, "operator_actions", page)
	}
	found, err := p.reader.OperatorActions(ctx, picks, operatorLines+1)
	if err != nil {
		return err
	}
	page.Lines = shown(page.Listing, found, func(a marketplace.OperatorAction) string { return strconv.FormatInt(a.Number, 10) })
	return p.render(c, http.StatusOK, "operator_actions", page)
}

var actionsHeader = []string{"number", "when", "operator", "name", "action", "on", "reason", "detail", "hash"}

func (p *Pages) operatorActionsCSV(c echo.Context) error {
	page, picks := p.askActions(c)
	if !page.Fits() {
		return p.operatorActions(c)
	}
	return p.download(c, page.Listing, marketplace.AboutActions, actionsHeader, func() (rows [][]string, err error) {
		found, err := p.reader.OperatorActions(c.Request().Context(), picks, csvAtATime)
		for _, a := range found {
			picks.Before = a.Number
			by := ""
			if a.By.ID != 0 {
				by = a.By.ID.String()
			}
			rows = append(rows, []string{
				strconv.FormatInt(a.Number, 10), csvTime(a.At), by, cell(a.By.Name), a.Event, string(a.Subject), cell(a.Reason), cell(a.Detail), a.Hash,
			})
		}
		return rows, err
	})
}
