package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// asset is one file that pages link to.
type asset struct {
	content []byte
	version string // of the content: a new one has a new address
}

func loadAssets() (map[string]asset, error) {
	all := map[string]asset{}
	files, err := fs.ReadDir(embedded, "static")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		content, err := fs.ReadFile(embedded, "static/"+f.Name())
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		all[f.Name()] = asset{content, hex.EncodeToString(sum[:6])}
	}
	return all, nil
}

// assetURL is the address of an asset's present content.
func (p *Pages) assetURL(name string) string {
	return "/static/" + name + "?v=" + p.assets[name].version
}

// static serves the assets. They may be kept for long under the address that names their version.
func (p *Pages) static(c echo.Context) error {
	name := c.Param("*")
	a, ok := p.assets[name]
	if !ok {
		return echo.ErrNotFound
	}
	h := c.Response().Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	if c.QueryParam("v") == a.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Set("ETag", `"`+a.version+`"`)
	http.ServeContent(c.Response(), c.Request(), name, time.Time{}, bytes.NewReader(a.content))
	return nil
}
