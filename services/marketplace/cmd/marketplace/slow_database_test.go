package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/marketplace"
)

// A statement that Postgres ended for taking too long is an outage of the database: a webhook is answered with an error, so that it comes again, and nothing of it is
// there until then, at whichever statement that was.
func TestSlowDatabase_AWebhookComesAgain(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"jobs", "job_history", "payment_attempts"} {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			address := databasetest.PostgresAddress(t)
			m := startOn(t, address, unsigned, func(c *Config) {
				c.WebhookSecret = ""
				c.StatementTimeout, c.LockTimeout = 300*time.Millisecond, 0
			})
			unlock := databasetest.LockTable(t, address, table)
			got := deliver(t, m.base, []byte(seedsCurl), http.Header{})
			require.Equal(t, http.StatusInternalServerError, got.status, got.body)
			unlock()
			require.Equal(t, marketplace.Reviewing, m.job(1).State)
			require.Empty(t, m.events(1))

			require.Equal(t, http.StatusOK, deliver(t, m.base, []byte(seedsCurl), http.Header{}).status)
			require.Equal(t, marketplace.Complete, m.job(1).State)
			require.Equal(t, []string{"pay"}, m.events(1))
		})
	}
}
