package console

import (
	"errors"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
	"tianguis.example/payments/operator"
)

// PaymentPage is templates/payment_page.html.
type PaymentPage struct {
	PaymentLine
	Events   []payments.AuditEvent // the last first
	Broken   []payments.AuditFinding
	Webhooks []WebhookLine
	Actions  []operator.Action  // what operators did to it, the last first
	Found    []payments.Finding // by the last reconciliation
	FoundBy  payments.Task
	Compared bool               // it was compared just now
	Now      []payments.Finding // with what was found
}

// Title is the page's.
func (p PaymentPage) Title() string { return "Payment " + string(p.ID) }

// Section is where the page is in the navigation.
func (PaymentPage) Section() string { return "payments" }

// Cancelable reports whether it can be called off: only before anybody has approved it.
func (p PaymentPage) Cancelable() bool { return p.State == payments.AwaitingApproval }

// Comparable reports whether the seller's wallet can be asked what it received.
func (p PaymentPage) Comparable() bool { return p.IncomingPaymentID != "" }

// mostActions is how many of what operators did to a payment are on its page.
const mostActions = 50

func pendingID(c echo.Context) (payments.PaymentID, error) {
	return payments.ParsePaymentID(capitals(c.Param("pendingId")))
}

func (p *Pages) paymentPage(c echo.Context) error {
	id, err := pendingID(c)
	if err != nil {
		return err
	}
	page, err := p.tell(c, id)
	if err != nil {
		return err
	}
	return p.show(c, http.StatusOK, "payment_page", page)
}

// tell gathers a payment's story.
func (p *Pages) tell(c echo.Context, id payments.PaymentID) (PaymentPage, error) {
	ctx := c.Request().Context()
	view, err := p.view(c, id)
	if err != nil {
		return PaymentPage{}, err
	}
	_, stuck := view.Stuck(p.clock.Now())
	page := PaymentPage{PaymentLine: PaymentLine{view, stuck}}
	if page.Events, err = p.read.AuditTrail(ctx, id); err != nil {
		return page, err
	}
	slices.Reverse(page.Events)
	if page.Broken, err = p.read.VerifyPayment(ctx, id); err != nil {
		return page, err
	}
	known, err := p.directory(ctx)
	if err != nil {
		return page, err
	}
	deliveries, err := p.read.Deliveries(ctx, id)
	if err != nil {
		return page, err
	}
	for _, d := range slices.Backward(deliveries) {
		page.Webhooks = append(page.Webhooks, known.line(d))
	}
	if page.Actions, err = p.read.Actions(ctx, operator.Filter{Subject: string(id)}, mostActions); err != nil {
		return page, err
	}
	runs, err := p.reconciliations(ctx)
	if err != nil {
		return page, err
	}
	if last := lastEnded(runs, func(r ReconciliationRun) payments.Task { return r.Task }); last != nil {
		page.FoundBy = last.Task
		for _, f := range last.Findings {
			if f.PaymentID == id {
				page.Found = append(page.Found, f)
			}
		}
	}
	return page, nil
}

// view finds a payment.
func (p *Pages) view(c echo.Context, id payments.PaymentID) (payments.Payment, error) {
	view, err := p.read.PaymentView(c.Request().Context(), id)
	if errors.Is(err, payments.ErrUnknown) {
		return view, payments.Errorf(payments.CodeNotFound, "there is no payment with this id")
	}
	return view, err
}

// about finds the payment that something is to be done to, and keeps that it is. Of what is meant for none, nothing is kept.
func (p *Pages) about(c echo.Context, kind operator.Kind) (payments.PaymentID, error) {
	id, err := pendingID(c)
	if err != nil {
		return "", err
	}
	if _, err := p.view(c, id); err != nil {
		return "", err
	}
	return id, p.keep(c, kind, string(id), "")
}

func (p *Pages) cancelPayment(c echo.Context) error {
	id, err := p.about(c, operator.CancelPayment)
	if err != nil {
		return err
	}
	if _, err := p.rules.Cancel(c.Request().Context(), payments.ByOperator, id); err != nil {
		return err
	}
	return done(c, Flash{Code: flashCanceled}, "/payments/"+string(id))
}

func (p *Pages) lookAtPayment(c echo.Context) error {
	id, err := p.about(c, operator.LookAtPayment)
	if err != nil {
		return err
	}
	if err := p.rules.Look(c.Request().Context(), id); err != nil {
		return err
	}
	return done(c, Flash{Code: flashLooked}, "/payments/"+string(id))
}

// comparePayment asks the wallets while the operator waits. It changes nothing, so that its page may be loaded again.
func (p *Pages) comparePayment(c echo.Context) error {
	id, err := p.about(c, operator.ComparePayment)
	if err != nil {
		return err
	}
	found, err := p.rules.Compare(c.Request().Context(), id)
	if err != nil {
		return err
	}
	page, err := p.tell(c, id)
	if err != nil {
		return err
	}
	page.Compared, page.Now = true, found
	return p.show(c, http.StatusOK, "payment_page", page)
}
