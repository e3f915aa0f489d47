// Package page is the look of the sandbox's pages: one layout, one small style sheet,
// and the headers that a page of a wallet wants. The doors bring the content.
package page

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/sandbox"
)

//go:embed layout.html style.css
var files embed.FS

var functions = template.FuncMap{
	"money": Money,
	"host":  Host,
	"style": func() (template.CSS, error) {
		css, err := files.ReadFile("style.css")
		return template.CSS(css), err //nolint:gosec // G203: our own file
	},
}

// Money is an amount as people read it: "1,234.50 MXN".
func Money(a sandbox.Amount) string {
	whole, fraction, point := strings.Cut(a.Decimal(), ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for n := len(whole) - 3; n > 0; n -= 3 {
		whole = whole[:n] + "," + whole[n:]
	}
	if point {
		whole += "." + fraction
	}
	return sign + whole + "\u00a0" + a.Code
}

// Host is the host of a URL, with its port.
func Host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}

// Must parses templates that define "title" and "content" for the layout.
func Must(from embed.FS, name string) *template.Template {
	page := template.FuncMap{"page": func() string { return strings.TrimSuffix(path.Base(name), ".html") }}
	layout := template.Must(template.New("layout.html").Funcs(functions).Funcs(page).ParseFS(files, "layout.html"))
	return template.Must(layout.ParseFS(from, name))
}

// Render answers with a page. It is rendered whole before the first byte goes out.
func Render(c echo.Context, status int, t *template.Template, data any) error {
	var body bytes.Buffer
	if err := t.ExecuteTemplate(&body, "layout.html", data); err != nil {
		return fmt.Errorf("render a page: %w", err)
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	// No form-action: browsers apply it to the redirect that takes the buyer back to the client.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	if status == 0 {
		status = http.StatusOK
	}
	return c.HTMLBlob(status, body.Bytes())
}
