package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/marketplace"
)

// statusOf is the only place where a code meets a page's status.
var statusOf = map[marketplace.Code]int{
	marketplace.CodeNotFound:        http.StatusNotFound,
	marketplace.CodeForbidden:       http.StatusForbidden,
	marketplace.CodeWrongState:      http.StatusConflict,
	marketplace.CodeInvalidInput:    http.StatusUnprocessableEntity,
	marketplace.CodeInvalidWallet:   http.StatusUnprocessableEntity,
	marketplace.CodeWorkerUnpayable: http.StatusConflict,
	marketplace.CodeAlreadyPaid:     http.StatusConflict,
	marketplace.CodePaymentInFlight: http.StatusConflict,
	marketplace.CodeNoConsent:       http.StatusConflict,
	marketplace.CodeForeignPayment:  http.StatusConflict,
	marketplace.CodeReused:          http.StatusConflict,
	marketplace.CodePaymentsDown:    http.StatusServiceUnavailable,
	marketplace.CodeBusy:            http.StatusServiceUnavailable,
	marketplace.CodePaymentsRefused: http.StatusBadGateway,
	marketplace.CodeSignInFailed:    http.StatusUnauthorized,
	marketplace.CodeTooManyTries:    http.StatusTooManyRequests,
	marketplace.CodeTaken:           http.StatusConflict,
	marketplace.CodeLinkExpired:     http.StatusGone,
	marketplace.CodeMailOff:         http.StatusConflict,
	marketplace.CodeDisabled:        http.StatusForbidden,
	marketplace.CodeChanged:         http.StatusConflict,
	marketplace.CodeFilesDown:       http.StatusServiceUnavailable,
}

// suspicious are refusals that an operator may want to know of, by the page's status.
var suspicious = map[int]string{
	http.StatusUnauthorized: "sign_in_failed", http.StatusForbidden: "forbidden", http.StatusTooManyRequests: "too_many_tries",
	http.StatusRequestEntityTooLarge: "too_large",
}

// words is the sentence of an error of ours, in the visitor's language.
func (p *Pages) words(c echo.Context, err error) string {
	if known, ok := errors.AsType[*marketplace.Error](err); ok {
		return p.languageOf(c).T(known.Message, known.Args...)
	}
	return ""
}

// ErrorPage is templates/error.html.
type ErrorPage struct {
	Status    int
	Message   string
	RequestID string // to be named to whoever is asked for help; only for what is our fault
}

// Title is the page's.
func (e ErrorPage) Title() string {
	switch e.Status {
	case http.StatusNotFound:
		return "Not found"
	case http.StatusForbidden:
		return "Not allowed"
	default:
		return "This did not work"
	}
}

// Error answers a request whose handler returned an error. The text of an unknown one never leaves.
func (p *Pages) Error(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	page := ErrorPage{Status: http.StatusInternalServerError, Message: p.languageOf(c).T("Something went wrong on our side. Please try again in a moment.")}
	if known, ok := errors.AsType[*marketplace.Error](err); ok {
		page.Status, page.Message = statusOf[known.Code], p.words(c, known)
	} else if echos, ok := errors.AsType[*echo.HTTPError](err); ok {
		page.Status, page.Message = echos.Code, p.languageOf(c).T(echosWords(echos))
	}
	if page.Status >= http.StatusInternalServerError {
		page.RequestID = c.Response().Header().Get(httpserver.RequestIDHeader)
	}
	p.setSecurityHeaders(c.Response().Header())
	if v, err := p.identify(c); c.Get(visitorKey) == nil && err == nil {
		c.Set(visitorKey, v) // an address without a route has nobody identified
	}
	if c.Request().Method == http.MethodHead {
		_ = c.NoContent(page.Status)
		return
	}
	if renderErr := p.render(c, page.Status, "error", page); renderErr != nil {
		p.log.ErrorContext(c.Request().Context(), "render the error page", "error", renderErr)
		_ = c.String(page.Status, page.Message)
	}
}

// echosWords are for what echo itself refuses.
func echosWords(err *echo.HTTPError) string {
	switch err.Code {
	case http.StatusNotFound:
		return "There is no page at this address."
	case http.StatusMethodNotAllowed:
		return "This address does not take such a request."
	case http.StatusRequestEntityTooLarge:
		return "What was sent is too large."
	case http.StatusTooManyRequests:
		return "Too many requests came from here. Wait a moment, then load this page again."
	default:
		return "The request could not be understood."
	}
}
