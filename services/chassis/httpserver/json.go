package httpserver

import (
	"encoding/json"

	"github.com/labstack/echo/v4"
)

// plainJSON leaves &, < and > in strings as they are, so that an address in an answer can be copied from a terminal. The
// escapes (\u0026) are for JSON inside of HTML, and what we answer is application/json.
type plainJSON struct{ echo.DefaultJSONSerializer }

// Serialize writes v as JSON and a newline.
func (plainJSON) Serialize(c echo.Context, v any, indent string) error {
	encoder := json.NewEncoder(c.Response())
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	return encoder.Encode(v)
}
