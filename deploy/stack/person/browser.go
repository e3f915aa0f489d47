package person

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
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

// File is a file that somebody attaches to a form.
type File struct {
	Name    string // with its ending
	Content string
}

// Click presses the button that selector finds on the page: its form is sent as it stands, with
// fill over its fields and the button's own name and value. The selector must find exactly one.
func (p *Page) Click(ctx context.Context, selector string, fill url.Values) (*Page, error) {
	return p.ClickUntil(ctx, selector, fill, "")
}

// ClickUntil is Click by a browser that does not follow a redirect to an address that begins with
// stop; the page's Next is that address, for the caller to look at, change and Open.
func (p *Page) ClickUntil(ctx context.Context, selector string, fill url.Values, stop string) (*Page, error) {
	request, err := p.press(ctx, selector, fill, nil)
	if err != nil {
		return nil, err
	}
	return p.browser.send(request, stop)
}

// Attach is Click with files in the form's file field.
func (p *Page) Attach(ctx context.Context, selector string, fill url.Values, files ...File) (*Page, error) {
	request, err := p.press(ctx, selector, fill, files)
	if err != nil {
		return nil, err
	}
	return p.browser.send(request, "")
}

// press is the request that a button makes.
func (p *Page) press(ctx context.Context, selector string, fill url.Values, files []File) (*http.Request, error) {
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
	sent := fields(form)
	if name, ok := button.Attr("name"); ok {
		sent.set(name, button.AttrOr("value", ""))
	}
	for name, filled := range fill {
		sent.set(name, filled...)
	}
	multi := strings.EqualFold(form.AttrOr("enctype", ""), "multipart/form-data")
	if len(files) > 0 && (!multi || form.Find("input[type=file]").Length() != 1) {
		return nil, fmt.Errorf("the form of %q on %s takes no files", selector, p.URL.Path)
	}
	if strings.EqualFold(form.AttrOr("method", "get"), "get") {
		target.RawQuery = sent.values().Encode()
		return http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	}
	contentType, body := "application/x-www-form-urlencoded", sent.values().Encode()
	if multi {
		if contentType, body, err = sent.multipart(form.Find("input[type=file]").AttrOr("name", ""), files); err != nil {
			return nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	// What browsers send with a form, and what protection against forged requests may look at.
	request.Header.Set("Origin", p.URL.Scheme+"://"+p.URL.Host)
	request.Header.Set("Referer", p.URL.String())
	return request, nil
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// field is one that a form sends.
type field struct{ name, value string }

// sending is what a form sends, in the order of its fields.
type sending []field

// set gives a field these values, in its place.
func (s *sending) set(name string, values ...string) {
	at := slices.IndexFunc(*s, func(f field) bool { return f.name == name })
	if at < 0 {
		at = len(*s)
	}
	*s = slices.DeleteFunc(*s, func(f field) bool { return f.name == name })
	for i, value := range values {
		*s = slices.Insert(*s, min(at+i, len(*s)), field{name, value})
	}
}

func (s sending) values() url.Values {
	values := url.Values{}
	for _, f := range s {
		values.Add(f.name, f.value)
	}
	return values
}

// multipart is the form as browsers send one with files, which come after the fields here.
func (s sending) multipart(fileField string, files []File) (contentType, body string, err error) {
	var b strings.Builder
	w := multipart.NewWriter(&b)
	for _, f := range s {
		if err := w.WriteField(f.name, f.value); err != nil {
			return "", "", err
		}
	}
	if fileField != "" && len(files) == 0 {
		files = []File{{}} // so do browsers say that none was chosen
	}
	for _, f := range files {
		part, err := w.CreateFormFile(fileField, f.Name)
		if err == nil {
			_, err = io.WriteString(part, f.Content)
		}
		if err != nil {
			return "", "", err
		}
	}
	err = w.Close() // which writes the form's end
	return w.FormDataContentType(), b.String(), err
}

// fields are what a form sends when nothing is filled in: every named field but buttons and files.
func fields(form *goquery.Selection) sending {
	var all sending
	form.Find("input[name], textarea[name], select[name]").Each(func(_ int, input *goquery.Selection) {
		name := input.AttrOr("name", "")
		switch {
		case input.Is("input[type=submit], input[type=button], input[type=file], [disabled]"):
		case input.Is("input[type=checkbox]:not([checked]), input[type=radio]:not([checked])"):
		case input.Is("select"):
			chosen := input.Find("option[selected]")
			if chosen.Length() == 0 {
				chosen = input.Find("option").First()
			}
			all = append(all, field{name, chosen.AttrOr("value", chosen.Text())})
		case input.Is("textarea"):
			all = append(all, field{name, input.Text()})
		default:
			all = append(all, field{name, input.AttrOr("value", "")})
		}
	})
	return all
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
