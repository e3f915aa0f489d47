package console

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/sheet"
)

// paymentReader is what is read of payments.
type paymentReader interface {
	// FindPayments are up to limit that the filter picks, newest first, without their secrets.
	FindPayments(ctx context.Context, f payments.Filter, limit int) ([]payments.Payment, error)
	// PendingPayments are those that have not ended, oldest first, without their secrets.
	PendingPayments(ctx context.Context, limit int) ([]payments.Payment, error)
	// PaymentView is the payment without its secrets; payments.ErrUnknown when there is none.
	PaymentView(ctx context.Context, id payments.PaymentID) (payments.Payment, error)
	// AuditTrail is the story of a payment, in its order.
	AuditTrail(ctx context.Context, id payments.PaymentID) ([]payments.AuditEvent, error)
	// VerifyPayment says what is wrong with one payment's chain of events.
	VerifyPayment(ctx context.Context, id payments.PaymentID) ([]payments.AuditFinding, error)
	// Deliveries are those of a payment, oldest first.
	Deliveries(ctx context.Context, id payments.PaymentID) ([]outbox.Delivery, error)
}

// stuckState is what the list calls those that should have moved on. It is no state of a payment: any that is open can be.
const stuckState = "stuck"

// PaymentListPage is templates/payment_list.html.
type PaymentListPage struct {
	Form    Form
	States  []string
	Reasons []string
	Lines   []PaymentLine
	Older   string // the address of the page that follows; "" for the last one
	More    bool   // of those that are stuck, there may be more
}

// Title is the page's.
func (PaymentListPage) Title() string { return "Payments" }

// Section is where the page is in the navigation.
func (PaymentListPage) Section() string { return "payments" }

// PaymentLine is a payment in the list.
type PaymentLine struct {
	payments.Payment
	Stuck bool
}

var prefix = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{1,26}$`) // of a ULID

// readPaymentForm reads the form, and what it picks; nothing may be picked with it when something is Wrong.
func (p *Pages) readPaymentForm(values url.Values) (Form, payments.Filter) {
	f := readForm("/payments", values, p.clock.Now(), "state", "reason", "offerId", "wallet", "id", "since", "until", "paidSince")
	picks := payments.Filter{
		State:   payments.State(f.choice("state", states(), "There is no such state: choose one of the list.")),
		Reason:  payments.Reason(f.choice("reason", reasons(), "There is no such reason: choose one of the list.")),
		OfferID: f.Value("offerId"),
		Before:  payments.PaymentID(f.id(before, "The list cannot go on from there: begin with the newest.")),
	}
	picks.Wallet = f.wallet("wallet")
	if picks.IDPrefix = strings.ToUpper(f.Value("id")); picks.IDPrefix != "" && !prefix.MatchString(picks.IDPrefix) {
		f.Wrong["id"] = "A payment's id has up to 26 characters, digits and letters but I, L, O and U: write how it begins."
	}
	picks.Since, picks.Until = f.span("since", "until")
	picks.PaidSince = f.time("paidSince")
	if picks.State == stuckState && f.Narrow("state") {
		f.Wrong["state"] = "Those that are stuck are looked for among all: leave the other fields empty."
	}
	return f, picks
}

// wallet is a field with a wallet address, of which a payment pointer is another way to write it (https://paymentpointers.org).
func (f Form) wallet(name string) string {
	text := f.Value(name)
	if pointer, ok := strings.CutPrefix(text, "$"); ok {
		text = "https://" + pointer
		if !strings.Contains(pointer, "/") {
			text += "/.well-known/pay"
		}
	}
	if u, err := url.Parse(text); text != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		f.Wrong[name] = "A wallet address is such as https://wallet.example/alice, or $wallet.example/alice."
		return ""
	}
	return text
}

func states() []string {
	all := make([]string, 0, len(payments.States)+1)
	for _, s := range payments.States {
		all = append(all, string(s))
	}
	return append(all, stuckState)
}

func reasons() []string {
	all := make([]string, 0, len(payments.Reasons()))
	for _, r := range payments.Reasons() {
		all = append(all, string(r))
	}
	return all
}

func (p *Pages) paymentList(c echo.Context) (err error) {
	ctx := c.Request().Context()
	form, picks := p.readPaymentForm(c.QueryParams())
	page := PaymentListPage{Form: form, States: states(), Reasons: reasons()}
	switch {
	case len(form.Wrong) > 0:
		return p.show(c, http.StatusBadRequest, "payment_list", page)
	case picks.State == stuckState:
		page.Lines, page.More, err = p.stuck(ctx)
	default:
		page.Lines, page.Older, err = p.payments(ctx, form, picks)
	}
	if err != nil {
		return err
	}
	return p.show(c, http.StatusOK, "payment_list", page)
}

func (p *Pages) payments(ctx context.Context, form Form, picks payments.Filter) (lines []PaymentLine, older string, err error) {
	found, err := p.read.FindPayments(ctx, picks, perPage+1)
	if err != nil {
		return nil, "", err
	}
	if len(found) > perPage {
		found = found[:perPage]
		older = form.older(string(found[perPage-1].ID))
	}
	now := p.clock.Now()
	for _, one := range found {
		_, stuck := one.Stuck(now)
		lines = append(lines, PaymentLine{one, stuck})
	}
	return lines, older, nil
}

// stuck are those that should have moved on, of the oldest that are open; more says that there may be others.
func (p *Pages) stuck(ctx context.Context) (lines []PaymentLine, more bool, err error) {
	open, err := p.read.PendingPayments(ctx, mostOpen)
	now := p.clock.Now()
	for _, one := range slices.Backward(open) {
		if _, stuck := one.Stuck(now); stuck {
			lines = append(lines, PaymentLine{one, true})
		}
	}
	return lines, len(open) == mostOpen, err
}

// paymentFile is all that the form picks, as a table.
func (p *Pages) paymentFile(c echo.Context) error {
	ctx := c.Request().Context()
	form, picks := p.readPaymentForm(c.QueryParams())
	if len(form.Wrong) > 0 {
		return p.show(c, http.StatusBadRequest, "payment_list", PaymentListPage{Form: form, States: states(), Reasons: reasons()})
	}
	if err := p.keep(c, operator.ExportPayments, "", form.words()); err != nil {
		return err
	}
	if picks.State == stuckState {
		lines, _, err := p.stuck(ctx)
		if err != nil {
			return err
		}
		return sendCSV(p, c, "payments", sheet.PaymentHeader, once(lines), func(l PaymentLine) []string { return sheet.Payment(l.Payment) })
	}
	return sendCSV(p, c, "payments", sheet.PaymentHeader, func() ([]payments.Payment, error) {
		found, err := p.read.FindPayments(ctx, picks, perBatch)
		if len(found) > 0 {
			picks.Before = found[len(found)-1].ID
		}
		return found, err
	}, sheet.Payment)
}
