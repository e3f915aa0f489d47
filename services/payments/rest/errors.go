package rest

import (
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/outbox"
)

// statusOf is the only place where a code meets a status, with webhookStatusOf.
var statusOf = map[payments.Code]int{
	payments.CodeNotFound:       http.StatusNotFound,
	payments.CodeUnknownSeller:  http.StatusNotFound,
	payments.CodeInvalidRequest: http.StatusBadRequest,
	payments.CodeInvalidAmount:  http.StatusBadRequest,
	payments.CodeInvalidWallet:  http.StatusBadRequest,
	payments.CodeInvalidKey:     http.StatusBadRequest,
	payments.CodeNoIdentity:     http.StatusServiceUnavailable,
	payments.CodeInProgress:     http.StatusConflict,
	payments.CodeAlreadyPaid:    http.StatusConflict,
	payments.CodeWrongState:     http.StatusConflict,
	payments.CodeNotApproved:    http.StatusConflict,
	payments.CodeQuoteTooDear:   http.StatusConflict,
	payments.CodeHashInvalid:    http.StatusForbidden,
	payments.CodeWalletDown:     http.StatusBadGateway,
	payments.CodeWalletRefused:  http.StatusBadGateway,
	payments.CodeWalletTimeout:  http.StatusGatewayTimeout,
	payments.CodeBusy:           http.StatusServiceUnavailable,
	codeUnauthorized:            http.StatusUnauthorized,
	codeScope:                   http.StatusForbidden,
	codeTooMany:                 http.StatusTooManyRequests,
	codeUnsupported:             http.StatusUnsupportedMediaType,
	codeKeyReused:               http.StatusConflict,
	codeKeyBusy:                 http.StatusConflict,
}

// webhookStatusOf is the same for what an operator of webhooks can get wrong.
var webhookStatusOf = map[outbox.Code]int{
	outbox.CodeUnknownEndpoint:    http.StatusNotFound,
	outbox.CodeUnknownDelivery:    http.StatusNotFound,
	outbox.CodeInvalidEndpoint:    http.StatusBadRequest,
	outbox.CodeInvalidRequest:     http.StatusBadRequest,
	outbox.CodeConfiguredEndpoint: http.StatusConflict,
	outbox.CodeTooManyEndpoints:   http.StatusConflict,
	outbox.CodeEndpointDisabled:   http.StatusConflict,
}

// own are the errors of HTTP itself, which echo raises.
var own = map[int]api.Failure{
	http.StatusNotFound:              {Code: "no_such_route", Error: "there is nothing at this address"},
	http.StatusMethodNotAllowed:      {Code: "method_not_allowed", Error: "this address does not take this method"},
	http.StatusTooManyRequests:       {Code: string(codeTooMany), Error: "there were too many requests from this address: send fewer, after a while"},
	http.StatusRequestEntityTooLarge: {Code: "too_large", Error: "the request body is too large"},
	http.StatusBadRequest:            {Code: string(payments.CodeInvalidRequest), Error: "the request could not be read"},
}

// suspicious are the codes of refusals that an operator may want to know of.
var suspicious = []string{
	string(codeUnauthorized), string(codeScope), string(codeTooMany), string(codeUnsupported), string(payments.CodeHashInvalid), string(payments.CodeNotApproved), string(payments.CodeInvalidKey), "too_large",
}

// ErrorHandler writes every error body of the service. What it does not know is "internal", and its text stays in the log.
func ErrorHandler(log *slog.Logger) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if c.Response().Committed {
			return
		}
		ctx := c.Request().Context()
		status, body := describe(c, err)
		body.RequestID = logging.RequestID(ctx)
		if slices.Contains(suspicious, body.Code) {
			httpserver.Suspect(c, body.Code)
		}
		if status == http.StatusInternalServerError {
			log.ErrorContext(ctx, "internal error", "error", err)
		}
		if err := c.JSON(status, body); err != nil {
			log.DebugContext(ctx, "write the error", "error", err)
		}
	}
}

func describe(c echo.Context, err error) (int, api.Failure) {
	if known, ok := errors.AsType[*payments.Error](err); ok {
		if status, ok := statusOf[known.Code]; ok {
			if known.RetryAfter > 0 {
				c.Response().Header().Set("Retry-After", strconv.FormatInt(int64((known.RetryAfter+time.Second-1)/time.Second), 10))
			}
			return status, api.Failure{Error: known.Message, Code: string(known.Code)}
		}
	}
	if known, ok := errors.AsType[*outbox.Error](err); ok {
		if status, ok := webhookStatusOf[known.Code]; ok {
			return status, api.Failure{Error: known.Message, Code: string(known.Code)}
		}
	}
	if raised, ok := errors.AsType[*echo.HTTPError](err); ok {
		if body, ok := own[raised.Code]; ok {
			return raised.Code, body
		}
	}
	return http.StatusInternalServerError, api.Failure{
		Error: "something went wrong on our side: try again, and if it stays, ask the operator with this requestId", Code: "internal",
	}
}
