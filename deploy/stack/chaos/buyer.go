package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// buyer is one browser with a wallet.
type buyer struct {
	payer  *person.Payer
	wallet string        // its address
	other  *person.Payer // another browser of the same person
}

// outcome is what came of a visit.
type outcome string

const (
	paid    outcome = "paid"
	gone    outcome = "gone"    // the buyer has had enough, and does not come back
	failed  outcome = "failed"  // the payment failed, as the page says
	hiccup  outcome = "hiccup"  // a page that was an error, or none
	waiting outcome = "waiting" // how it stands is not known yet
)

// impatience is how long a buyer looks at a page that does not come.
const impatience = 40 * time.Second

// pay visits the page of a job as planned, until it is paid or the buyer has had enough.
func (r *run) pay(ctx context.Context, b *buyer, job Job, plan []visit) outcome {
	last := waiting
	for i, v := range plan {
		if i > 0 {
			if clock.Sleep(ctx, clock.System(), plan[i-1].pause) != nil {
				return last
			}
			r.counts.Add("retry." + string(last))
		}
		r.counts.Add("visit." + string(v.manner))
		r.plant(ctx, v.faults)
		last = r.visit(ctx, b, job, v)
		if last == paid || last == gone {
			return last
		}
	}
	return last
}

// visit goes to the page where a job is paid, to the wallet, and back.
func (r *run) visit(ctx context.Context, b *buyer, job Job, v visit) outcome {
	consent, came := r.ask(ctx, b, job, v.manner == clickTwice)
	if consent == nil {
		return came
	}
	decision := person.Approve
	switch v.manner {
	case leave:
		return stays(v)
	case decline:
		decision = person.Decline
	case dawdle:
		_ = clock.Sleep(ctx, clock.System(), r.Pace.Quote)
	default:
	}
	_ = clock.Sleep(ctx, clock.System(), v.think)
	back, err := b.payer.Decide(ctx, consent, decision)
	if err != nil {
		return hiccup // the wallet is in trouble, or the consent has expired
	}
	r.counts.Add("consent." + string(v.manner))
	if v.manner == leaveApproved {
		return stays(v)
	}
	r.comeBack(ctx, b, v.manner, back)
	if v.manner == decline && v.final {
		return gone
	}
	return r.look(ctx, b, job)
}

// stays is what comes of leaving in the midst of it.
func stays(v visit) outcome {
	if v.final {
		return gone
	}
	return waiting
}

// ask clicks "approve and pay". It returns the wallet's page, or how the job stands instead.
func (r *run) ask(ctx context.Context, b *buyer, job Job, twice bool) (*person.Page, outcome) {
	page, err := open(ctx, b.payer.Browser, r.stack.Marketplace.Address+"/jobs/"+strconv.FormatInt(job.ID, 10)+"/pay")
	if err != nil {
		return nil, hiccup
	}
	if page.Document.Find("form#pay").Length() == 0 {
		return nil, standing(page)
	}
	clicks := 1
	if twice {
		clicks = 2
	}
	pages := make([]*person.Page, clicks)
	var both sync.WaitGroup
	for i := range pages {
		both.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, impatience)
			defer cancel()
			landed, err := page.Click(ctx, "form#pay button", url.Values{"wallet_address": {b.wallet}})
			if err == nil && landed.Document.Find(person.ToWallet).Length() == 1 {
				landed, err = landed.Follow(ctx, person.ToWallet)
			}
			if err == nil {
				pages[i] = landed
			}
		})
	}
	both.Wait()
	came := hiccup
	for _, landed := range pages {
		if landed == nil {
			continue
		}
		if landed.Document.Find(person.Approve).Length() == 1 {
			return landed, waiting
		}
		came = standing(landed)
	}
	return nil, came
}

func open(ctx context.Context, browser *person.Browser, address string) (*person.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, impatience)
	defer cancel()
	page, err := browser.Open(ctx, address)
	if err == nil && page.Status >= http.StatusInternalServerError {
		return nil, fmt.Errorf("status %d", page.Status)
	}
	return page, err
}

// standing is how a job stands as its page says.
func standing(page *person.Page) outcome {
	switch page.Document.Find("#payment").AttrOr("data-payment", "") {
	case "paid":
		return paid
	case "failed":
		return failed
	case "":
		return hiccup // not the page of a job
	default:
		return waiting
	}
}

// comeBack follows the wallet's redirect, in the manner of the buyer. What the pages say is not looked at: the job's page tells.
func (r *run) comeBack(ctx context.Context, b *buyer, m manner, back *url.URL) {
	visit := func(browser *person.Browser) error {
		_, err := open(ctx, browser, back.String())
		return err
	}
	switch m {
	case closeTab:
		// Long enough for the request to arrive, and too short for its answer.
		short, cancel := context.WithTimeout(ctx, r.Pace.Finish/10)
		defer cancel()
		_, _ = b.payer.Browser.Open(short, back.String())
		return
	case returnTwice:
		var tabs sync.WaitGroup
		for range 2 {
			tabs.Go(func() { _ = visit(b.payer.Browser) })
		}
		tabs.Wait()
		return
	case otherBrowser:
		page, err := open(ctx, b.other.Browser, back.String())
		if err == nil && page.Status == http.StatusOK && standing(page) != hiccup {
			r.offend("another browser than the payer's was let in by the return from the wallet")
		}
	default:
	}
	// Reloads an error page, as a person does.
	for range 5 {
		err := visit(b.payer.Browser)
		if err == nil && m != reload {
			return
		}
		if err == nil {
			r.counts.Add("reload")
		} else {
			r.counts.Add("retry.return")
		}
		if clock.Sleep(ctx, clock.System(), r.Pace.Think/2) != nil {
			return
		}
	}
}

// look watches the page of a job, as its script does, until it says how the payment ended, or the buyer is tired of it.
func (r *run) look(ctx context.Context, b *buyer, job Job) outcome {
	ctx, cancel := context.WithTimeout(ctx, 2*r.Pace.Lease)
	defer cancel()
	for {
		status, err := b.payer.Status(ctx, job.ID)
		switch {
		case err != nil: // and again
		case status.Payment == "paid":
			return paid
		case status.Payment == "failed":
			return failed
		case status.Payment == "awaiting":
			return waiting // for the buyer
		}
		if clock.Sleep(ctx, clock.System(), 200*time.Millisecond) != nil {
			return waiting
		}
	}
}

// signIn signs the buyers in, one after the other: the marketplace lets one person try only so often.
func signIn(ctx context.Context, s *stack.Stack, n int) ([]*buyer, error) {
	buyers := make([]*buyer, n)
	for i := range buyers {
		payer, err := person.SignIn(ctx, s.Marketplace.Address, funder, password)
		if err != nil {
			return nil, err
		}
		buyers[i] = &buyer{payer: payer}
	}
	for i, b := range buyers {
		if b.other = buyers[(i+1)%n].payer; b.other == b.payer {
			return nil, errors.New("a run needs two buyers at least")
		}
	}
	return buyers, nil
}

// The demo's funder, whose jobs are paid.
const (
	funder   = "funder@example.com"
	password = "demo-tianguis" //nolint:gosec // G101: public on purpose
)
