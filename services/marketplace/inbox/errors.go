package inbox

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/marketplace"
)

// statusOf is the only place where a code meets the status of an answer to a machine. An
// event that cannot be applied now but may be later (409, 5xx) is delivered again by its sender.
var statusOf = map[marketplace.Code]int{
	marketplace.CodeNotFound:        http.StatusNotFound,
	marketplace.CodeForbidden:       http.StatusForbidden,
	marketplace.CodeWrongState:      http.StatusConflict,
	marketplace.CodeInvalidInput:    http.StatusBadRequest,
	marketplace.CodeInvalidWallet:   http.StatusBadRequest,
	marketplace.CodeWorkerUnpayable: http.StatusConflict,
	marketplace.CodeAlreadyPaid:     http.StatusConflict,
	marketplace.CodePaymentInFlight: http.StatusConflict,
	marketplace.CodeForeignPayment:  http.StatusConflict,
	marketplace.CodeReused:          http.StatusConflict,
	marketplace.CodePaymentsDown:    http.StatusServiceUnavailable,
	marketplace.CodeBusy:            http.StatusServiceUnavailable,
	marketplace.CodePaymentsRefused: http.StatusBadGateway,
	marketplace.CodeSignInFailed:    http.StatusUnauthorized,
	marketplace.CodeTooManyTries:    http.StatusTooManyRequests,
	marketplace.CodeTaken:           http.StatusConflict,
	marketplace.CodeChanged:         http.StatusConflict,
	marketplace.CodeFilesDown:       http.StatusServiceUnavailable,
	marketplace.CodeNoConsent:       http.StatusConflict,
	marketplace.CodeLinkExpired:     http.StatusGone,
	marketplace.CodeDisabled:        http.StatusForbidden,
	marketplace.CodeMailOff:         http.StatusConflict,
}

// suspicious are refusals that an operator may want to know of.
var suspicious = map[int]string{http.StatusUnauthorized: "unauthorized", http.StatusConflict: "conflict", http.StatusRequestEntityTooLarge: "too_large"}

// errNoJob has the documented words.
var errNoJob = echo.NewHTTPError(http.StatusNotFound, "Job not found")

// Error answers a machine's request whose handler returned an error, in the documented form. The
// text of an unknown error never leaves.
func Error(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status, words := http.StatusInternalServerError, "Something went wrong on our side; try again later."
	if known, ok := errors.AsType[*marketplace.Error](err); ok {
		status, words = statusOf[known.Code], known.Sentence()
	} else if echos, ok := errors.AsType[*echo.HTTPError](err); ok {
		status = echos.Code
		if text, ok := echos.Message.(string); ok {
			words = text
		}
	}
	if status == http.StatusMethodNotAllowed {
		c.Response().Header().Set("Allow", http.MethodPost)
	}
	if what, ok := suspicious[status]; ok {
		httpserver.Suspect(c, what)
	}
	_ = c.JSON(status, struct {
		Success bool   `json:"success"`
		Error   string `json:"error"`
	}{false, words})
}

// sentence makes one of an error's text.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// shorten keeps a stranger's header from filling the log.
func shorten(text string) string {
	const most = 64
	if len(text) > most {
		return text[:most] + "…"
	}
	return text
}
