package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/doctor"
	"tianguis.example/marketplace"
	"tianguis.example/payments/api"
	"tianguis.example/payments/webhook"
)

// The whole of the doctor, against real services, is in deploy/stack/systemtest. Here is what those cannot be brought to.

// doctor is what the doctor finds beside the running program, by check, with these settings beside its own.
func (m *running) doctor(change map[string]string) map[string][]doctor.Finding {
	m.t.Helper()
	all := map[string]string{
		"DATABASE_URL": m.config.DatabaseURL, "UPLOADS_DIR": m.config.UploadsDir, "MARKETPLACE_LISTEN": m.Address(), "MARKETPLACE_BASE_URL": m.base,
		"PAYMENTS_SERVICE_URL": m.config.PaymentsURL, "PAYMENTS_API_KEY": m.config.PaymentsKey.Reveal(), "WEBHOOK_SECRET": m.config.WebhookSecret.Reveal(),
	}
	secret := strings.TrimPrefix(all["WEBHOOK_SECRET"], "whsec_")
	maps.Copy(all, change)
	var lines []string
	for name, value := range all {
		lines = append(lines, fmt.Sprintf("%s='%s'", name, value))
	}
	out, err := run(m.t, settingsFile(m.t, lines...), "", "doctor", "--json")
	var r doctor.Report
	require.NoError(m.t, json.Unmarshal([]byte(out), &r), "%s: %v", out, err)
	require.Equal(m.t, r.State == doctor.Failed, err != nil && cli.Explain(err, explain).Exit == cli.Differences)
	require.NotContains(m.t, out, fakeKey)
	require.NotContains(m.t, out, secret)
	found := map[string][]doctor.Finding{}
	for _, c := range r.Checks {
		found[c.Name] = c.Findings
	}
	return found
}

func TestDoctor_OpenForLong(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		pendingID := m.browser().signIn(demoFunder).approve("1")
		require.Equal(t, doctor.OK, m.doctor(nil)["open payments"][0].State, "it has just begun")
		require.NoError(t, m.db.Read(t.Context()).Exec("UPDATE payment_attempts SET created_at = ?", clock.System().Now().Add(-2*marketplace.OpenForLong)).Error)
		found := m.doctor(nil)["open payments"]
		require.Equal(t, doctor.Warning, found[0].State)
		require.Contains(t, found[0].Found, "1 payments are open for more than an hour")
		require.Contains(t, found[0].Do, "payments payment show "+pendingID)
	})
}

func TestDoctor_Uploads(t *testing.T) {
	t.Parallel()
	m := start(t)
	found := m.doctor(nil)["uploads"][0]
	require.NotEqual(t, doctor.Failed, found.State, found)
	missing := m.doctor(map[string]string{"UPLOADS_DIR": m.config.UploadsDir + "/nowhere"})["uploads"][0]
	require.Equal(t, doctor.Warning, missing.State)
	require.Contains(t, missing.Do, "UPLOADS_DIR")
	require.NoFileExists(t, m.config.UploadsDir+"/nowhere", "it only looks")
	require.NoError(t, os.WriteFile(m.config.UploadsDir+"/file", nil, 0o600))
	require.Equal(t, doctor.Failed, m.doctor(map[string]string{"UPLOADS_DIR": m.config.UploadsDir + "/file"})["uploads"][0].State)
	require.NoError(t, os.Chmod(m.config.UploadsDir, 0o755))
	require.Contains(t, fmt.Sprint(m.doctor(nil)["uploads"]), "everybody on this machine can read what is in")
}

// A marketplace that has the public half only of what webhooks are signed with cannot sign.
func TestDoctor_PublicHalf(t *testing.T) {
	t.Parallel()
	_, public := webhook.GenerateKeyPair()
	m := start(t)
	found := m.doctor(map[string]string{"WEBHOOK_SECRET": public})
	require.Equal(t, doctor.OK, found["webhooks here"][0].State)
	require.Contains(t, found["webhooks here"][0].Found, "cannot sign")
}

// As the README's three terminals are set up.
func TestDoctor_Unsigned(t *testing.T) {
	t.Parallel()
	m := start(t, unsigned)
	found := m.doctor(map[string]string{"WEBHOOK_SECRET": "", "WEBHOOK_ALLOW_UNSIGNED": "true"})
	require.Equal(t, doctor.OK, found["webhooks here"][0].State, found["webhooks here"])
	require.Contains(t, found["webhooks here"][0].Found, "that nobody has signed")
	closed := start(t).doctor(map[string]string{"WEBHOOK_SECRET": "", "WEBHOOK_ALLOW_UNSIGNED": "true"})
	require.Equal(t, doctor.Failed, closed["webhooks here"][0].State)
	require.Contains(t, closed["webhooks here"][0].Found, "although WEBHOOK_ALLOW_UNSIGNED is set")
}

// A payments service whose wallets do not answer, and which never sends.
func TestDoctor_WhatPaymentsAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ping      string // the delivery after its attempt
		state     doctor.State
		found, do string
	}{
		"arrived":          {`{"state":"delivered","attempts":[{"number":1,"status":200,"answer":"{\"message\":\"pong\"}","url":"http://web"}]}`, doctor.OK, "which answered 200", ""},
		"somewhere else":   {`{"state":"delivered","attempts":[{"number":1,"status":200,"answer":"hello","url":"http://other"}]}`, doctor.Failed, "is no marketplace of ours", "MARKETPLACE_BASE_URL at the payments service"},
		"nobody there":     {`{"state":"dead","attempts":[{"number":1,"status":0,"error":"refused","url":"http://other"}]}`, doctor.Failed, "does not answer: refused", "MARKETPLACE_BASE_URL at the payments service"},
		"not believed":     {`{"state":"dead","attempts":[{"number":1,"status":401,"url":"http://web"}]}`, doctor.Failed, "does not believe", "WEBHOOK_SECRET"},
		"given up unsent":  {`{"state":"dead"}`, doctor.Failed, "did not send", "payments webhook show 01X"},
		"no such delivery": {`[]`, doctor.Failed, "ask what came", "payments webhook list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := start(t)
			payments := http.NewServeMux()
			answer := func(route, body string) {
				payments.HandleFunc(route, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "application/json")
					_, _ = w.Write([]byte(body))
				})
			}
			answer("GET /health", `{"status":"ok","service":"payments"}`)
			answer("GET /sellers", `{"sellers":[]}`)
			answer("GET /webhooks/endpoints/marketplace/secrets", `{"secrets":[]}`)
			answer("POST /webhooks/endpoints/marketplace/ping", `{"id":"01X","state":"pending"}`)
			answer("GET /webhooks/deliveries/01X", strings.Replace(c.ping, `{"state"`, `{"id":"01X","state"`, 1))
			payments.HandleFunc("POST /api/wallet/profile", func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusBadGateway)
				_ = json.NewEncoder(w).Encode(api.Failure{Code: api.CodeWalletDown, Error: "the wallet is down"})
			})
			server := httptest.NewServer(payments)
			t.Cleanup(server.Close)
			found := m.doctor(map[string]string{"PAYMENTS_SERVICE_URL": server.URL})
			require.Equal(t, doctor.Failed, found["payments service"][0].State)
			require.Contains(t, found["payments service"][0].Found, "is not ready")
			require.Equal(t, doctor.Failed, found["webhook secret"][0].State)
			require.Contains(t, found["webhook secret"][0].Found, "signs with nothing")
			require.Equal(t, doctor.Warning, found["people's wallets"][0].State)
			require.Contains(t, found["people's wallets"][0].Found, "the wallet is down")
			way := found["webhooks from payments"][0]
			require.Equal(t, c.state, way.State, way)
			require.Contains(t, way.Found, c.found)
			require.Contains(t, way.Do, c.do)
		})
	}
}
