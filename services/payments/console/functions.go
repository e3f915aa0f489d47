package console

import (
	"fmt"
	"html/template"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// functions are what templates may call.
func (p *Pages) functions() template.FuncMap {
	return template.FuncMap{
		"style":    p.styleURL,
		"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
		"when":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
		"relative": func(t time.Time) string { return relative(t, p.clock.Now()) },
		"age":      func(t time.Time) string { return span(p.clock.Now().Sub(t)) },
		"passed":   func(t time.Time) bool { return !t.After(p.clock.Now()) },
		"took":     took,
		"visible":  visible,
		"sentence": sentence,
		"exact":    exact,
		"short":    short,
		"word":     word,
	}
}

// text is a value of a named type of text as text.
func text(value any) string { return fmt.Sprint(value) }

// exact is an amount as it is kept: in major units, and as the integer and scale that the wallets name.
func exact(a interface {
	IsSet() bool
	String() string
	Value() int64
	AssetScale() uint8
}) string {
	if !a.IsSet() {
		return ""
	}
	return fmt.Sprintf("%s (%d at scale %d)", a.String(), a.Value(), a.AssetScale())
}

// short is an id by its end, by which those of one minute differ.
func short(id string) string { return "…" + id[max(0, len(id)-8):] }

// word is one of the service's stable words as people read it.
func word(stable string) string { return strings.ReplaceAll(stable, "_", " ") }

// relative is a time as seen from now: "4 min ago", "in 3 h".
func relative(t, now time.Time) string {
	switch d := t.Sub(now); {
	case d >= time.Second:
		return "in " + span(d)
	case d > -time.Second:
		return "now"
	default:
		return span(-d) + " ago"
	}
}

// span is a length of time in its largest unit, rounded down.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "min"}} {
		if d >= unit.length {
			return fmt.Sprintf("%d %s", d/unit.length, unit.name)
		}
	}
	return fmt.Sprintf("%d s", max(d, 0)/time.Second)
}

// took is how long an attempt took.
func took(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%d.%d s", d/time.Second, d%time.Second/(100*time.Millisecond))
}

// visible spells out what a stranger's text could use to look like another: characters that turn the direction of writing around, have no width or
// control something. Escaping for HTML, which the templates do, leaves these as they are.
func visible(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if hidden(r) {
			fmt.Fprintf(&b, `\u{%x}`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func hidden(r rune) bool {
	return r == utf8.RuneError || r != '\n' && r != '\t' && !unicode.IsGraphic(r)
}

// sentence is a text that begins with a capital and ends with a full stop, as errors do not.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return ""
	}
	text = string(unicode.ToUpper(first)) + text[size:]
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}
