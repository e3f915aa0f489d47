package main

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
)

func TestMoney_WhatIPaidAndWhatIReceived(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		funder, worker := m.browser().signIn(demoFunder), m.browser().signIn(demoWorker)
		funder.get("/money").has(t, "#no-money")

		first, second := funder.approve("1"), funder.approve("2")
		funder.get("/money").has(t, "#no-money") // nothing has left while nobody has approved
		m.payments.pay(first)
		require.Equal(t, 200, m.payments.notify(m.base, "m1", first).status)
		funder.comeBack(second) // approved, and not paid yet
		require.Equal(t, marketplace.AttemptConfirming, m.job(2).Attempt.State)

		paid := funder.get("/money")
		require.Equal(t, "5.61 USD", paid.has(t, `[data-currency="USD"] [data-total="paid"]`).Text())
		require.Equal(t, "5.61 USD", paid.has(t, `[data-currency="USD"] [data-total="leaving"]`).Text())
		require.Equal(t, 2, paid.has(t, "#money li").Length())
		require.Equal(t, 1, paid.has(t, `#money li[data-pending]`).Length())
		require.Equal(t, 1, paid.has(t, `[data-chart="USD"] rect.paid`).Length())
		require.Contains(t, paid.has(t, "#money").Text(), "Beto")

		received := worker.get("/money")
		require.Equal(t, "100.00 MXN", received.has(t, `[data-currency="MXN"] [data-total="received"]`).Text())
		require.Equal(t, "19.99 MXN", received.has(t, `[data-currency="MXN"] [data-total="approaching"]`).Text())
		require.Equal(t, 1, received.has(t, `[data-chart="MXN"] rect.received`).Length())
		require.Empty(t, received.doc.Find(`[data-currency="USD"]`).Nodes, "what the funder's wallet paid is not the worker's to know")
		require.NotContains(t, received.text, "5.61")

		answer := worker.get("/money.csv")
		require.Equal(t, "text/csv; charset=utf-8", answer.Header.Get("Content-Type"))
		rows, err := csv.NewReader(strings.NewReader(answer.text)).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 3)
		require.Equal(t, []string{"received", "pending", "2"}, rows[1][1:4])
		require.Equal(t, []string{"received", "paid", "1"}, rows[2][1:4])
		require.Equal(t, []string{"100.00", "MXN"}, rows[2][6:8])
		require.NotContains(t, answer.text, "5.61")

		// Of what was paid before it was written down, the budget counts, at its last change.
		require.NoError(t, m.db.Read(t.Context()).Exec("UPDATE payment_attempts SET paid_at = NULL, received_value = 0, received_asset_code = '', received_asset_scale = 0").Error)
		before := worker.get("/money")
		require.Equal(t, "100.00 MXN", before.has(t, `[data-currency="MXN"] [data-total="received"]`).Text())
		require.Equal(t, 1, before.has(t, `[data-chart="MXN"] rect.received`).Length())
		require.Contains(t, before.has(t, `#money li:not([data-pending])`).Text(), "100.00 MXN")

		// Nobody else's.
		operator := m.browser().get("/money")
		require.Equal(t, http.StatusSeeOther, operator.StatusCode)
	})
}

func TestMoney_PagesOfMany(t *testing.T) {
	t.Parallel()
	m := start(t)
	require.NoError(t, m.seeding.toPay(t.Context(), 25))
	funder := m.browser().signIn(demoFunder)
	lines, err := m.store.AllJobs(t.Context())
	require.NoError(t, err)
	for i, line := range lines[len(samples):] {
		pendingID := funder.approve(line.ID.String())
		m.payments.pay(pendingID)
		require.Equal(t, 200, m.payments.notify(m.base, "m"+line.ID.String(), pendingID).status, i)
	}
	page, seen := funder.get("/money"), map[string]bool{}
	for {
		for _, li := range page.has(t, "#money li").EachIter() {
			id := li.AttrOr("data-line", "")
			require.False(t, seen[id])
			seen[id] = true
		}
		older, more := page.doc.Find("#older").Attr("href")
		if !more {
			break
		}
		page = funder.get(older)
	}
	require.Len(t, seen, 25)
}
