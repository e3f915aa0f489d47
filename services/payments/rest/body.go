package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
)

// bodyError is the error of a body that could not be read to its end: too large, or broken off.
func bodyError(err error) error {
	if tooLarge, ok := errors.AsType[*echo.HTTPError](err); ok {
		return tooLarge
	}
	return &payments.Error{Code: payments.CodeInvalidRequest, Message: "the body broke off", Err: err}
}

const codeUnsupported payments.Code = "unsupported_media_type"

// readJSON reads a request body into a struct of package api. Fields that it does not know are left alone, since callers
// may send more than we need.
func readJSON(c echo.Context, into any) error { return readBody(c, into, false) }

// readStrictJSON refuses a field that it does not know: what an operator mistypes must not be taken for what was left out.
func readStrictJSON(c echo.Context, into any) error { return readBody(c, into, true) }

func readBody(c echo.Context, into any, strict bool) error {
	// A form of another site cannot send this type without asking first (CORS), and we never say yes.
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return payments.Errorf(codeUnsupported, "send the body as Content-Type: application/json")
	}
	decoder := json.NewDecoder(c.Request().Body)
	if strict {
		decoder.DisallowUnknownFields()
	}
	err = decoder.Decode(into)
	whole := err == nil
	if whole {
		_, err = decoder.Token()
	}
	_, isTooLarge := errors.AsType[*echo.HTTPError](err)
	switch {
	case isTooLarge: // perhaps not before the end of the object
		return bodyError(err)
	case whole && errors.Is(err, io.EOF):
		return nil
	case whole:
		return payments.Errorf(payments.CodeInvalidRequest, "the body has something after its JSON object")
	}
	if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if mistyped.Field == "amount" {
			return payments.Errorf(payments.CodeInvalidAmount, `amount must be text in major units, such as "100.00"`)
		}
		if mistyped.Field == "" {
			return payments.Errorf(payments.CodeInvalidRequest, "the body must be a JSON object")
		}
		return payments.Errorf(payments.CodeInvalidRequest, "%s must be a %s, not a %s", mistyped.Field, mistyped.Type, mistyped.Value)
	}
	if field, unknown := strings.CutPrefix(err.Error(), "json: unknown field "); unknown { // it has no type
		return payments.Errorf(payments.CodeInvalidRequest, "there is no field %.60s here", field)
	}
	return &payments.Error{Code: payments.CodeInvalidRequest, Message: "the body is not valid JSON", Err: fmt.Errorf("decode the body: %w", err)}
}
