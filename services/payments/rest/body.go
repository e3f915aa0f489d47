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

const codeUnsupported payments.Code = "unsupported_media_type"

// readJSON reads a request body into a struct of package api. Fields that it does not know are left alone, since callers
// may send more than we need.
func readJSON(c echo.Context, into any) error {
	// A form of another site cannot send this type without asking first (CORS), and we never say yes.
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return payments.Errorf(codeUnsupported, "send the body as Content-Type: application/json")
	}
	decoder := json.NewDecoder(c.Request().Body)
	err = decoder.Decode(into)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return payments.Errorf(payments.CodeInvalidRequest, "the body has something after its JSON object")
	}
	if tooLarge, ok := errors.AsType[*echo.HTTPError](err); ok {
		return tooLarge
	}
	if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if mistyped.Field == "amount" {
			return payments.Errorf(payments.CodeInvalidAmount, `amount must be text in major units, such as "100.00"`)
		}
		what := "a " + mistyped.Type.String()
		return payments.Errorf(payments.CodeInvalidRequest, "%s must be %s, not a %s", nameOr(mistyped.Field, "the body"), strings.Replace(what, "a api.", "an object like ", 1), mistyped.Value)
	}
	return &payments.Error{Code: payments.CodeInvalidRequest, Message: "the body is not valid JSON", Err: fmt.Errorf("decode the body: %w", err)}
}

func nameOr(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}
