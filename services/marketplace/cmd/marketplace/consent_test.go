package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestConsent_SaysWhatIsPaidBeforeOneLeaves: amounts, currencies, rate and until when, and where the link leads.
func TestConsent_SaysWhatIsPaidBeforeOneLeaves(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		require.Equal(t, "/jobs/1", b.get("/jobs/1/pay/consent").Header.Get("Location"), "nothing was started")
		b.approve("1")
		page := b.get("/jobs/1/pay/consent")
		require.Equal(t, http.StatusOK, page.StatusCode)
		require.Equal(t, "5.61 USD", page.has(t, "#debit").Text())
		require.Equal(t, "100.00 MXN", page.has(t, "#receive").Text())
		require.Equal(t, "1 USD brings 17.8253 MXN, all fees included.", page.has(t, "#rate").Text(), "100 / 5.61, rounded")
		require.Contains(t, page.has(t, "#leaving").Text(), "wallet.example")
		require.NotEmpty(t, page.has(t, "#until time").AttrOr("datetime", ""))

		// The consent is this session's: another browser of the same person starts it again for itself.
		other := m.browser().signIn(demoFunder)
		require.Equal(t, "/jobs/1", other.get("/jobs/1/pay/consent").Header.Get("Location"))
		other.approve("1")
		require.Equal(t, "/jobs/1", b.get("/jobs/1/pay/consent").Header.Get("Location"), "it is theirs now")

		// Nobody else's either.
		require.Equal(t, http.StatusForbidden, m.browser().signIn(demoWorker).get("/jobs/1/pay/consent").StatusCode)
		require.Equal(t, "/login?next=%2Fjobs%2F1%2Fpay%2Fconsent", m.browser().get("/jobs/1/pay/consent").Header.Get("Location"))
		require.Equal(t, http.StatusNotFound, b.get("/jobs/01/pay/consent").StatusCode)
	})
}

func TestConsent_NotOnceItsTimeIsOver(t *testing.T) {
	t.Parallel()
	m := start(t)
	b := m.browser().signIn(demoFunder)
	b.approve("1")
	require.NoError(t, m.db.Read(t.Context()).Exec("UPDATE payment_attempts SET expires_at = ?", m.seeding.clock.Now().Add(-time.Second)).Error)
	require.Equal(t, "/jobs/1", b.get("/jobs/1/pay/consent").Header.Get("Location"))
}
