package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// PayPage is templates/pay.html.
type PayPage struct {
	Job           marketplace.Job
	WorkerName    string
	WorkerWallet  string
	WalletAddress string // what stands in the field
	WalletError   string // beside the field
	Error         string // above the form
}

// Title is the page's.
func (PayPage) Title() string { return "Approve and pay" }

func (p *Pages) payForm(c echo.Context) error {
	v := visitorOf(c)
	page, err := p.payPage(c)
	if err != nil {
		return p.notPayable(c, err)
	}
	page.WalletAddress = v.User.WalletAddressURL
	return p.render(c, http.StatusOK, "pay", page)
}

func (p *Pages) payPage(c echo.Context) (PayPage, error) {
	id, err := marketplace.ParseJobID(c.Param("job_id"))
	if err != nil {
		return PayPage{}, err
	}
	job, worker, err := p.market.Payable(c.Request().Context(), id, visitorOf(c).User.ID)
	if err != nil {
		return PayPage{}, err
	}
	return PayPage{Job: job, WorkerName: worker.Name, WorkerWallet: worker.WalletAddressURL}, nil
}

// notPayable sends whoever can see the job back to it, where it says how things stand.
func (p *Pages) notPayable(c echo.Context, err error) error {
	switch code := marketplace.CodeOf(err); code {
	case marketplace.CodeAlreadyPaid, marketplace.CodeWrongState, marketplace.CodePaymentInFlight, marketplace.CodeWorkerUnpayable, marketplace.CodeNoConsent:
		p.flash(c, string(code))
		return c.Redirect(http.StatusSeeOther, "/jobs/"+c.Param("job_id"))
	default:
		return err
	}
}

func (p *Pages) pay(c echo.Context) error {
	page, err := p.payPage(c)
	if err != nil {
		return p.notPayable(c, err)
	}
	v := visitorOf(c)
	page.WalletAddress = c.FormValue("wallet_address")
	err = p.market.Approve(c.Request().Context(), marketplace.Approval{
		JobID: page.Job.ID, UserID: v.User.ID, SessionID: v.SessionID, BuyerWalletAddressURL: page.WalletAddress,
	})
	switch code := marketplace.CodeOf(err); code {
	case "":
		if err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/jobs/"+page.Job.ID.String()+"/pay/consent")
	case marketplace.CodeInvalidWallet:
		page.WalletError = p.words(c, err)
		return p.render(c, statusOf[code], "pay", page)
	case marketplace.CodePaymentsDown, marketplace.CodePaymentsRefused, marketplace.CodeWorkerUnpayable:
		page.Error = p.words(c, err)
		return p.render(c, statusOf[code], "pay", page)
	default:
		return p.notPayable(c, err)
	}
}
