package console

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

const styleSheet = "console.css"

// asset is a file that pages link to.
type asset struct {
	content []byte
	version string // of the content: a new one has a new address
}

func loadAsset(name string) (asset, error) {
	content, err := embedded.ReadFile(name)
	sum := sha256.Sum256(content)
	return asset{content, hex.EncodeToString(sum[:6])}, err
}

// styleURL is the address of the style sheet's present content.
func (p *Pages) styleURL() string { return Root + "/static/" + styleSheet + "?v=" + p.style.version }

// static serves the style sheet. It may be kept for long under the address that names its version.
func (p *Pages) static(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Cache-Control", "no-cache")
	if c.QueryParam("v") == p.style.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("ETag", `"`+p.style.version+`"`)
	http.ServeContent(c.Response(), c.Request(), styleSheet, time.Time{}, bytes.NewReader(p.style.content))
	return nil
}
