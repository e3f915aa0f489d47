package rest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/apikey"
)

// finish takes what the wallet's redirect brought: from the marketplace, which has checked the buyer's session and has the
// key; or from the browser itself, which is sent on to the marketplace so that this check is never skipped.
func (s *Server) finish(c echo.Context) error {
	query := c.QueryParams()
	if s.isBrowser(c.Request()) {
		return c.Redirect(http.StatusSeeOther, strings.TrimRight(s.marketplace, "/")+"/payments/finish?"+c.QueryString())
	}
	if err := s.access.admit(c, apikey.Pay); err != nil {
		return err
	}
	if err := once(query, "pendingId", "interact_ref", "hash", "result"); err != nil {
		return err
	}
	pendingID := query.Get("pendingId")
	if pendingID == "" {
		return payments.Errorf(payments.CodeInvalidRequest, "pendingId is missing")
	}
	id, err := payments.ParsePaymentID(pendingID)
	if err != nil {
		return err
	}
	r := payments.FinishRequest{
		InteractRef: query.Get("interact_ref"), Hash: query.Get("hash"), Result: query.Get("result"),
		PayersSession: c.Request().Header.Get(api.PayersSessionHeader) == "true",
	}
	// Guesses that do not come from the payer's session use nothing up of what the payer has.
	guesser := string(id) + " " + strconv.FormatBool(r.PayersSession)
	if wait := s.guesses.Wait(guesser); wait > 0 {
		return tooManyReturns(wait)
	}
	p, err := s.rules.Finish(c.Request().Context(), id, r)
	if code := payments.CodeOf(err); code == payments.CodeHashInvalid || code == payments.CodeNotApproved {
		s.guesses.Take(guesser)
	}
	if err != nil {
		return err
	}
	answer := api.Finished{
		OK: p.State != payments.Failed, Status: wireStatus(p.State), PendingID: string(p.ID), OfferID: p.OfferID,
		State: string(p.State), Reason: string(p.Reason), Message: p.Message, PaidAt: p.PaidAt,
		OutgoingPayment: api.OutgoingPayment{ID: p.OutgoingPaymentID, ReceiveAmount: wireAmount(p.Amount), ReceivedAmount: wireAmount(p.ReceivedAmount)},
	}
	return c.JSON(http.StatusOK, answer)
}

func tooManyReturns(wait time.Duration) error {
	err := payments.Errorf(codeTooMany, "too many returns of this payment could not be verified: try again after a while")
	err.RetryAfter = wait
	return err
}

// isBrowser: no key is presented; and where there is no key at all, it is a page that is asked for.
func (s *Server) isBrowser(r *http.Request) bool {
	if s.access.gate.Open() {
		return strings.Contains(r.Header.Get("Accept"), "text/html")
	}
	return r.Header.Get("Authorization") == "" && r.Header.Get("X-Api-Key") == ""
}

// once refuses a query that has one of names twice: which of them counts is nobody's guess.
func once(query url.Values, names ...string) error {
	for _, name := range names {
		if len(query[name]) > 1 {
			return payments.Errorf(payments.CodeInvalidRequest, "%s is given more than once", name)
		}
	}
	return nil
}
