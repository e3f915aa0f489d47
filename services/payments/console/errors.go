package console

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments"
	"tianguis.example/payments/outbox"
)

// statusOf is the only place where a code meets a page's status.
var statusOf = map[outbox.Code]int{
	outbox.CodeUnknownEndpoint:    http.StatusNotFound,
	outbox.CodeUnknownDelivery:    http.StatusNotFound,
	outbox.CodeInvalidEndpoint:    http.StatusBadRequest,
	outbox.CodeConfiguredEndpoint: http.StatusConflict,
	outbox.CodeTooManyEndpoints:   http.StatusConflict,
	outbox.CodeEndpointDisabled:   http.StatusConflict,
	outbox.CodeInvalidRequest:     http.StatusBadRequest,
}

// suspicious are refusals that an operator may want to know of, by status.
var suspicious = map[int]string{http.StatusUnauthorized: "unauthorized", http.StatusForbidden: "forbidden", http.StatusTooManyRequests: "too_many_requests"}

// paymentStatusOf is the same for the codes of package payments that a page can meet.
var paymentStatusOf = map[payments.Code]int{
	payments.CodeNotFound:      http.StatusNotFound,
	payments.CodeWrongState:    http.StatusConflict,
	payments.CodeInProgress:    http.StatusConflict,
	payments.CodeAlreadyPaid:   http.StatusConflict,
	payments.CodeWalletDown:    http.StatusBadGateway,
	payments.CodeWalletTimeout: http.StatusGatewayTimeout,
	payments.CodeNoIdentity:    http.StatusConflict,
	payments.CodeInvalidKey:    http.StatusConflict,
}

// refusal is an error of the door itself.
type refusal struct {
	status  int
	message string // says what to do
}

func (r *refusal) Error() string { return r.message }

// ErrorPage is templates/error.html.
type ErrorPage struct {
	Status    int
	Message   string
	RequestID string // for whoever looks into the log
}

// Title is the page's.
func (e ErrorPage) Title() string {
	switch e.Status {
	case http.StatusNotFound:
		return "Not found"
	case http.StatusUnauthorized:
		return "The key, please"
	case http.StatusForbidden:
		return "Not allowed"
	default:
		return "This did not work"
	}
}

// withErrors answers an error with a page, where the service's own error handler would write JSON. The error goes on to the request's line in the log.
func (p *Pages) withErrors(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		if err == nil || c.Response().Committed {
			return err
		}
		page := describe(err)
		if what, ok := suspicious[page.Status]; ok {
			httpserver.Suspect(c, what)
		}
		page.RequestID = logging.RequestID(c.Request().Context())
		return errors.Join(err, p.render(c, page.Status, "error", frame{Page: page}))
	}
}

// describe finds the words for an error. The text of an unknown one never leaves.
func describe(err error) ErrorPage {
	if known, ok := errors.AsType[*outbox.Error](err); ok {
		if status, ok := statusOf[known.Code]; ok {
			return ErrorPage{Status: status, Message: sentence(known.Message)}
		}
	}
	if known, ok := errors.AsType[*payments.Error](err); ok {
		if status, ok := paymentStatusOf[known.Code]; ok {
			return ErrorPage{Status: status, Message: sentence(known.Message)}
		}
	}
	if refused, ok := errors.AsType[*refusal](err); ok {
		return ErrorPage{Status: refused.status, Message: refused.message}
	}
	if echos, ok := errors.AsType[*echo.HTTPError](err); ok && echos.Code == http.StatusNotFound {
		return ErrorPage{Status: http.StatusNotFound, Message: "There is no page at this address. Choose one above."}
	}
	return ErrorPage{Status: http.StatusInternalServerError, Message: "Something went wrong on our side. Try again; if it stays, look for the request in the service's log."}
}
