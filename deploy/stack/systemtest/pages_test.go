package systemtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// What every page must keep to.
const (
	maxWeight = 100_000 // bytes over the wire, with all that the page loads: it is to be quick on a slow phone
	maxShift  = 0.02    // of the screen may move while the page loads, as the browser measures it; 0.1 is what the web calls good
)

// page looks at the page that is there, takes its pictures, and fails the test when it does not keep to what every page must, except
// for some of the rules of axe-core.
func (b *browser) page(name string, except ...string) {
	b.t.Helper()
	require.Empty(b.t, b.faults(except...), "%s-%s, at %s", b.title, name, b.at())
	b.in.seen.page(read(b, chromedp.Evaluate[string](`document.querySelector("[data-page]")?.dataset.page ?? ""`)), read(b, chromedp.Evaluate[[]string](`document.scripts.length === 0 ? [] : [...document.forms].filter(f => f.method === "post").map(f => new URL(f.action).pathname)`)))
	if !b.withoutScripts { // they look the same
		b.picture(name)
	}
}

// pageByNight is page for one whose dark colours are also looked at.
func (b *browser) pageByNight(name string) {
	b.t.Helper()
	b.page(name)
	if b.withoutScripts || b.width != desk { // once is enough
		return
	}
	b.scheme("dark")
	require.Empty(b.t, b.barriers(), "%s-%s in dark colours, at %s", b.title, name, b.at())
	b.pictureAt(fmt.Sprintf("%s-%d-dark", name, b.width), b.width)
	b.scheme("light")
}

// letter is page for a mail: it is shown in a sandbox, in which not even what looks at it could run.
func (b *browser) letter(name string) {
	b.t.Helper()
	b.do(call(page.SetBypassCSP, page.SetBypassCSPParams{Enabled: true}), chromedp.Reload())
	b.page(name, "landmark-one-main", "region") // which it has inside of a mail program
	b.do(call(page.SetBypassCSP, page.SetBypassCSPParams{Enabled: false}), chromedp.Reload())
}

// faults are what is wrong with the page that is there.
func (b *browser) faults(except ...string) (faults []string) {
	b.t.Helper()
	eventually(b.t, "the page is loaded", func() bool { return read(b, chromedp.Evaluate[string](`document.readyState`)) == "complete" })
	weight := b.traffic.weight()
	b.in.seen.weighed(weight)
	if weight > maxWeight {
		faults = append(faults, fmt.Sprintf("weighs %d bytes", weight))
	}
	if b.withoutScripts {
		return append(faults, b.sideways()...) // nothing that waits for the page's clock comes back
	}
	// The browser hands over what it has seen so far soon after it is asked.
	if shift := read(b, chromedp.Evaluate[float64](`new Promise(done => {
		let shift = 0;
		new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) shift += e.value; }).observe({ type: "layout-shift", buffered: true });
		setTimeout(() => done(shift), 30);
	})`, chromedp.EvalAwaitPromise)); shift > maxShift {
		faults = append(faults, fmt.Sprintf("moves while it loads: %.3f", shift))
	}
	faults = append(faults, b.sideways()...)
	return append(faults, b.barriers(except...)...)
}

// sideways are the widths in which something on the page must be scrolled sideways.
func (b *browser) sideways() (faults []string) {
	b.t.Helper()
	for _, width := range []int64{narrow, pocket} {
		b.do(chromedp.EmulateViewport(width, tallness))
		if read(b, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`)) {
			faults = append(faults, fmt.Sprintf("must be scrolled sideways at %d px", width))
		}
	}
	b.do(chromedp.EmulateViewport(b.width, tallness))
	return faults
}

// barriers are what axe-core finds that keeps people out, of whatever gravity.
func (b *browser) barriers(except ...string) []string {
	b.t.Helper()
	if b.withoutScripts {
		return nil
	}
	b.do(func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) { // by way of DevTools, to which the page's policy does not apply
		return chromedp.Evaluate[chromedp.Void](b.in.seen.axe+"; undefined")(ctx, tab)
	})
	rules := map[string]map[string]bool{"target-size": {"enabled": true}}
	for _, rule := range except {
		rules[rule] = map[string]bool{"enabled": false}
	}
	options, err := json.Marshal(map[string]any{"resultTypes": []string{"violations"}, "rules": rules})
	require.NoError(b.t, err)
	return read(b, chromedp.Evaluate[[]string](`axe.run(document, `+string(options)+`).then(found =>
		found.violations.flatMap(v => v.nodes.map(n => v.impact + " " + v.id + ": " + n.target.join(" ") + ": " + n.failureSummary)))`, chromedp.EvalAwaitPromise))
}

// badPage has everything wrong with it that is looked for: what finds no fault in it would find none anywhere.
func (c *chromium) badPage(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		_, _ = fmt.Fprintf(w, `<!doctype html><title>Bad</title><div id="late"></div><p style="color:#ccc;width:500px">Pale, wide</p><img src="/none" width="9" height="9">
			<script>onload = () => requestAnimationFrame(() => setTimeout(() => { document.getElementById("late").style.height = "500px" }))</script><!--%s-->`, strings.Repeat("-", maxWeight))
	}))
	t.Cleanup(server.Close)
	b := c.person(t, "bad", desk, false)
	b.do(open(server.URL))
	var found string
	eventually(t, "it moves after it was shown", func() bool {
		found = strings.Join(b.faults(), "\n")
		return strings.Contains(found, "moves while it loads")
	})
	for _, fault := range []string{"weighs", "sideways at 320 px", "sideways at 375 px", "critical image-alt", "serious color-contrast", "serious html-has-lang"} {
		require.Contains(t, found, fault)
	}
}

// traffic is what a tab loads.
type traffic struct {
	posted func(path string) // is told of each form that is sent

	mu    sync.Mutex
	bytes float64 // since the page was begun
}

func (n *traffic) listen(event any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		if event.Type == network.ResourceTypeDocument && string(event.LoaderID) == string(event.RequestID) {
			n.bytes = 0
			if to, err := url.Parse(event.Request.URL); err == nil && event.Request.Method == http.MethodPost {
				n.posted(to.Path)
			}
		}
	case *network.EventLoadingFinished:
		n.bytes += event.EncodedDataLength
	}
}

func (n *traffic) weight() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return int(n.bytes)
}

// sights is what all browsers together have looked at.
type sights struct {
	axe string // the source of axe-core

	mu       sync.Mutex
	pages    map[string]bool // the names of their templates, after their service's
	forms    map[string]bool // the routes of those that were on pages with a script
	heaviest int             // bytes
	plain    map[string]bool // those of them that were sent without scripts
}

func newSights(t *testing.T) *sights {
	t.Helper()
	folder := filepath.Join(root, "deploy", "stack", "systemtest", "axe")
	execute(t, folder, nil, need(t, "npm"), "ci", "--prefer-offline", "--no-progress")
	source, err := os.ReadFile(filepath.Join(folder, "node_modules", "axe-core", "axe.min.js"))
	require.NoError(t, err)
	return &sights{axe: string(source), pages: map[string]bool{}, forms: map[string]bool{}, plain: map[string]bool{}}
}

// page keeps that a page was looked at, and which forms it has.
func (s *sights) page(name string, forms []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[name] = true
	for _, path := range forms {
		s.forms[routeOf(path)] = true
	}
}

// weighed keeps the weight of the heaviest page that is not too heavy.
func (s *sights) weighed(bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bytes <= maxWeight {
		s.heaviest = max(s.heaviest, bytes)
	}
}

// sentPlainly keeps that a form was sent in a browser without scripts.
func (s *sights) sentPlainly(path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plain[routeOf(path)] = true
}

// everything fails the test when there is a page that nobody has looked at, or a form that nobody has sent without JavaScript.
func (s *sights) everything(t *testing.T) {
	t.Helper()
	for _, folder := range []string{"marketplace/web/templates", "payments/console/templates", "sandbox/authserver/templates", "sandbox/cmd/sandbox/templates"} {
		service, _, _ := strings.Cut(folder, "/")
		for _, name := range pageTemplates(t, folder) {
			require.Contains(t, s.pages, service+"/"+name, "the page %s/%s.html: let somebody of TestBrowser come to it, and look at its pictures", folder, name)
		}
	}
	t.Logf("the heaviest page weighs %d bytes", s.heaviest)
	for route := range s.forms {
		require.Contains(t, s.plain, route, "the form that is sent to %s: let somebody without JavaScript send it", route)
	}
}

var number = regexp.MustCompile(`/\d+(/|$)`)

// routeOf is a path with a star for each number in it.
func routeOf(path string) string { return number.ReplaceAllString(path, "/*$1") }

// pageTemplates are the names of all pages that a folder of templates has: the sort that fills in the layout's content.
func pageTemplates(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "services", filepath.FromSlash(folder), "*.html"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(content), `{{define "content"}}`) {
			names = append(names, strings.TrimSuffix(filepath.Base(file), ".html"))
		}
	}
	return names
}
