package web

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"tianguis.example/marketplace"
	"tianguis.example/marketplace/language"
)

// operatorLines is how many lines a page of an operators' list has.
const operatorLines = 30

// Listing is what the operators' lists share: what was asked for, and where it goes on.
type Listing struct {
	form
	Older string // the address of the next page; "" on the last one

	path     string
	fields   []string
	language *language.Language
}

// fieldBefore is where a page begins.
const fieldBefore = "before"

// listing reads what an address asks a list for. What cannot be meant is wrong.
func (p *Pages) listing(c echo.Context, path string, fields ...string) *Listing {
	l := &Listing{form: form{values: map[string]string{}, wrong: map[string]string{}}, path: path, fields: fields, language: p.languageOf(c)}
	for _, field := range append(fields, fieldBefore) {
		text := strings.TrimSpace(c.QueryParam(field))
		if len(text) > maxQuestion || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			l.refuse(field, l.language.T("This cannot be what you mean: it has characters that nothing here has, or too many."))
			continue
		}
		l.values[field] = text
	}
	return l
}

func (l *Listing) refuse(field, words string) {
	if l.first == "" {
		l.first = field
	}
	l.wrong[field] = words
}

// Fits reports whether the list can be read.
func (l *Listing) Fits() bool { return len(l.wrong) == 0 }

// Narrow reports whether anything in particular was asked for.
func (l *Listing) Narrow() bool {
	return slices.ContainsFunc(l.fields, func(field string) bool { return l.Value(field) != "" })
}

// Path is the list's own address, which asks for everything.
func (l *Listing) Path() string { return l.path }

// CSV is the address of the same list as a file.
func (l *Listing) CSV() string { return l.path + ".csv" + l.query("") }

func (l *Listing) older(last string) { l.Older = l.path + l.query(last) }

func (l *Listing) query(before string) string {
	query := url.Values{}
	for _, field := range l.fields {
		if l.Value(field) != "" {
			query.Set(field, l.Value(field))
		}
	}
	if before != "" {
		query.Set(fieldBefore, before)
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

// number is the number in a field; 0 for an empty one.
func (l *Listing) number(field string) int64 {
	text := l.Value(field)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		l.refuse(field, l.language.T("This is to be a number, such as %s.", "7"))
		return 0
	}
	return n
}

// choice is what was chosen in a field; "" for anything.
func choice[T ~string](l *Listing, field string, all []T) T {
	chosen := T(l.Value(field))
	if chosen != "" && !slices.Contains(all, chosen) {
		l.refuse(field, l.language.T("There is no such choice: take one of the list."))
		return ""
	}
	return chosen
}

// shown are the lines of a page, when one more was read to see whether there are more.
func shown[T any](l *Listing, found []T, id func(T) string) []T {
	if len(found) > operatorLines {
		found = found[:operatorLines]
		l.older(id(found[operatorLines-1]))
	}
	return found
}

// csvAtATime is how many lines of a file are read in one query.
const csvAtATime = 500

// download sends a list as a file (RFC 4180), as it is read: next gives some more of its rows, and none at its end. That an operator takes it along is kept
// before the first byte is sent.
func (p *Pages) download(c echo.Context, l *Listing, list marketplace.Subject, header []string, next func() ([][]string, error)) error {
	if err := p.market.Exported(c.Request().Context(), visitorOf(c).User, list, strings.TrimPrefix(l.query(""), "?")); err != nil {
		return err
	}
	rows, err := next()
	if err != nil {
		return err
	}
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="tianguis-`+string(list)+`.csv"`)
	c.Response().WriteHeader(http.StatusOK)
	w := csv.NewWriter(c.Response())
	w.UseCRLF = true
	_ = w.Write(header) // errors are kept until the end
	for ; err == nil && len(rows) > 0; rows, err = next() {
		_ = w.WriteAll(rows)
		c.Response().Flush()
		if err = w.Error(); err != nil {
			break
		}
	}
	w.Flush()
	if err != nil {
		p.log.WarnContext(c.Request().Context(), "a list was not sent to its end", "list", string(list), "error", err)
		panic(http.ErrAbortHandler) // the connection breaks: a file that ends too early must not look whole
	}
	return nil
}
