package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
)

func (m *running) scrape() string {
	m.t.Helper()
	answer := httptest.NewRecorder()
	m.measured.registry.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(answer, httptest.NewRequestWithContext(m.t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(m.t, http.StatusOK, answer.Code)
	return answer.Body.String()
}

func TestMetrics_WhatIsHeardOfPayments(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		b := m.browser().signIn(demoFunder)
		pendingID := b.approve("1")
		require.Contains(t, m.scrape(), "tianguis_attempts_open 1\n")
		m.payments.pay(pendingID)
		require.Equal(t, 200, m.payments.notify(m.base, "msg_1", pendingID).status)
		require.Equal(t, 200, m.payments.notify(m.base, "msg_2", pendingID).status)
		require.Equal(t, marketplace.Complete, m.job(1).State)

		require.Equal(t, 401, deliver(t, m.base, ping, http.Header{"Webhook-Signature": {"v1,forged"}}).status)
		body := m.scrape()
		require.Contains(t, body, `tianguis_payment_news_total{event="pay",source="webhook"} 1`)
		require.Contains(t, body, `tianguis_payment_news_total{event="nothing_new",source="webhook"} 1`)
		require.Contains(t, body, `tianguis_payment_news_total{event="paid_again",source="webhook"} 0`, "there from the start")
		require.Contains(t, body, `tianguis_payment_paid_to_applied_seconds_count{source="webhook"} 1`, "what is told twice is applied once")
		require.Contains(t, body, `tianguis_payments_call_duration_seconds_count{method="POST",outcome="2xx"}`)
		require.Contains(t, body, `tianguis_refused_total{door="webhook"} 1`)
		require.Contains(t, body, `tianguis_http_request_duration_seconds_count{method="POST",route="/api/webhooks/payments",status="2xx"} 2`)
		require.NotContains(t, body, pendingID)
	})
}

func TestDoor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		route, method string
		status        int
		want          string
	}{
		{"/login", http.MethodPost, 401, "sign_in"},
		{"/login", http.MethodPost, 429, "sign_in"},
		{"/login", http.MethodPost, 403, "form"},
		{"/login", http.MethodGet, 200, ""},
		{"/jobs/:job_id/pay", http.MethodPost, 403, "form"},
		{"/payments/finish", http.MethodGet, 403, "finish"},
		{"/payments/finish", http.MethodGet, 303, ""},
		{"/operator", http.MethodGet, 403, ""}, // somebody who is signed in, and no operator
	} {
		require.Equal(t, c.want, door(c.route, c.method, c.status), "%v", c)
	}
}

func TestMetrics_OffUnlessAskedFor(t *testing.T) {
	t.Parallel()
	require.Nil(t, start(t).measured.listener)
	m := start(t, func(c *Config) { c.MetricsListen = "127.0.0.1:0" })
	for _, path := range []string{"/metrics", "/debug/pprof/"} {
		response, err := http.Get("http://" + m.measured.listener.Addr().String() + path)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusOK, response.StatusCode)
		require.Equal(t, http.StatusNotFound, m.browser().get(path).StatusCode, "not on the public port")
	}
}

func TestMetrics_Files(t *testing.T) {
	t.Parallel()
	m := start(t)
	ana := m.joins(anaEmail, "Ana", "https://w.example/ana", marketplace.Both)
	job := m.jobIn(marketplace.Submitting, ana)
	worker := m.browser().signIn(demoWorker)
	require.Contains(t, m.scrape(), `tianguis_files_total{outcome="down"} 0`, "there from the start")

	require.Equal(t, 422, worker.handIn(job, "Done", attached{"page.png", "<!doctype html><script>alert(1)</script>"}).StatusCode)
	contentType, form := multipartForm(t, worker.token(), "Done", attached{"cut.webm", webmFile})
	require.Equal(t, 400, worker.send("/jobs/"+job.String()+"/submit", contentType, bytes.NewReader(form[:len(form)-60])).StatusCode)
	require.Equal(t, 303, worker.handIn(job, "Done", attached{"a.png", pngFile}, attached{"b.txt", "Hola"}).StatusCode)
	require.NoError(t, os.RemoveAll(m.config.UploadsDir))
	again := m.jobIn(marketplace.Submitting, ana)
	require.Equal(t, 503, worker.handIn(again, "Done", attached{"c.txt", "Hola"}).StatusCode)

	body := m.scrape()
	require.Contains(t, body, `tianguis_files_total{outcome="kept"} 2`)
	require.Contains(t, body, `tianguis_files_total{outcome="refused"} 1`)
	require.Contains(t, body, `tianguis_files_total{outcome="down"} 1`)
	require.Contains(t, body, `tianguis_files_total{outcome="cut_off"} 1`)
	require.Contains(t, body, fmt.Sprintf("tianguis_files_bytes_total %d\n", len(pngFile)+4))
}
