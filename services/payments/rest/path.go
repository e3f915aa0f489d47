package rest

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
)

// param is a path parameter as text that a database can be asked for. echo hands it over still escaped when the path holds an
// escape that it need not, such as %2F.
func param(c echo.Context, name string) (string, error) {
	text := c.Param(name)
	if c.Request().URL.RawPath != "" {
		unescaped, err := url.PathUnescape(text)
		if err != nil {
			return "", payments.Errorf(payments.CodeInvalidRequest, "%s is not escaped as a URL's path must be", name)
		}
		text = unescaped
	}
	if !isText(text) {
		return "", payments.Errorf(payments.CodeInvalidRequest, "%s holds characters that are no text", name)
	}
	return text, nil
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl) }

// pendingID is the payment that the path names.
func pendingID(c echo.Context) (payments.PaymentID, error) {
	text, err := param(c, "pendingId")
	if err != nil {
		return "", err
	}
	return payments.ParsePaymentID(text)
}
