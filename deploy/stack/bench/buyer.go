package bench

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"tianguis.example/chassis/clock"
)

// A buyer sends what a browser sends that pays a job, and reads no more of the pages than where to go next: parsing them would take the
// services' time.

// errPage is the error of an answer that is not the expected one.
var errPage = errors.New("not the answer that was expected")

// maxPage bounds what is read of a page.
const maxPage = 1 << 20

// page is an answer.
type page struct {
	status   int
	location string
	cookies  []*http.Cookie
	body     []byte
}

// ask sends a request with a cookie, and with a form if there is one.
func (w *world) ask(ctx context.Context, method, address, cookie string, form url.Values) (page, error) {
	var body io.Reader = http.NoBody
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return page{}, err
	}
	if cookie != "" {
		request.Header.Set("Cookie", cookie)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := w.http.Do(request)
	if err != nil {
		return page{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxPage))
	if err != nil {
		return page{}, err
	}
	return page{status: answer.StatusCode, location: answer.Header.Get("Location"), cookies: answer.Cookies(), body: text}, nil
}

// expect is ask, for an answer with that status. A service that is busy says so: errBusy.
func (w *world) expect(ctx context.Context, status int, method, address, cookie string, form url.Values) (page, error) {
	p, err := w.ask(ctx, method, address, cookie, form)
	switch {
	case err != nil:
		return p, err
	case p.status == status:
		return p, nil
	case p.status == http.StatusTooManyRequests, p.status == http.StatusServiceUnavailable:
		return p, errBusy
	}
	path, _, _ := strings.Cut(address, "?")
	return p, fmt.Errorf("%s %s: %d instead of %d: %w: %.300s", method, path, p.status, status, errPage, strings.Join(strings.Fields(string(p.body)), " "))
}

// pay pays a job, and returns when it was seen to be complete.
func (w *world) pay(ctx context.Context, s session, job int64) (time.Time, error) {
	redirect, err := w.start(ctx, s, job)
	if err != nil {
		return time.Time{}, err
	}
	back, err := w.consent(ctx, redirect)
	if err != nil {
		return time.Time{}, err
	}
	// A busy service is asked again, as whoever reloads the page does: the money has been approved.
	for {
		_, err := w.expect(ctx, http.StatusSeeOther, http.MethodGet, back, s.cookie, nil)
		if err == nil {
			return w.complete(ctx, s, job)
		}
		if !errors.Is(err, errBusy) || clock.Sleep(ctx, clock.System(), busyPause) != nil {
			return time.Time{}, err
		}
	}
}

func (w *world) jobAddress(job int64) string {
	return w.Marketplace.Address + "/jobs/" + strconv.FormatInt(job, 10)
}

var toWallet = regexp.MustCompile(`id="to-wallet" href="([^"]+)"`)

// start approves the payment at the marketplace, and returns where the wallet asks for consent.
func (w *world) start(ctx context.Context, s session, job int64) (string, error) {
	sent, err := w.expect(ctx, http.StatusSeeOther, http.MethodPost, w.jobAddress(job)+"/pay", s.cookie, url.Values{"csrf": {s.csrf}, "wallet_address": {w.wallet}})
	if err != nil {
		return "", err
	}
	shown, err := w.expect(ctx, http.StatusOK, http.MethodGet, w.Marketplace.Address+sent.location, s.cookie, nil)
	if err != nil {
		return "", err
	}
	found := toWallet.FindSubmatch(shown.body)
	if found == nil {
		return "", fmt.Errorf("%s leads to no wallet: %w", sent.location, errPage)
	}
	return html.UnescapeString(string(found[1])), nil
}

// consent approves at the wallet, and returns where it sends the browser.
func (w *world) consent(ctx context.Context, redirect string) (string, error) {
	u, err := url.Parse(redirect)
	if err != nil {
		return "", err
	}
	opened, err := w.expect(ctx, http.StatusFound, http.MethodGet, redirect, "", nil)
	if err != nil {
		return "", err
	}
	cookie := ""
	for _, c := range opened.cookies {
		cookie += c.Name + "=" + c.Value + "; "
	}
	interaction, found := strings.CutPrefix(u.Path, "/interact/")
	if !found {
		return "", fmt.Errorf("the wallet's address is %s: %w", u.Path, errPage)
	}
	if _, err := w.expect(ctx, http.StatusAccepted, http.MethodPost, w.Sandbox.Address+"/control/interactions/"+interaction+"/accept", "", nil); err != nil {
		return "", err
	}
	finished, err := w.expect(ctx, http.StatusFound, http.MethodGet, w.Sandbox.Address+u.Path+"/finish", cookie, nil)
	return finished.location, err
}

// lookEvery is how often a job is looked at that is not complete yet.
const lookEvery = 2 * time.Millisecond

// complete waits until a job is complete, and returns when it was seen to be.
func (w *world) complete(ctx context.Context, s session, job int64) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	pause := lookEvery
	for {
		p, err := w.expect(ctx, http.StatusOK, http.MethodGet, w.jobAddress(job)+"/status", s.cookie, nil)
		if err != nil && !errors.Is(err, errBusy) {
			return time.Time{}, err
		}
		if err == nil && strings.Contains(string(p.body), `"job_status":"complete"`) {
			return now(), nil
		}
		if err := clock.Sleep(ctx, clock.System(), pause); err != nil {
			return time.Time{}, fmt.Errorf("job %d does not get complete: %w: %s", job, err, p.body)
		}
		pause = min(2*pause, 50*time.Millisecond)
	}
}

// payNext pays the next job that waits.
func (w *world) payNext(ctx context.Context, _ int) error {
	job, err := w.take()
	if err != nil {
		return err
	}
	_, err = w.pay(ctx, w.sessionOf(job), job)
	if errors.Is(err, errBusy) {
		w.putBack(job)
	}
	return err
}

func (w *world) putBack(job int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.jobs = append(w.jobs, job)
}
