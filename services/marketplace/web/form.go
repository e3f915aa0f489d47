package web

import (
	"errors"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
)

// form is what stands in a form, and what is wrong with it. Its zero value is an empty form.
type form struct {
	values map[string]string
	wrong  map[string]string // beside the fields
	first  string            // the first field that is wrong
	Error  string            // above the form
}

// filled is a form with what was sent in these fields. Passwords are none of them: they are not sent back.
func filled(c echo.Context, fields ...string) form {
	f := form{values: map[string]string{}}
	for _, name := range fields {
		f.values[name] = c.FormValue(name)
	}
	return f
}

// Value is what stands in a field.
func (f form) Value(name string) string { return f.values[name] }

// Wrong is what is wrong with a field; "" for nothing.
func (f form) Wrong(name string) string { return f.wrong[name] }

// Focus reports whether a field is the first that is wrong: whoever sent the form goes on there.
func (f form) Focus(name string) bool { return name == f.first }

// refused takes down what is wrong with a form, in the visitor's language, and returns the status to answer with; 0 for an error that is not
// about the form.
func (p *Pages) refused(c echo.Context, f *form, err error) int {
	known, ok := errors.AsType[*marketplace.Error](err)
	if !ok {
		return 0
	}
	f.wrong = map[string]string{}
	for _, field := range known.Fields {
		if f.first == "" {
			f.first = field.Field
		}
		f.wrong[field.Field] = p.words(c, field.Error)
	}
	if len(known.Fields) == 0 {
		f.Error = p.words(c, known)
	}
	return statusOf[known.Code]
}

// tieForm makes sure that the browser has the cookie which a form is tied to while nobody is signed in.
func (p *Pages) tieForm(c echo.Context) {
	v := visitorOf(c)
	if v.FormToken != "" {
		return
	}
	secret := marketplace.NewToken()
	p.setCookie(c, formCookie, secret, 0)
	v.FormToken = formToken(secret)
	c.Set(visitorKey, v)
}
