package console

import (
	"context"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments/operator"
	"tianguis.example/payments/sheet"
)

// actionKeeper keeps what operators do.
type actionKeeper interface {
	// Actions are up to limit that the filter picks, newest first.
	Actions(ctx context.Context, f operator.Filter, limit int) ([]operator.Action, error)
	// RecordAction keeps what an operator is about to do, where that is no transaction of the store.
	RecordAction(ctx context.Context, a operator.Action) error
}

// keep writes down what the operator is about to do.
func (p *Pages) keep(c echo.Context, kind operator.Kind, subject, detail string) error {
	return p.read.RecordAction(c.Request().Context(), operator.Action{At: p.clock.Now(), By: operatorOf(c), Kind: kind, Subject: subject, Detail: detail})
}

// ActionListPage is templates/action_list.html.
type ActionListPage struct {
	Form  Form
	Kinds []string
	Doors []string
	Lines []operator.Action
	Older string // the address of the page that follows; "" for the last one
}

// Title is the page's.
func (ActionListPage) Title() string { return "What operators did" }

// Section is where the page is in the navigation.
func (ActionListPage) Section() string { return "actions" }

func kinds() []string {
	all := make([]string, len(operator.Kinds))
	for i, k := range operator.Kinds {
		all[i] = string(k)
	}
	return all
}

var doors = []string{string(operator.ByPage), string(operator.ByAPI), string(operator.ByCommandLine), string(operator.BySettings)}

func (p *Pages) readActionForm(c echo.Context) (Form, operator.Filter) {
	f := readForm("/actions", c.QueryParams(), p.clock.Now(), "kind", "door", "subject", "since", "until")
	picks := operator.Filter{
		Kind:    operator.Kind(f.choice("kind", kinds(), "There is no such action: choose one of the list.")),
		Door:    operator.Door(f.choice("door", doors, "There is no such door: choose one of the list.")),
		Subject: f.Value("subject"),
	}
	picks.Since, picks.Until = f.span("since", "until")
	if last := f.Value(before); last != "" {
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n < 1 {
			f.Wrong[before] = "The list cannot go on from there: begin with the newest."
		}
		picks.Before = n
	}
	return f, picks
}

func (p *Pages) actionList(c echo.Context) error {
	form, picks := p.readActionForm(c)
	page := ActionListPage{Form: form, Kinds: kinds(), Doors: doors}
	if len(form.Wrong) > 0 {
		return p.show(c, http.StatusBadRequest, "action_list", page)
	}
	found, err := p.read.Actions(c.Request().Context(), picks, perPage+1)
	if err != nil {
		return err
	}
	if len(found) > perPage {
		found = found[:perPage]
		page.Older = form.older(strconv.FormatInt(found[perPage-1].Number, 10))
	}
	page.Lines = found
	return p.show(c, http.StatusOK, "action_list", page)
}

// actionFile is all that the form picks, as a table.
func (p *Pages) actionFile(c echo.Context) error {
	form, picks := p.readActionForm(c)
	if len(form.Wrong) > 0 {
		return p.show(c, http.StatusBadRequest, "action_list", ActionListPage{Form: form, Kinds: kinds(), Doors: doors})
	}
	if err := p.keep(c, operator.ExportActions, "", form.words()); err != nil {
		return err
	}
	return sendCSV(p, c, "operator-actions", sheet.ActionHeader, func() ([]operator.Action, error) {
		found, err := p.read.Actions(c.Request().Context(), picks, perBatch)
		if len(found) > 0 {
			picks.Before = found[len(found)-1].Number
		}
		return found, err
	}, sheet.Action)
}
