package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// Flash says on the next page what was done; templates/shared.html has the words.
type Flash struct {
	Code  string
	Count int // of webhooks
}

// What can be said.
const (
	flashReplayed = "replayed" // Count webhooks are due
	flashPinged   = "pinged"
	flashEnabled  = "enabled"
	flashDisabled = "disabled"
	flashCanceled = "canceled"
	flashLooked   = "looked"
	flashAsked    = "asked"   // a task is done in the background
	flashRunning  = "running" // one of its kind was already
)

var flashes = []string{flashReplayed, flashPinged, flashEnabled, flashDisabled, flashCanceled, flashLooked, flashAsked, flashRunning}

const flashCookie = "tianguis_operator_flash"

// done sends the browser on to a page that says what was done: loaded again, it does nothing again.
func done(c echo.Context, f Flash, path string) error {
	setFlash(c, f.Code+"."+strconv.Itoa(f.Count), 60)
	return c.Redirect(http.StatusSeeOther, Root+path)
}

// takeFlash is what the page before left, once.
func takeFlash(c echo.Context) Flash {
	cookie, err := c.Cookie(flashCookie)
	if err != nil {
		return Flash{}
	}
	setFlash(c, "", -1)
	code, number, _ := strings.Cut(cookie.Value, ".")
	count, err := strconv.Atoi(number)
	if err != nil || !slices.Contains(flashes, code) {
		return Flash{}
	}
	return Flash{code, count}
}

func setFlash(c echo.Context, value string, seconds int) {
	c.SetCookie(&http.Cookie{ //nolint:gosec // G124: no secret, and it must also come back over plain http
		Name: flashCookie, Value: value, MaxAge: seconds, Path: Root, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}
