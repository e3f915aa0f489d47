package console

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"

	"tianguis.example/payments/outbox"
	"tianguis.example/payments/webhook"
)

// Filter is the form above the log, as it was sent, so that a mistake comes back with it.
type Filter struct {
	State, Type, Endpoint, Offer, Payment, Since, Until string
	Before                                              string            // the last webhook of the page before
	Wrong                                               map[string]string // by field, a sentence
}

// maxText is more than any offer has.
const maxText = 300

// readFilter reads the form, and what it picks; nothing may be picked with it when something is Wrong.
func readFilter(query url.Values, now time.Time) (Filter, outbox.Filter) {
	f := Filter{Wrong: map[string]string{}}
	for name, field := range f.fields() {
		*field = strings.TrimSpace(query.Get(name))
		if unfit(*field) {
			f.Wrong[name], *field = "This cannot be what you mean: it has characters that nothing here has, or too many.", ""
		}
	}
	picks := outbox.Filter{OfferID: f.Offer, State: outbox.State(f.State), EventType: f.Type}
	if f.State != "" && !slices.Contains(outbox.States, picks.State) {
		f.Wrong["state"] = "There is no such state: choose pending, delivered or dead."
	}
	if f.Type != "" && !slices.Contains(webhook.Types, webhook.Type(f.Type)) {
		f.Wrong["type"] = "There is no such event: choose one of the list."
	}
	picks.PendingID = f.readID("payment", f.Payment, "A payment's id has 26 characters, such as 01KAR0000000000000000000AA.")
	picks.Before = f.readID("before", f.Before, "The list cannot go on from there: begin with the newest.")
	picks.EndpointID = f.Endpoint
	if f.Endpoint != outbox.Configured {
		picks.EndpointID = f.readID("endpoint", f.Endpoint, "There is no such endpoint: choose one of the list.")
	}
	picks.Since = f.readTime("since", f.Since, now)
	picks.Until = f.readTime("until", f.Until, now)
	if !picks.Until.IsZero() && !picks.Until.After(picks.Since) {
		f.Wrong["until"] = "Nothing can be there: this is not later than the beginning."
	}
	return f, picks
}

// fixed is the filter with times that do not move: "2h" would pick others by the time a button is pressed.
func (f Filter) fixed(picks outbox.Filter) Filter {
	f.Before = ""
	if !picks.Since.IsZero() {
		f.Since = picks.Since.UTC().Format(time.RFC3339Nano)
	}
	if !picks.Until.IsZero() {
		f.Until = picks.Until.UTC().Format(time.RFC3339Nano)
	}
	return f
}

func (f *Filter) fields() map[string]*string {
	return map[string]*string{
		"state": &f.State, "type": &f.Type, "endpoint": &f.Endpoint, "offerId": &f.Offer, "payment": &f.Payment, "since": &f.Since, "until": &f.Until,
		"before": &f.Before,
	}
}

func (f *Filter) readID(field, text, wrong string) string {
	if text == "" {
		return ""
	}
	id, err := ulid.ParseStrict(text)
	if err != nil {
		f.Wrong[field] = wrong
		return ""
	}
	return id.String() // in capitals
}

func (f *Filter) readTime(field, text string, now time.Time) time.Time {
	at, err := outbox.ParseTime(text, now)
	if known, ok := errors.AsType[*outbox.Error](err); ok {
		f.Wrong[field] = sentence(known.Message)
	}
	return at
}

func unfit(text string) bool {
	return len(text) > maxText || !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl)
}

// Narrow reports whether the form has more in it than the state, which has links of its own.
func (f Filter) Narrow() bool {
	f.State, f.Before = "", ""
	return f.query() != ""
}

// Any reports whether it leaves anything out.
func (f Filter) Any() bool { return f.State != "" || f.Narrow() }

// In is the address of what the same filter picks in another state; "" for all.
func (f Filter) In(state string) string {
	f.State, f.Before = state, ""
	return f.address()
}

// Newest is the address of its first page.
func (f Filter) Newest() string { return f.In(f.State) }

func (f Filter) older(last string) string {
	f.Before = last
	return f.address()
}

func (f Filter) address() string { return Root + "/webhooks" + f.query() }

func (f Filter) query() string {
	values := url.Values{}
	for name, field := range f.fields() {
		if *field != "" {
			values.Set(name, *field)
		}
	}
	if len(values) == 0 {
		return ""
	}
	return "?" + values.Encode()
}
