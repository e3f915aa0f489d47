package web

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/chassis/httpserver"
	"tianguis.example/marketplace"
)

// SubmitRoute takes work with its files. Its body is larger than any other's and is never in memory whole, so it is limited here, and by no
// limit of the server's.
const SubmitRoute = "/jobs/:job_id/submit"

// What a form with files may be.
const (
	formSize = 256 << 10 // bytes, beside the files
	mostSent = 4         // times as much as can be handed in is read, and thrown away: a browser looks for the answer when it has sent all
	mostTime = 30 * time.Minute
	maxParts = 32
	maxToken = 128 // bytes
)

const partsKey = "parts"

// checkParts is checkForm for a form with files. Its token has to be its first part, and nothing is read of what comes after it before it has
// proved that the form is ours: to look for it as checkForm does would take all files into memory or onto the disk.
func (p *Pages) checkParts(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		mediaType, _, _ := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
		if mediaType != echo.MIMEMultipartForm { // a form without files
			if err := httpserver.Stream(c, formSize, httpserver.Idle); err != nil {
				return err
			}
			return p.checkForm(next)(c)
		}
		if err := httpserver.Stream(c, mostSent*p.market.FileLimits().Total+formSize, mostTime); err != nil {
			return err
		}
		parts, err := c.Request().MultipartReader()
		if err != nil {
			return echo.ErrBadRequest.WithInternal(err)
		}
		err = errForm
		if first, wrong := parts.NextPart(); wrong == nil && first.FormName() == tokenField {
			token, _ := io.ReadAll(io.LimitReader(first, maxToken)) // half a token is none
			if ours(c, string(token)) {
				c.Set(partsKey, parts)
				err = next(c)
			}
		}
		if err != nil {
			readOn(c)
		}
		return err
	}
}

// readOn throws away what is left of the body of somebody who is signed in, so that they get to read the answer: to hang up on a browser while it
// sends shows them an error of its own.
func readOn(c echo.Context) {
	if visitorOf(c).SignedIn() {
		_, _ = io.Copy(io.Discard, c.Request().Body)
	}
}

func (p *Pages) submit(c echo.Context) error {
	id, err := marketplace.ParseJobID(c.Param("job_id"))
	if err != nil {
		return err
	}
	text, err := p.handIn(c, id)
	if err != nil {
		readOn(c)
		return p.actRefused(c, marketplace.Submit, text, err)
	}
	p.flash(c, string(marketplace.Submit))
	return c.Redirect(http.StatusSeeOther, "/jobs/"+id.String())
}

// handIn takes the form's parts as they come, and hands the work in. It returns what was written also when it was refused.
func (p *Pages) handIn(c echo.Context, id marketplace.JobID) (text string, err error) {
	ctx := c.Request().Context()
	work, err := p.market.HandIn(ctx, id, visitorOf(c).User.ID)
	if err != nil {
		return "", err
	}
	defer work.End(context.WithoutCancel(ctx)) // whoever goes away in the middle leaves nothing behind either
	parts, ok := c.Get(partsKey).(*multipart.Reader)
	if !ok {
		text = c.FormValue("text")
		return text, work.Submit(ctx, text)
	}
	for range maxParts {
		part, err := parts.NextPart()
		if err == io.EOF { // the form's end is io.EOF itself; what wraps it is a body that broke off
			return text, work.Submit(ctx, text)
		}
		if err != nil {
			return text, p.unread(err)
		}
		switch {
		case part.FormName() == "text":
			written, err := io.ReadAll(io.LimitReader(part, formSize)) // more is too long anyway
			if err != nil {
				return text, p.unread(err)
			}
			text = string(written)
		case part.FormName() == marketplace.FieldFiles && part.FileName() != "": // without a name it is a field in which none was chosen
			if err := work.Add(ctx, part.FileName(), part); err != nil {
				return text, p.unread(err)
			}
		}
	}
	return text, echo.ErrBadRequest
}

// unread is the error of a form that could not be read to its end, which is nobody's fault here.
func (p *Pages) unread(err error) error {
	if marketplace.CodeOf(err) != "" {
		return err
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return echo.ErrStatusRequestEntityTooLarge.WithInternal(err)
	}
	return echo.ErrBadRequest.WithInternal(err)
}
