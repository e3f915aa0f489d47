package web

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// OperatorPaymentsPage is templates/operator_payments.html: every attempt to pay, as the marketplace knows it.
type OperatorPaymentsPage struct {
	*Listing
	Lines []marketplace.PaymentLine

	now time.Time
}

// Title is the page's.
func (OperatorPaymentsPage) Title() string { return "Payments" }

// anyOpen is the choice of all states whose end is not known.
const anyOpen = "open"

// States are those to choose from.
func (OperatorPaymentsPage) States() []marketplace.AttemptState { return marketplace.AttemptStates }

// OpenFor is for how long an attempt has been open, in units that need no translation; "" once its end is known.
func (p OperatorPaymentsPage) OpenFor(l marketplace.PaymentLine) string {
	open := l.OpenFor(p.now)
	switch {
	case open <= 0:
		return ""
	case open < time.Hour:
		return fmt.Sprintf("%d min", int(open.Minutes()))
	case open < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", int(open.Hours()), int(open.Minutes())%60)
	default:
		return fmt.Sprintf("%d d %d h", int(open.Hours())/24, int(open.Hours())%24)
	}
}

func (p *Pages) askPayments(c echo.Context) (OperatorPaymentsPage, marketplace.PaymentsFilter) {
	l := p.listing(c, "/operator/payments", "q", "state", "person", "job")
	f := marketplace.PaymentsFilter{
		Person: marketplace.UserID(l.number("person")), Job: marketplace.JobID(l.number("job")), PendingID: strings.ToUpper(l.Value("q")), Before: l.Value(fieldBefore),
	}
	if f.Open = l.Value("state") == anyOpen; !f.Open {
		f.State = choice(l, "state", marketplace.AttemptStates)
	}
	if f.PendingID != "" && !marketplace.IsPendingID(f.PendingID) {
		l.refuse("q", l.language.T("A payment's id has 26 characters, such as %s.", "01KAR0000000000000000000AA"))
	}
	return OperatorPaymentsPage{Listing: l, now: p.clock.Now()}, f
}

func (p *Pages) operatorPayments(c echo.Context) error {
	page, picks := p.askPayments(c)
	if !page.Fits() {
		return p.render(c, http.StatusBadRequest, "operator_payments", page)
	}
	found, err := p.reader.PaymentsForOperator(c.Request().Context(), picks, operatorLines+1)
	if err != nil {
		return err
	}
	page.Lines = shown(page.Listing, found, func(l marketplace.PaymentLine) string { return l.ID })
	return p.render(c, http.StatusOK, "operator_payments", page)
}

var paymentsHeader = []string{
	"payment", "job", "title", "state", "reason", "funder", "worker", "debit", "debit_currency", "received", "received_currency", "overpaid", "started", "updated", "paid",
	"outgoing_payment",
}

func (p *Pages) operatorPaymentsCSV(c echo.Context) error {
	page, picks := p.askPayments(c)
	if !page.Fits() {
		return p.render(c, http.StatusBadRequest, "operator_payments", page)
	}
	return p.download(c, page.Listing, marketplace.AboutPayments, paymentsHeader, func() (rows [][]string, err error) {
		found, err := p.reader.PaymentsForOperator(c.Request().Context(), picks, csvAtATime)
		for _, l := range found {
			picks.Before = l.ID
			rows = append(rows, []string{
				l.PendingID, l.JobID.String(), cell(l.Job.Title), string(l.State), cell(l.Reason), cell(l.Job.FunderName), cell(l.Job.WorkerName),
				decimal(l.Debit), l.Debit.AssetCode(), decimal(l.Received), l.Received.AssetCode(), decimal(l.Overpaid),
				csvTime(l.CreatedAt), csvTime(l.UpdatedAt), csvTime(l.PaidAt), cell(l.OutgoingPaymentID),
			})
		}
		return rows, err
	})
}

// decimal is an amount in major units; "" for one that is not known.
func decimal(a interface {
	IsSet() bool
	Decimal() string
},
) string {
	if !a.IsSet() {
		return ""
	}
	return a.Decimal()
}
