package console

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments/outbox"
)

// EndpointListPage is templates/endpoint_list.html.
type EndpointListPage struct {
	Endpoints []EndpointLine
	Removed   []outbox.Standing // of endpoints that are no more there
}

// Title is the page's.
func (EndpointListPage) Title() string { return "Endpoints" }

// Section is where the page is in the navigation.
func (EndpointListPage) Section() string { return "endpoints" }

// EndpointLine is an endpoint in the list.
type EndpointLine struct {
	outbox.Endpoint
	Name     string
	Standing outbox.Standing
	Secrets  []Secret
	Unsigned bool
}

// Configured reports whether it is the configuration's.
func (e EndpointLine) Configured() bool { return e.ID == outbox.Configured }

func (p *Pages) endpointList(c echo.Context) error {
	ctx := c.Request().Context()
	known, err := p.directory(ctx)
	if err != nil {
		return err
	}
	standings, err := p.read.Standings(ctx)
	if err != nil {
		return err
	}
	var page EndpointListPage
	of := map[string]outbox.Standing{}
	for _, s := range standings {
		of[s.EndpointID] = s
		if _, there := known.find(s.EndpointID); !there {
			page.Removed = append(page.Removed, s)
		}
	}
	for _, e := range known.endpoints {
		page.Endpoints = append(page.Endpoints, EndpointLine{e, nameOf(e), of[e.ID], known.secrets[e.ID], known.unsigned(e)})
	}
	return p.render(c, http.StatusOK, "endpoint_list", frame{known.warnings(), takeFlash(c), page})
}

func (p *Pages) setEnabled(enabled bool) echo.HandlerFunc {
	code := flashDisabled
	if enabled {
		code = flashEnabled
	}
	return func(c echo.Context) error {
		if _, err := p.desk.Change(c.Request().Context(), operatorOf(c), endpointID(c), outbox.EndpointChange{Enabled: &enabled}); err != nil {
			return err
		}
		return done(c, Flash{Code: code}, "/endpoints")
	}
}

func (p *Pages) pingEndpoint(c echo.Context) error {
	ping, err := p.desk.Ping(c.Request().Context(), operatorOf(c), endpointID(c))
	if err != nil {
		return err
	}
	return done(c, Flash{Code: flashPinged}, "/webhooks/"+ping.ID)
}

func (p *Pages) replayEndpoint(c echo.Context) error {
	n, err := p.desk.Replay(c.Request().Context(), operatorOf(c), outbox.Filter{EndpointID: endpointID(c), State: outbox.Dead})
	if err != nil {
		return err
	}
	return done(c, Flash{flashReplayed, n}, "/endpoints")
}

func endpointID(c echo.Context) string {
	id := c.Param("endpointId")
	if unfit(id) {
		return "-" // none has it
	}
	return id
}
