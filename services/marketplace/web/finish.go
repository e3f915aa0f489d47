package web

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/marketplace"
)

// FinishPage is templates/finish.html: the return from a wallet that leads to no job's page.
type FinishPage struct {
	Ending marketplace.Ending
	JobID  marketplace.JobID // that the payment is for; 0 unless the visitor pays it
	Again  string            // this address, to try again
	SignIn string            // signs in and comes back here, where the payer is then told of the job
}

// Title is the page's.
func (FinishPage) Title() string { return "Your payment" }

// finishStatus is the page's status for an ending that shows a page.
var finishStatus = map[marketplace.Ending]int{
	marketplace.EndPaid:         http.StatusOK,
	marketplace.EndConfirming:   http.StatusOK,
	marketplace.EndDeclined:     http.StatusOK,
	marketplace.EndFailed:       http.StatusOK,
	marketplace.EndSignedOut:    http.StatusOK,
	marketplace.EndUnverified:   http.StatusForbidden,
	marketplace.EndOtherSession: http.StatusForbidden,
	marketplace.EndUnknown:      http.StatusNotFound,
	marketplace.EndUnreachable:  http.StatusServiceUnavailable,
}

// finish is where a wallet sends its person back to. The address may be loaded again: a reload shows the same.
func (p *Pages) finish(c echo.Context) error {
	// Whoever is signed in is counted by the session: what others of the same network try uses up nothing of the payer's.
	who := visitorOf(c).SessionID
	if who == "" {
		who = httpserver.NetworkOf(c.RealIP())
	}
	if wait := p.returns.Wait(who); wait > 0 {
		httpserver.RetryAfter(c, wait)
		return echo.NewHTTPError(http.StatusTooManyRequests)
	}
	to, err := p.market.Returned(c.Request().Context(), marketplace.Return{
		PendingID:   c.QueryParam("pendingId"),
		InteractRef: c.QueryParam("interact_ref"),
		Hash:        c.QueryParam("hash"),
		Result:      c.QueryParam("result"),
		SessionID:   visitorOf(c).SessionID,
		UserID:      visitorOf(c).User.ID,
	})
	if err != nil {
		return err
	}
	switch to.Ending {
	case marketplace.EndUnverified, marketplace.EndOtherSession, marketplace.EndSignedOut, marketplace.EndUnknown:
		p.returns.Take(who)
	default: // it was about a payment of this browser
	}
	if to.JobID != 0 {
		switch to.Ending {
		case marketplace.EndPaid, marketplace.EndConfirming, marketplace.EndDeclined, marketplace.EndFailed, marketplace.EndUnverified:
			p.flash(c, string(to.Ending))
			return c.Redirect(http.StatusSeeOther, "/jobs/"+to.JobID.String())
		default: // no news of the job: said here
		}
	}
	if to.Ending == marketplace.EndUnreachable {
		c.Response().Header().Set("Retry-After", "5")
	}
	back := "/payments/finish?" + url.Values{"pendingId": {c.QueryParam("pendingId")}}.Encode() // without what proves an approval
	return p.render(c, finishStatus[to.Ending], "finish", FinishPage{
		Ending: to.Ending, JobID: to.JobID, Again: c.Request().URL.RequestURI(), SignIn: "/login?" + url.Values{"next": {back}}.Encode(),
	})
}
