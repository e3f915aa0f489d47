package console_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/payments"
	"tianguis.example/payments/console"
	"tianguis.example/payments/money"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
)

const planted = "planted-secret"

// formula is an offer that a spreadsheet would run.
const formula = `=HYPERLINK("https://thief.example","open")`

func (o *office) amount(value int64) money.Amount {
	a, err := money.New(value, "MXN", 2)
	require.NoError(o.t, err)
	return a
}

// payment is one in this state, with its audit event.
func (o *office) payment(state payments.State, change func(*payments.Payment)) payments.Payment {
	o.t.Helper()
	now := o.clock.Now()
	require.NoError(o.t, o.store.PutSeller(o.t.Context(), payments.Seller{ID: "alice", WalletAddressURL: "https://wallet.example/alice", CreatedAt: now, UpdatedAt: now}, nil))
	id := payments.PaymentID(ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String())
	p := payments.Payment{
		ID: id, OfferID: "offer-" + string(id), SellerID: "alice", Version: 1, State: state, Since: now, Amount: o.amount(10_000), DebitAmount: o.amount(10_250),
		Buyer: payments.Party{WalletAddress: "https://wallet.example/bob"}, Seller: payments.Party{WalletAddress: "https://wallet.example/alice"},
		Consent:   payments.Consent{ContinueToken: planted, ClientNonce: planted, InteractRef: planted, ExpiresAt: now.Add(10 * time.Minute)},
		Token:     payments.Token{Value: planted},
		CreatedAt: now, UpdatedAt: now, NextStepAt: now.Add(time.Minute),
	}
	if state != payments.Created {
		p.IncomingPaymentID = "https://wallet.example/incoming-payments/1"
	}
	if state == payments.Failed {
		p.Reason, p.Message = payments.PaidInPart, "Only a part of the money arrived in time."
	}
	if state.Received() {
		p.ReceivedAmount, p.PaidAt = p.Amount, now
	}
	if change != nil {
		change(&p)
	}
	require.NoError(o.t, o.store.Record(o.t.Context(), payments.Change{After: p, Audit: &payments.AuditEvent{
		PaymentID: id, At: now, Actor: payments.ByMarketplace, To: state, Detail: "<b>100.00</b> MXN",
	}}))
	return p
}

func (o *office) actions() []operator.Action {
	o.t.Helper()
	all, err := o.store.Actions(o.t.Context(), operator.Filter{}, 100)
	require.NoError(o.t, err)
	return all
}

// did is the last action, which must be of this kind.
func (o *office) did(kind operator.Kind, subject string) operator.Action {
	o.t.Helper()
	all := o.actions()
	require.NotEmpty(o.t, all)
	require.Equal(o.t, kind, all[0].Kind)
	require.Equal(o.t, subject, all[0].Subject)
	require.Equal(o.t, operator.ByPage, all[0].By.Door)
	require.Equal(o.t, "anybody", all[0].By.Name)
	require.Regexp(o.t, `^[0-9a-f]{8}$`, all[0].By.Key)
	return all[0]
}

func (o *office) row(page, name string) []string {
	var found []string
	for _, m := range regexp.MustCompile(`<tr data-`+name+`="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		found = append(found, m[1])
	}
	return found
}

func TestOverview_CountsWhatItsLinksList(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		empty := o.get(console.Root)
		require.Equal(t, http.StatusOK, empty.status)
		require.Contains(t, empty.body, "Nothing was paid yet.")
		require.Contains(t, empty.body, "Nothing does, as far as is known.")
		for _, state := range payments.States {
			o.payment(state, nil)
		}
		o.payment(payments.Sending, nil)
		o.clock.Advance(2 * time.Hour) // those that are open are stuck now
		o.payment(payments.Sending, nil)
		o.dead(500, "", "")
		page := o.get(console.Root).body
		counted := regexp.MustCompile(`href="([^"]+)" data-figure="([^"]+)" data-count="(\d+)"`).FindAllStringSubmatch(page, -1)
		counts := map[string]string{}
		for _, figure := range counted {
			counts[figure[2]] = figure[3]
			list := o.get(strings.ReplaceAll(figure[1], "&amp;", "&"))
			require.Equal(t, http.StatusOK, list.status, figure[1])
			if strings.HasPrefix(figure[1], console.Root+"/payments") {
				require.Len(t, o.row(list.body, "payment"), int(figure[3][0]-'0'), "%s", figure[1])
			}
		}
		require.Equal(t, map[string]string{
			"paid today": "2", "created": "1", "awaiting_approval": "1", "approved": "1", "authorized": "1", "sending": "3", "stuck": "6", "paid in part": "1",
			"outcome unknown": "0", "paid late": "1", "paid but unmarked": "0", "webhooks waiting": "0", "webhooks given up": "1", "endpoints disabled": "0", "findings": "0", "errors": "0",
		}, counts)
		require.NotContains(t, page, "Nothing does, as far as is known.")
		require.NotRegexp(t, inline, page)
	})
}

func TestPaymentList_PicksPagesAndRefuses(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		require.Contains(t, o.get(console.Root+"/payments").body, "There is no payment yet.")
		failed := o.payment(payments.Failed, func(p *payments.Payment) { p.OfferID = formula })
		late := o.payment(payments.PaidLate, func(p *payments.Payment) { p.Buyer.WalletAddress = "https://wallet.example/zoe" })
		o.clock.Advance(time.Hour)
		for range 55 {
			o.clock.Advance(time.Second)
			o.payment(payments.Paid, nil)
		}
		for query, want := range map[string]int{
			"": 50, "?state=failed": 1, "?state=paid_late": 1, "?state=sending": 0, "?state=stuck": 0, "?reason=paid_in_part": 1, "?reason=expired": 0,
			"?offerId=" + url.QueryEscape(formula): 1, "?wallet=" + url.QueryEscape("$wallet.example/zoe"): 1, "?wallet=https://wallet.example/alice&state=failed": 1,
			"?wallet=https://wallet.example/nobody": 0, "?id=" + strings.ToLower(string(late.ID)): 1, "?id=" + string(failed.ID[:9]): 2, "?until=50m": 2, "?since=30s": 31, "?paidSince=2h": 50,
		} {
			got := o.get(console.Root + "/payments" + query)
			require.Equal(t, http.StatusOK, got.status, query)
			require.Len(t, o.row(got.body, "payment"), want, query)
			require.NotContains(t, got.body, planted)
			require.NotRegexp(t, inline, got.body)
		}
		seen, path := map[string]bool{}, console.Root+"/payments"
		for path != "" {
			page := o.get(path).body
			for _, id := range o.row(page, "payment") {
				require.False(t, seen[id])
				seen[id] = true
			}
			path = ""
			if next := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(page); next != nil {
				path = strings.ReplaceAll(next[1], "&amp;", "&")
			}
		}
		require.Len(t, seen, 57)
		for query, says := range map[string]string{
			"state=gone": "There is no such state", "reason=bored": "There is no such reason", "wallet=bob": "A wallet address is such as", "id=ILO": "digits and letters but I, L, O and U",
			"since=yesterday": "is no time", "since=1h&until=2h": "not later than the beginning", "paidSince=x": "is no time", "before=x": "cannot go on from there",
			"offerId=%00": "characters that nothing here has", "state=stuck&offerId=7": "leave the other fields empty",
		} {
			for _, page := range []string{"/payments?", "/payments.csv?"} {
				got := o.get(console.Root + page + query)
				require.Equal(t, http.StatusBadRequest, got.status, query)
				require.Contains(t, got.body, says, query)
				require.Empty(t, o.row(got.body, "payment"), query)
			}
		}
		require.Empty(t, o.actions(), "nothing was exported")

		got := o.get(console.Root + "/payments.csv?since=3h")
		require.Equal(t, http.StatusOK, got.status)
		require.Contains(t, got.header.Get("Content-Type"), "text/csv")
		require.Contains(t, got.header.Get("Content-Disposition"), "payments.csv")
		require.NotContains(t, got.body, planted)
		rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 58)
		last := rows[57]
		if last[0] != string(failed.ID) {
			last = rows[56] // of one millisecond, either may be the older
		}
		require.Equal(t, []string{string(failed.ID), "'" + formula, "alice", "failed", "paid_in_part"}, last[:5])
		require.Equal(t, []string{"100.00", "MXN", "102.50", "MXN"}, last[8:12])
		require.Equal(t, "since 3h", o.did(operator.ExportPayments, "").Detail)
	})
}

func TestPaymentPage_InEveryState(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		for state, want := range map[payments.State]struct{ means, acts string }{
			payments.Created:          {"The request is kept.", ""},
			payments.AwaitingApproval: {"The buyer is asked at the wallet for 102.50 MXN at most", "cancel compare"},
			payments.Approved:         {"The buyer came back from the wallet", "compare"},
			payments.Authorized:       {"The wallet granted the payment.", "look compare"},
			payments.Sending:          {"money is on its way", "look compare"},
			payments.Paid:             {"The seller has the full amount.", "look compare"},
			payments.Failed:           {"It failed: paid in part.", "look compare"},
			payments.PaidLate:         {"the full amount arrived all the same", "look compare"},
		} {
			p := o.payment(state, nil)
			got := o.get(console.Root + "/payments/" + strings.ToLower(string(p.ID)))
			require.Equal(t, http.StatusOK, got.status)
			require.Contains(t, got.body, want.means)
			var acts []string
			for _, m := range regexp.MustCompile(`data-act="(\w+)"`).FindAllStringSubmatch(got.body, -1) {
				acts = append(acts, m[1])
			}
			require.Equal(t, want.acts, strings.Join(acts, " "), state)
			require.Contains(t, got.body, "100.00 MXN (10000 at scale 2)")
			require.Contains(t, got.body, `id="holds"`)
			require.Contains(t, got.body, "&lt;b&gt;100.00&lt;/b&gt; MXN")
			require.NotContains(t, got.body, planted)
			require.NotRegexp(t, inline, got.body)
		}
		for _, unknown := range []string{"1", ulid.Make().String(), "%00", "..%2f"} {
			require.Equal(t, http.StatusNotFound, o.get(console.Root+"/payments/"+unknown).status, unknown)
			for _, act := range []string{"cancel", "look", "compare"} {
				require.Equal(t, http.StatusNotFound, o.post(console.Root+"/payments/"+unknown+"/"+act, nil).status, unknown)
			}
		}
		require.Empty(t, o.actions())
	})
}

func TestPaymentPage_WhatAnOperatorCanDo(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		waiting, sending, paid := o.payment(payments.AwaitingApproval, nil), o.payment(payments.Sending, nil), o.payment(payments.Paid, nil)
		path := func(p payments.Payment, act string) string {
			return console.Root + "/payments/" + string(p.ID) + "/" + act
		}
		for _, act := range []string{"cancel", "look", "compare"} {
			require.Equal(t, http.StatusForbidden, o.post(path(waiting, act), nil, "Sec-Fetch-Site", "cross-site").status)
			require.Equal(t, http.StatusUnauthorized, o.post(path(waiting, act), nil, "Authorization", "").status)
		}
		require.Empty(t, o.actions())

		// Canceled: the consent is called off, the payment failed, and both chains say who did it.
		require.Equal(t, http.StatusSeeOther, o.post(path(waiting, "cancel"), nil).status)
		o.did(operator.CancelPayment, string(waiting.ID))
		view, err := o.store.PaymentView(t.Context(), waiting.ID)
		require.NoError(t, err)
		require.Equal(t, payments.Canceled, view.Reason)
		require.Equal(t, 1, o.bank.canceled)
		page := o.get(console.Root + "/payments/" + string(waiting.ID)).body
		require.Contains(t, page, "by the operator")
		require.Contains(t, page, `data-action="payment_cancel"`)
		require.Contains(t, page, "“anybody”")
		require.Contains(t, page, "payment.failed")
		refused := o.post(path(sending, "cancel"), nil)
		require.Equal(t, http.StatusConflict, refused.status)
		require.NotContains(t, refused.body, "payment_in_progress", "words, no codes")

		// Look now: it is due.
		require.Equal(t, http.StatusSeeOther, o.post(path(sending, "look"), nil).status)
		o.did(operator.LookAtPayment, string(sending.ID))
		view, err = o.store.PaymentView(t.Context(), sending.ID)
		require.NoError(t, err)
		require.Equal(t, o.clock.Now(), view.NextStepAt)
		require.Equal(t, http.StatusConflict, o.post(path(o.payment(payments.Approved, nil), "look"), nil).status)

		// Compared: nothing is changed, and what the wallet says is there to read.
		o.bank.received = 9_999
		compared := o.post(path(paid, "compare"), nil)
		require.Equal(t, http.StatusOK, compared.status)
		require.Contains(t, compared.body, `data-finding="marked_but_unpaid"`)
		require.Contains(t, compared.body, "99.99 MXN")
		o.did(operator.ComparePayment, string(paid.ID))
		o.bank.received = 10_000
		require.Contains(t, o.post(path(paid, "compare"), nil).body, "The wallets agree with what is believed here.")
	})
}

// tamper does what somebody can who owns the tables.
func (o *office) tamper(table, statement string) {
	o.t.Helper()
	if o.db.Dialect() == database.SQLite {
		databasetest.Exec(o.t, o.db, "DROP TRIGGER "+table+"_update")
	} else {
		databasetest.Exec(o.t, o.db, "ALTER TABLE "+table+" DISABLE TRIGGER USER")
	}
	databasetest.Exec(o.t, o.db, statement)
}

func TestAudit_WhatWasTamperedWithIsSeen(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		p := o.payment(payments.Paid, nil)
		require.Equal(t, http.StatusSeeOther, o.post(console.Root+"/endpoints/marketplace/disable", nil).status)
		o.tamper("payment_events", "UPDATE payment_events SET detail = '1.00 MXN'")
		o.tamper("operator_actions", "UPDATE operator_actions SET name = 'somebody else'")
		page := o.get(console.Root + "/payments/" + string(p.ID)).body
		require.Contains(t, page, `data-problem="changed"`)
		require.NotContains(t, page, `id="holds"`)

		require.Contains(t, o.get(console.Root+"/audit").body, "It was not verified yet.")
		require.Equal(t, http.StatusSeeOther, o.post(console.Root+"/audit/verify", nil).status)
		require.Contains(t, o.get(console.Root+"/audit").body, `id="running"`)
		second := o.post(console.Root+"/audit/verify", nil)
		require.Contains(t, second.header.Get("Set-Cookie"), "running")
		tasks, err := o.store.ClaimTasks(t.Context(), 5, o.clock.Now(), o.clock.Now().Add(time.Minute))
		require.NoError(t, err)
		require.Len(t, tasks, 1)
		report, err := o.store.VerifyAudit(t.Context(), "")
		require.NoError(t, err)
		tasks[0].EndedAt = o.clock.Now()
		tasks[0].Result, err = json.Marshal(report)
		require.NoError(t, err)
		require.NoError(t, o.store.EndTask(t.Context(), tasks[0]))
		page = o.get(console.Root + "/audit").body
		require.Contains(t, page, "It does not hold.")
		require.Contains(t, page, string(p.ID))
		require.Contains(t, page, "action 1")
		require.NotRegexp(t, inline, page)
		require.Contains(t, o.get(console.Root).body, "It did not hold")
	})
}

func TestAudit_Copies(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		p := o.payment(payments.Paid, nil)
		o.clock.Advance(time.Hour)
		o.payment(payments.Paid, nil)
		rows, err := csv.NewReader(strings.NewReader(o.get(console.Root + "/audit.csv").body)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 2, "what is before now")
		require.Equal(t, []string{string(p.ID), "1"}, rows[1][1:3])
		o.clock.Advance(time.Second)
		rows, err = csv.NewReader(strings.NewReader(o.get(console.Root + "/audit.csv?since=30m").body)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 2)
		require.Equal(t, "csv; since 30m", o.did(operator.ExportAudit, "").Detail)
		for query, want := range map[string]int{"": 2, "?since=30m": 1, "?until=2h": 0} {
			var facts []struct{ PendingID, Hash, Detail string }
			require.NoError(t, json.Unmarshal([]byte(o.get(console.Root+"/audit.json"+query).body), &facts), query)
			require.Len(t, facts, want, query)
		}
		wrong := o.get(console.Root + "/audit.csv?since=yesterday")
		require.Equal(t, http.StatusBadRequest, wrong.status)
		require.Contains(t, wrong.body, "is no time")
	})
}

func TestReconciliation_TellsOfTheLastRun(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		require.Contains(t, o.get(console.Root+"/reconciliation").body, "There was none yet.")
		require.Equal(t, http.StatusNotFound, o.get(console.Root+"/reconciliation.csv").status)
		p := o.payment(payments.Failed, func(p *payments.Payment) { p.OfferID = formula })
		require.Equal(t, http.StatusSeeOther, o.post(console.Root+"/reconciliation/run", nil).status)
		o.did(operator.Reconcile, "")
		require.Contains(t, o.get(console.Root+"/reconciliation").body, `id="running"`)
		tasks, err := o.store.ClaimTasks(t.Context(), 5, o.clock.Now(), o.clock.Now().Add(time.Minute))
		require.NoError(t, err)
		require.Len(t, tasks, 1)
		found := payments.Report{At: o.clock.Now(), Compared: 7}
		for _, kind := range payments.FindingKinds {
			found.Findings = append(found.Findings, payments.Finding{Kind: kind, Severity: payments.SeverityError, PaymentID: p.ID, OfferID: formula, State: p.State, Amount: p.Amount, Received: p.Amount, Detail: "<script>"})
		}
		tasks[0].EndedAt = o.clock.Now()
		tasks[0].Result, err = json.Marshal(found)
		require.NoError(t, err)
		require.NoError(t, o.store.EndTask(t.Context(), tasks[0]))
		page := o.get(console.Root + "/reconciliation").body
		require.Contains(t, page, "7 payments were compared")
		require.NotRegexp(t, inline, page)
		for _, kind := range payments.FindingKinds {
			require.Regexp(t, fmt.Sprintf(`(?s)<tr data-finding="%s".*?data-label="Meaning"><span>[A-Z]`, kind), page, "every kind has words")
		}
		require.Contains(t, o.get(console.Root+"/payments/"+string(p.ID)).body, "Found by the")
		require.Contains(t, o.get(console.Root).body, `data-figure="paid but unmarked" data-count="1"`)
		rows, err := csv.NewReader(strings.NewReader(o.get(console.Root + "/reconciliation.csv?run=" + tasks[0].ID).body)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 1+len(payments.FindingKinds))
		require.Equal(t, "'"+formula, rows[1][3])
		o.did(operator.ExportFindings, tasks[0].ID)
		require.Equal(t, http.StatusNotFound, o.get(console.Root+"/reconciliation?run="+ulid.Make().String()).status)
	})
}

func TestActions_WhoDidWhat(t *testing.T) {
	t.Parallel()
	eachOffice(t, func(t *testing.T, o *office) {
		require.Contains(t, o.get(console.Root+"/actions").body, "Nobody has done anything yet.")
		d := o.dead(500, "", "") // a test event, of the command line
		require.Equal(t, http.StatusSeeOther, o.post(console.Root+"/webhooks/"+d.ID+"/replay", nil).status)
		o.did(operator.ReplayWebhook, d.ID)
		require.Equal(t, http.StatusSeeOther, o.post(console.Root+"/endpoints/marketplace/disable", nil).status)
		o.did(operator.DisableEndpoint, outbox.Configured)
		require.Equal(t, http.StatusSeeOther, o.post(console.Root+"/endpoints/marketplace/enable", nil).status)
		o.did(operator.EnableEndpoint, outbox.Configured)
		require.Equal(t, http.StatusSeeOther, o.post(console.Root+"/endpoints/marketplace/replay", nil).status)
		o.did(operator.ReplayWebhooks, outbox.Configured)
		require.Equal(t, http.StatusNotFound, o.post(console.Root+"/endpoints/nobody/disable", nil).status)
		require.Len(t, o.actions(), 5, "what was refused is not done")

		for query, want := range map[string]int{"": 5, "?kind=endpoint_enable": 1, "?door=api": 0, "?door=command+line": 1, "?subject=" + d.ID: 1, "?until=1h": 0, "?before=3": 2} {
			got := o.get(console.Root + "/actions" + query)
			require.Equal(t, http.StatusOK, got.status, query)
			require.Len(t, o.row(got.body, "action"), want, query)
			require.NotContains(t, got.body, key)
			require.NotRegexp(t, inline, got.body)
		}
		for query, says := range map[string]string{"kind=x": "no such action", "door=x": "no such door", "since=x": "is no time", "before=x": "cannot go on"} {
			got := o.get(console.Root + "/actions?" + query)
			require.Equal(t, http.StatusBadRequest, got.status, query)
			require.Contains(t, got.body, says, query)
		}
		rows, err := csv.NewReader(strings.NewReader(o.get(console.Root + "/actions.csv").body)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 7, "with the taking of the file itself")
		report, err := o.store.VerifyAudit(t.Context(), "")
		require.NoError(t, err)
		require.Empty(t, report.Findings)
		require.EqualValues(t, 6, report.Actions)
	})
}
