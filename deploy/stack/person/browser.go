package person

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"github.com/PuerkitoBio/goquery"
)

// Browser holds the cookies of one person on one device.
type Browser struct{ client *http.Client }

// NewBrowser is a browser without any cookie.
func NewBrowser() *Browser {
	jar, _ := cookiejar.New(nil) // returns no error, as it documents
	return &Browser{client: &http.Client{Jar: jar, Timeout: time.Minute}}
}

// Cookies are those that the browser sends to an address.
func (b *Browser) Cookies(address *url.URL) []*http.Cookie { return b.client.Jar.Cookies(address) }

// Page is what the browser shows after it has followed redirects.
type Page struct {
	URL      *url.URL
	Status   int
	Document *goquery.Document

	// Next is where the page redirects to when the browser was told not to go there. The page
	// itself is then empty.
	Next *url.URL

	browser *Browser
}

// Open goes to an address.
func (b *Browser) Open(ctx context.Context, address string) (*Page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	return b.send(request, "")
}

// Follow goes where the link leads that selector finds on the page. It must find exactly one.
func (p *Page) Follow(ctx context.Context, selector string) (*Page, error) {
	link := p.Document.Find(selector)
	if link.Length() != 1 {
		return nil, fmt.Errorf("%d of %q instead of one link on %s, which says: %s", link.Length(), selector, p.URL.Path, p.Text("main, body"))
	}
	target, err := p.URL.Parse(link.AttrOr("href", ""))
	if err != nil {
		return nil, fmt.Errorf("the link of %q: %w", selector, err)
	}
	return p.browser.Open(ctx, target.String())
}

// Click presses the button that selector finds on the page: its form is sent as it stands, with
// fill over its fields and the button's own name and value. The selector must find exactly one.
func (p *Page) Click(ctx context.Context, selector string, fill url.Values) (*Page, error) {
	return p.ClickUntil(ctx, selector, fill, "")
}

// ClickUntil is Click by a browser that does not follow a redirect to an address that begins with
// stop; the page's Next is that address, for the caller to look at, change and Open.
func (p *Page) ClickUntil(ctx context.Context, selector string, fill url.Values, stop string) (*Page, error) {
	button := p.Document.Find(selector)
	if button.Length() != 1 {
		return nil, fmt.Errorf("%d of %q instead of one button on %s, which says: %s", button.Length(), selector, p.URL.Path, p.Text("main, body"))
	}
	form := button.Closest("form")
	if id, ok := button.Attr("form"); ok {
		form = p.Document.Find("form#" + id)
	}
	if form.Length() != 1 {
		return nil, fmt.Errorf("%q on %s is in no form", selector, p.URL.Path)
	}
	target, err := p.URL.Parse(firstOf(button.AttrOr("formaction", ""), form.AttrOr("action", "")))
	if err != nil {
		return nil, fmt.Errorf("the form of %q: %w", selector, err)
	}
	values := fields(form)
	if name, ok := button.Attr("name"); ok {
		values.Set(name, button.AttrOr("value", ""))
	}
	for name, filled := range fill {
		values[name] = filled
	}
	if strings.EqualFold(form.AttrOr("method", "get"), "get") {
		target.RawQuery = values.Encode()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
		if err != nil {
			return nil, err
		}
		return p.browser.send(request, stop)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(values.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// What browsers send with a form, and what protection against forged requests may look at.
	request.Header.Set("Origin", p.URL.Scheme+"://"+p.URL.Host)
	request.Header.Set("Referer", p.URL.String())
	return p.browser.send(request, stop)
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// fields are what a form sends when nothing is filled in: every named field but buttons.
func fields(form *goquery.Selection) url.Values {
	values := url.Values{}
	form.Find("input[name], textarea[name], select[name]").Each(func(_ int, field *goquery.Selection) {
		name := field.AttrOr("name", "")
		switch {
		case field.Is("input[type=submit], input[type=button], [disabled]"):
		case field.Is("input[type=checkbox]:not([checked]), input[type=radio]:not([checked])"):
		case field.Is("select"):
			chosen := field.Find("option[selected]")
			if chosen.Length() == 0 {
				chosen = field.Find("option").First()
			}
			values.Add(name, chosen.AttrOr("value", chosen.Text()))
		case field.Is("textarea"):
			values.Add(name, field.Text())
		default:
			values.Add(name, field.AttrOr("value", ""))
		}
	})
	return values
}

// Text is the text that selector finds, with its white space made single; the first match only.
func (p *Page) Text(selector string) string {
	if p.Document == nil {
		return ""
	}
	return strings.Join(strings.Fields(p.Document.Find(selector).First().Text()), " ")
}

// errStopped ends the following of redirects.
var errStopped = errors.New("told not to go there")

const maxPage = 4 << 20 // bytes

func (b *Browser) send(request *http.Request, stop string) (*Page, error) {
	client := *b.client
	var next *url.URL
	client.CheckRedirect = func(to *http.Request, via []*http.Request) error {
		if stop != "" && strings.HasPrefix(to.URL.String(), stop) {
			next = to.URL
			return errStopped
		}
		if len(via) >= 10 {
			return errors.New("ten redirects, one after the other")
		}
		return nil
	}
	answer, err := client.Do(request)
	if answer != nil {
		defer func() { _ = answer.Body.Close() }()
	}
	if errors.Is(err, errStopped) {
		return &Page{URL: answer.Request.URL, Status: answer.StatusCode, Next: next, browser: b}, nil
	}
	if err != nil {
		return nil, err
	}
	document, err := goquery.NewDocumentFromReader(io.LimitReader(answer.Body, maxPage))
	if err != nil {
		return nil, fmt.Errorf("read the page %s: %w", answer.Request.URL.Path, err)
	}
	return &Page{URL: answer.Request.URL, Status: answer.StatusCode, Document: document, browser: b}, nil
}
