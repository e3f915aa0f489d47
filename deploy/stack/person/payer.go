package person

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"tianguis.example/chassis/clock"
)

// Payer is somebody with an account at the marketplace, in one browser.
type Payer struct {
	Browser     *Browser
	marketplace string // its address
}

// SignIn goes to the marketplace in a new browser and signs in.
func SignIn(ctx context.Context, marketplace, email, password string) (*Payer, error) {
	p := &Payer{Browser: NewBrowser(), marketplace: marketplace}
	page, err := p.Browser.Open(ctx, marketplace+"/login")
	if err != nil {
		return nil, fmt.Errorf("open the sign-in page: %w", err)
	}
	page, err = page.Click(ctx, "form#login button", url.Values{"email": {email}, "password": {password}})
	if err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	if page.Status != http.StatusOK || page.URL.Path == "/login" {
		return nil, fmt.Errorf("sign in as %s: refused (%d): %s", email, page.Status, page.Text("[role=alert]"))
	}
	return p, nil
}

// Job opens the page of a job.
func (p *Payer) Job(ctx context.Context, id int64) (*Page, error) {
	return p.Browser.Open(ctx, p.jobAddress(id))
}

func (p *Payer) jobAddress(id int64) string {
	return p.marketplace + "/jobs/" + strconv.FormatInt(id, 10)
}

// AskToPay approves the payment of a job at the marketplace, from the wallet that stands in the
// form unless wallet names another, and returns the page on which it ends: the wallet's, where to consent.
func (p *Payer) AskToPay(ctx context.Context, id int64, wallet string) (*Page, error) {
	page, err := p.Browser.Open(ctx, p.jobAddress(id)+"/pay")
	if err != nil {
		return nil, fmt.Errorf("open the page to pay on: %w", err)
	}
	fill := url.Values{}
	if wallet != "" {
		fill.Set("wallet_address", wallet)
	}
	page, err = page.Click(ctx, "form#pay button", fill)
	if err != nil {
		return nil, fmt.Errorf("approve and pay: %w", err)
	}
	if page.Document.Find(ToWallet).Length() == 1 {
		if page, err = page.Follow(ctx, ToWallet); err != nil {
			return nil, fmt.Errorf("leave for the wallet: %w", err)
		}
	}
	if page.Document.Find(Approve).Length() == 0 {
		return nil, fmt.Errorf("approve and pay: no wallet asks for consent; %s shows (%d): %s", page.URL.Path, page.Status, page.Text("main"))
	}
	return page, nil
}

// ToWallet is the link that leaves for the wallet, on the page that says what is paid.
const ToWallet = "a#to-wallet"

// The decisions that a wallet's consent page offers, by the selector of their buttons.
const (
	Approve = "button#approve"
	Decline = "button#decline"
)

// Decide decides on the wallet's consent page, and returns the address at the marketplace to which
// the wallet sends the browser. The browser has not gone there yet: Browser.Open does.
func (p *Payer) Decide(ctx context.Context, consent *Page, decision string) (*url.URL, error) {
	page, err := consent.ClickUntil(ctx, decision, nil, p.marketplace+"/")
	if err != nil {
		return nil, fmt.Errorf("decide at the wallet: %w", err)
	}
	if page.Next == nil {
		return nil, fmt.Errorf("decide at the wallet: it does not send the browser back; it shows (%d): %s", page.Status, page.Text("main"))
	}
	return page.Next, nil
}

// JobStatus is what the script of a job's page is told.
type JobStatus struct {
	State             string `json:"job_status"`
	ContractCompleted bool   `json:"contract_completed"`
	PaymentID         string `json:"payment_id"`
	Payment           string `json:"payment"` // paid, failed, awaiting, confirming, …
}

// Status asks how a job stands.
func (p *Payer) Status(ctx context.Context, id int64) (JobStatus, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.jobAddress(id)+"/status", http.NoBody)
	if err != nil {
		return JobStatus{}, err
	}
	answer, err := p.Browser.client.Do(request)
	if err != nil {
		return JobStatus{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return JobStatus{}, fmt.Errorf("ask how job %d stands: status %d", id, answer.StatusCode)
	}
	var status JobStatus
	if err := json.NewDecoder(answer.Body).Decode(&status); err != nil {
		return JobStatus{}, fmt.Errorf("ask how job %d stands: %w", id, err)
	}
	return status, nil
}

// WaitFor asks again and again until a job stands as it should, as the page's script does. When that
// does not happen within the time it returns the last status and an error.
func (p *Payer) WaitFor(ctx context.Context, id int64, within time.Duration, reached func(JobStatus) bool) (JobStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		status, err := p.Status(ctx, id)
		if err == nil && reached(status) {
			return status, nil
		}
		if waited := clock.Sleep(ctx, clock.System(), 50*time.Millisecond); waited != nil {
			return status, errors.Join(fmt.Errorf("job %d stands at %s (payment %s) after %s", id, status.State, status.Payment, within), err)
		}
	}
}

// Complete is the end that everybody wants: the worker has the money, and the job is over.
func Complete(s JobStatus) bool { return s.State == "complete" && s.ContractCompleted }
