package web

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/marketplace"
)

// Files are those that were handed in; package uploads has them.
type Files interface {
	// Open returns marketplace.ErrFileUnknown when there is no such file.
	Open(id string) (io.ReadSeekCloser, error)
}

// file serves a file of a submission to those who may see the work. Whatever is in it, it does nothing here: its type is the one that was found
// when it came, browsers are told to look for no other (nosniff), and what they might still run of it they run in a sandbox, apart from the
// marketplace.
func (p *Pages) file(c echo.Context) error {
	id, err := marketplace.ParseJobID(c.Param("job_id"))
	if err != nil {
		return err
	}
	fileID, err := marketplace.ParseFileID(c.Param("file_id"))
	if err != nil {
		return err
	}
	f, err := p.reader.FileFor(c.Request().Context(), id, fileID, visitorOf(c).User)
	if err != nil {
		return err
	}
	content, err := p.files.Open(f.ID)
	if err != nil {
		return &marketplace.Error{Code: marketplace.CodeFilesDown, Message: "This file cannot be read just now. Try again in a moment.", Err: fmt.Errorf("file %s: %w", f.ID, err)}
	}
	defer func() { _ = content.Close() }()
	if err := httpserver.Stream(c, 0, mostTime); err != nil {
		return err
	}
	disposition := "attachment"
	if f.Shown() {
		disposition = "inline"
	}
	h := c.Response().Header()
	h.Set("Content-Type", f.MediaType)
	h.Set("Content-Disposition", mime.FormatMediaType(disposition, map[string]string{"filename": f.Name})) // RFC 6266, with RFC 8187's filename*
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "private, no-cache") // kept, and asked about each time: whoever signs out, or may not see it any more, does not get it
	h.Set("ETag", `"`+f.SHA256+`"`)
	http.ServeContent(c.Response(), c.Request(), "", time.Time{}, content)
	return nil
}
