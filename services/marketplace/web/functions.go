package web

import (
	"html/template"
	"net/url"
	"strings"
	"time"
)

// functions are what templates may call.
func (p *Pages) functions() template.FuncMap {
	return template.FuncMap{
		"asset":   p.assetURL,
		"iso":     func(t time.Time) string { return t.Format(time.RFC3339) },
		"when":    func(t time.Time) string { return t.Format("2 Jan 2006, 15:04") + " UTC" },
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
