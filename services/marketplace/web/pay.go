package web

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/httpserver"
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
	id, err := marketplace.ParseJobID(c.Param("job_id"))
	if err != nil {
		return err
	}
	v, wallet := visitorOf(c), c.FormValue("wallet_address")
	refused := p.approve(c, marketplace.Approval{JobID: id, UserID: v.User.ID, SessionID: v.SessionID, BuyerWalletAddressURL: wallet})
	code := marketplace.CodeOf(refused)
	switch code {
	case "":
		if refused != nil {
			return refused
		}
		return c.Redirect(http.StatusSeeOther, "/jobs/"+id.String()+"/pay/consent")
	case marketplace.CodeInvalidWallet, marketplace.CodePaymentsDown, marketplace.CodeBusy, marketplace.CodePaymentsRefused, marketplace.CodeWorkerUnpayable: // said on the page
	default:
		return p.notPayable(c, refused)
	}
	page, err := p.payPage(c)
	if err != nil {
		return p.notPayable(c, err)
	}
	if known, ok := errors.AsType[*marketplace.Error](refused); ok && known.RetryAfter > 0 {
		httpserver.RetryAfter(c, known.RetryAfter)
	}
	page.WalletAddress = wallet
	if code == marketplace.CodeInvalidWallet {
		page.WalletError = p.words(c, refused)
	} else {
		page.Error = p.words(c, refused)
	}
	return p.render(c, statusOf[code], "pay", page)
}

// busyRetry is when a payer may try again who was sent away here.
const busyRetry = 3 * time.Second

// approve starts the payment, when not too many are being started. A start may wait for the payments service for a while, and each that waits holds
// a connection to it: beyond a bound people are told so at once, and whoever comes back from a wallet finds a way through.
func (p *Pages) approve(c echo.Context, a marketplace.Approval) error {
	leave, err := p.starts.Enter(c.Request().Context())
	if err != nil {
		return marketplace.Busy(busyRetry, err)
	}
	defer leave()
	return p.market.Approve(c.Request().Context(), a)
}
