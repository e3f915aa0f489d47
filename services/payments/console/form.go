package console

import (
	"errors"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/payments/outbox"
)

// Form is the form above a list, as it was sent, so that a mistake comes back with it.
type Form struct {
	page   string            // the address of the list
	values map[string]string // by field; "" for what was not sent
	now    time.Time
	Wrong  map[string]string // by field, a sentence: nothing may be picked then
}

// before is the field that names the last line of the page before; people do not fill it in.
const before = "before"

func readForm(page string, query url.Values, now time.Time, fields ...string) Form {
	f := Form{page: Root + page, values: map[string]string{before: ""}, now: now, Wrong: map[string]string{}}
	for _, name := range append(fields, before) {
		f.values[name] = strings.TrimSpace(query.Get(name))
		if unfit(f.values[name]) {
			f.values[name], f.Wrong[name] = "", "This cannot be what you mean: it has characters that nothing here has, or too many."
		}
	}
	return f
}

// choice is a field that has one of several words.
func (f Form) choice(name string, among []string, wrong string) string {
	value := f.values[name]
	if value != "" && !slices.Contains(among, value) {
		f.Wrong[name] = wrong
		return ""
	}
	return value
}

func (f Form) id(name, wrong string) string {
	if f.values[name] == "" {
		return ""
	}
	id, err := ulid.ParseStrict(f.values[name])
	if err != nil {
		f.Wrong[name] = wrong
		return ""
	}
	return id.String() // in capitals
}

func (f Form) time(name string) time.Time {
	at, err := outbox.ParseTime(f.values[name], f.now)
	if known, ok := errors.AsType[*outbox.Error](err); ok {
		f.Wrong[name] = sentence(known.Message)
	}
	return at
}

// span is the time between two fields.
func (f Form) span(from, to string) (since, until time.Time) {
	since, until = f.time(from), f.time(to)
	if !until.IsZero() && !until.After(since) {
		f.Wrong[to] = "Nothing can be there: this is not later than the beginning."
	}
	return since, until
}

// Value is what a field has.
func (f Form) Value(name string) string { return f.values[name] }

// Has reports whether a field has this value.
func (f Form) Has(name string, value any) bool { return f.values[name] == text(value) }

// Any reports whether it leaves anything out.
func (f Form) Any() bool { return f.Narrow("") }

// Narrow reports whether it has more in it than the field that has links of its own.
func (f Form) Narrow(but string) bool {
	for name, value := range f.values {
		if value != "" && name != but && name != before {
			return true
		}
	}
	return false
}

// Paged reports whether it is not the first page.
func (f Form) Paged() bool { return f.values[before] != "" }

// With is the address of what the same form picks with another value in a field, from the newest on.
func (f Form) With(name string, value any) string {
	values := maps.Clone(f.values)
	values[before] = ""
	values[name] = text(value)
	return f.page + query(values)
}

// Newest is the address of the first page.
func (f Form) Newest() string { return f.With(before, "") }

// Clear is the address of the list without a filter.
func (f Form) Clear() string { return f.page }

// Export is the address of all that the form picks, as a file.
func (f Form) Export(kind string) string {
	values := maps.Clone(f.values)
	values[before] = ""
	return f.page + "." + kind + query(values)
}

func query(values map[string]string) string {
	all := url.Values{}
	for name, value := range values {
		if value != "" {
			all.Set(name, value)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "?" + all.Encode()
}

// Field is one of a form, for templates/shared.html.
type Field struct {
	Name, Label, Value, Wrong, Hint string
	Options                         []string // of a choice
}

// Text is a field to write in. A hint is the id of what explains it.
func (f Form) Text(name, label, hint string) Field {
	return Field{Name: name, Label: label, Value: f.values[name], Wrong: f.Wrong[name], Hint: hint}
}

// Choice is a field to choose from.
func (f Form) Choice(name, label string, options []string) Field {
	return Field{Name: name, Label: label, Value: f.values[name], Wrong: f.Wrong[name], Options: options}
}

func (f Form) older(last string) string {
	values := maps.Clone(f.values)
	values[before] = last
	return f.page + query(values)
}

// words say what the form picks, for the record.
func (f Form) words() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(f.values)) {
		if f.values[name] != "" && name != before {
			all = append(all, name+" "+f.values[name])
		}
	}
	if len(all) == 0 {
		return "all"
	}
	return strings.Join(all, "; ")
}
