package console

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments/outbox"
	"tianguis.example/payments/webhook"
)

// perPage is how many webhooks are on one page of the log.
const perPage = 50

// logReader is what the log reads.
type logReader interface {
	// FindDeliveries are up to limit that the filter picks, newest first.
	FindDeliveries(ctx context.Context, f outbox.Filter, limit int) ([]outbox.Delivery, error)
	// LastAttempts are the last ones of these deliveries, by delivery; one that was never tried has none.
	LastAttempts(ctx context.Context, deliveryIDs []string) (map[string]outbox.Attempt, error)
}

// WebhookLogPage is templates/webhook_log.html.
type WebhookLogPage struct {
	Filter    Filter
	States    []outbox.State
	Types     []webhook.Type
	Endpoints []Choice
	Lines     []WebhookLine
	Older     string // the address of the page that follows; "" for the last one
	Again     Filter // what the button sends again: everything that the filter picks, on all pages
}

// Replayable reports whether what is picked can be sent again at once: it has ended, and a slip cannot mean everything there ever was.
func (w WebhookLogPage) Replayable() bool {
	ended := w.Filter.State == string(outbox.Dead) || w.Filter.State == string(outbox.Delivered)
	return ended && len(w.Lines) > 0 && (w.Filter.Endpoint != "" || w.Filter.Since != "")
}

// TooWide reports whether it could, were it narrowed to an endpoint or a time.
func (w WebhookLogPage) TooWide() bool {
	return w.Filter.State == string(outbox.Dead) && len(w.Lines) > 0 && !w.Replayable()
}

// Title is the page's.
func (WebhookLogPage) Title() string { return "Webhooks" }

// Section is where the page is in the navigation.
func (WebhookLogPage) Section() string { return "webhooks" }

// Choice is an endpoint to choose.
type Choice struct{ ID, Name string }

// WebhookLine is a webhook in the log.
type WebhookLine struct {
	outbox.Delivery
	EndpointName string
	Removed      bool // its endpoint was
	Held         bool // it waits for its endpoint to be enabled
	Last         *outbox.Attempt
}

func (d directory) line(of outbox.Delivery) WebhookLine {
	e, there := d.find(of.EndpointID)
	return WebhookLine{
		Delivery: of, EndpointName: nameOf(e), Removed: !there, Held: of.State == outbox.Pending && there && !e.Enabled(),
	}
}

func (p *Pages) webhookLog(c echo.Context) error {
	ctx := c.Request().Context()
	known, err := p.directory(ctx)
	if err != nil {
		return err
	}
	filter, picks := readFilter(c.QueryParams(), p.clock.Now())
	page := WebhookLogPage{Filter: filter, Again: filter.fixed(picks), States: outbox.States, Types: webhook.Types, Endpoints: known.choices(picks.EndpointID)}
	status := http.StatusOK
	if len(filter.Wrong) > 0 {
		status = http.StatusBadRequest
	} else if page.Lines, page.Older, err = p.lines(ctx, known, filter, picks); err != nil {
		return err
	}
	return p.render(c, status, "webhook_log", frame{known.warnings(), takeFlash(c), page})
}

// replayFiltered reads the log's form once more, from the body. Pages do not matter to it: it is all that the filter picks.
func (p *Pages) replayFiltered(c echo.Context) error {
	form, err := c.FormParams()
	if err != nil {
		return errUnreadableForm
	}
	filter, picks := readFilter(form, p.clock.Now())
	picks.Before = ""
	if len(filter.Wrong) > 0 || picks.State != outbox.Dead && picks.State != outbox.Delivered {
		return errUnfitReplay
	}
	n, err := p.desk.Replay(c.Request().Context(), operatorOf(c), picks)
	if err != nil {
		return err
	}
	filter.State, filter.Before = "", "" // they are pending now
	return done(c, Flash{flashReplayed, n}, "/webhooks"+filter.query())
}

func (p *Pages) lines(ctx context.Context, known directory, filter Filter, picks outbox.Filter) (lines []WebhookLine, older string, err error) {
	found, err := p.read.FindDeliveries(ctx, picks, perPage+1)
	if err != nil {
		return nil, "", err
	}
	if len(found) > perPage {
		found = found[:perPage]
		older = filter.older(found[perPage-1].ID)
	}
	ids := make([]string, len(found))
	for i, d := range found {
		ids[i] = d.ID
	}
	last, err := p.read.LastAttempts(ctx, ids)
	if err != nil {
		return nil, "", err
	}
	lines = make([]WebhookLine, len(found))
	for i, d := range found {
		lines[i] = known.line(d)
		if a, tried := last[d.ID]; tried {
			lines[i].Last = &a
		}
	}
	return lines, older, nil
}

// choices are the endpoints, and the chosen one when it was removed.
func (d directory) choices(chosen string) []Choice {
	all := make([]Choice, 0, len(d.endpoints)+1)
	for _, e := range d.endpoints {
		all = append(all, Choice{e.ID, nameOf(e)})
	}
	if _, there := d.find(chosen); chosen != "" && !there {
		all = append(all, Choice{chosen, "removed: " + chosen})
	}
	return all
}
