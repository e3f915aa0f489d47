package systemtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
)

// The widths in CSS pixels that pages are looked at in: a desk's and a pocket's, and the narrowest that they must fit.
const (
	desk     = 1280
	pocket   = 375
	narrow   = 320
	tallness = 800
)

// What a person does.

func open(address string) chromedp.Action[chromedp.Void] { return chromedp.Navigate(address) }

func see(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.WaitVisible(chromedp.CSS(selector))
}

func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}

// press is a click that leads to another page, and ends when that has come: also to one that looks like this.
func press(selector string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.RunResponse(ctx, click(selector))
		return chromedp.Void{}, err
	}
}

func fill(selector, text string) chromedp.Action[chromedp.Void] {
	over := chromedp.Evaluate[chromedp.Void](`document.activeElement.select()`)
	return chromedp.Steps(chromedp.Focus(chromedp.CSS(selector)), over, call(input.InsertText, input.InsertTextParams{Text: text}))
}

func choose(selector, value string) chromedp.Action[chromedp.Void] {
	return chromedp.SetValue(chromedp.CSS(selector), value)
}

// chromium is one Chromium process.
type chromium struct {
	ctx    context.Context // chromedp keeps the process in it
	folder string          // for pictures
	seen   *sights
}

func newChromium(t *testing.T) *chromium {
	t.Helper()
	program := need(t, "chromium", "chromium-browser", "google-chrome", "chrome")
	folder := filepath.Join(root, stack.StateFolder, "screenshots")
	require.NoError(t, os.RemoveAll(folder)) // of pages that may not be any more
	require.NoError(t, os.MkdirAll(folder, 0o700))
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless,
		chromedp.NoSandbox, // a container's root may not make sandboxes, and the pages are our own
		chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
	}
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(allocator)
	require.NoError(t, chromedp.Do(ctx, open("about:blank"))) // without a deadline, which would be the process's own
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits until the process is gone, and its folder can be removed
		closeTab()
	})
	return &chromium{ctx: ctx, folder: folder, seen: newSights(t)}
}

// browser is one tab, with cookies that it shares with no other.
type browser struct {
	t     *testing.T
	ctx   context.Context // chromedp keeps the tab in it
	in    *chromium
	title string // what the names of its pictures begin with
	width int64  // of the person's screen
	// withoutScripts is a browser in which JavaScript is switched off.
	withoutScripts bool

	traffic *traffic
}

// person opens the browser of one more person.
func (c *chromium) person(t *testing.T, title string, width int64, withoutScripts bool) *browser {
	t.Helper()
	traffic := &traffic{posted: func(string) {}}
	if withoutScripts {
		traffic.posted = c.seen.sentPlainly
	}
	ctx, closeTab := chromedp.NewContext(c.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(traffic.listen))
	t.Cleanup(closeTab)
	b := &browser{t: t, ctx: ctx, in: c, title: title, width: width, withoutScripts: withoutScripts, traffic: traffic}
	require.NoError(t, chromedp.Do(ctx, open("about:blank")))
	b.do(
		call(network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true}), // each page is as heavy as for somebody who comes for the first time
		call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: withoutScripts}),
		chromedp.EmulateViewport(width, tallness),
	)
	return b
}

// do does one thing after the other; what does not come to pass in time fails the test, with a picture.
func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for i, step := range steps {
		err := chromedp.Do(ctx, step)
		if err == nil {
			continue
		}
		b.picture("failed")
		b.t.Fatalf("step %d of %d, at %s: %v; see *%s-failed-*.png in %s", i+1, len(steps), b.at(), err, b.title, b.in.folder)
	}
}

// says requires that a page shows a text somewhere below the first that selector finds.
func (b *browser) says(selector, text string) {
	b.t.Helper()
	shown := read(b, chromedp.TextContent(chromedp.CSS(selector)))
	require.Contains(b.t, shown, text, "%s at %s", selector, b.at())
}

// at is the page's address.
func (b *browser) at() string {
	address, _ := chromedp.Run(b.ctx, chromedp.Location())
	return address
}

// has reports whether something is on the page now.
func (b *browser) has(selector string) bool {
	return read(b, chromedp.Evaluate[bool](fmt.Sprintf(`document.querySelector(%q) !== null`, selector)))
}

// reloadUntil loads the page again and again until something is on it.
func (b *browser) reloadUntil(selector string) {
	b.t.Helper()
	eventually(b.t, fmt.Sprintf("%s is on %s", selector, b.at()), func() bool {
		if b.has(selector) {
			return true
		}
		b.do(chromedp.Reload())
		return false
	})
}

// picture takes one of the whole page in each width.
func (b *browser) picture(name string) {
	b.t.Helper()
	for _, width := range []int64{desk, pocket} {
		b.pictureAt(fmt.Sprintf("%s-%d", name, width), width)
	}
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.EmulateViewport(b.width, tallness)))
}

func (b *browser) pictureAt(name string, width int64) {
	b.t.Helper()
	require.NoError(b.t, chromedp.Do(b.ctx, chromedp.EmulateViewport(width, tallness)))
	yes := true
	taken, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{CaptureBeyondViewport: &yes, OptimizeForSpeed: &yes})
	require.NoError(b.t, err)
	require.NoError(b.t, os.WriteFile(filepath.Join(b.in.folder, b.title+"-"+name+".png"), taken.Data, 0o600))
}

// scheme lets the person prefer "light" or "dark".
func (b *browser) scheme(scheme string) {
	b.t.Helper()
	b.do(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
}

// call is a command of the DevTools protocol as a step.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, tab *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, tab, command, params)
		return chromedp.Void{}, err
	}
}

// read is what an action finds out.
func read[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	found, err := chromedp.Run(ctx, action)
	require.NoError(b.t, err, "at %s", b.at())
	return found
}
