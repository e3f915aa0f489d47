package web

import (
	"html/template"
	"net/url"
	"strings"
	"time"

	"tianguis.example/marketplace"
	"tianguis.example/marketplace/language"
)

// functions are what templates in a language may call. What people read goes through t, the sentence in English being its key.
func (p *Pages) functions(l *language.Language) template.FuncMap {
	return template.FuncMap{
		"t":         l.T,
		"sentence":  func(s marketplace.Sentence) string { return l.T(s.Format, s.Args...) },
		"known":     l.Known,
		"amount":    l.Amount,
		"date":      l.Date,
		"when":      l.DateTime,
		"size":      l.Size,
		"language":  func() *language.Language { return l },
		"languages": p.catalogue.Languages,

		"minPassword": func() int { return marketplace.MinPassword },
		"roles":       func() []marketplace.Role { return marketplace.Roles },

		"console": func() string { return p.console },
		"asset":   p.assetURL,
		"iso":     func(t time.Time) string { return t.Format(time.RFC3339) },
		"webLink": webLink,
		"lines":   func(text string) []string { return strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") },
	}
}

// webLink is the address if it is one that a person may safely follow, and "" otherwise.
func webLink(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return address
}
