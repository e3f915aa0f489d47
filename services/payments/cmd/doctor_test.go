package cmd

import (
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/doctor"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

// The whole of the doctor, against real services, is in deploy/stack/systemtest. Here is what those cannot be brought to.

// examined is what the doctor reported of these settings.
func examined(t *testing.T, all map[string]string) (doctor.Report, error) {
	t.Helper()
	all = maps.Clone(all)
	for _, name := range []string{"MARKETPLACE_BASE_URL", "BASE_URL"} { // nobody else's on this machine
		all[name] = cmp.Or(all[name], "http://127.0.0.1:1")
	}
	out, err := run(t, all, "doctor", "--json")
	var r doctor.Report
	require.NoError(t, json.Unmarshal([]byte(out), &r), "%s: %v", out, err)
	for _, secret := range []string{all["PAYMENTS_API_KEY"], all["WEBHOOK_SECRET"], all["TOKEN_ENCRYPTION_KEY"], planted} {
		if secret = strings.TrimPrefix(secret, "whsec_"); secret != "" {
			require.NotContains(t, out, secret)
		}
	}
	return r, err
}

func findings(t *testing.T, r doctor.Report, check string) []doctor.Finding {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == check {
			return c.Findings
		}
	}
	t.Fatalf("there is no check %s", check)
	return nil
}

// says wants a finding of that state that has both texts.
func says(t *testing.T, found []doctor.Finding, state doctor.State, text, do string) {
	t.Helper()
	for _, f := range found {
		if f.State == state && strings.Contains(f.Found, text) && strings.Contains(f.Do, do) {
			return
		}
	}
	t.Fatalf("no %s finding has %q and %q: %+v", state, text, do, found)
}

// wallet is one whose answers the test chooses.
type wallet struct {
	*httptest.Server
	keys   []openpayments.JWK
	grant  func(w http.ResponseWriter, r *http.Request)
	ended  chan string // what was ended, by DELETE
	skew   time.Duration
	cached bool // its answers are of a cache's, and so is their Date
}

func newWallet(t *testing.T) *wallet {
	t.Helper()
	w := &wallet{keys: []openpayments.JWK{}, ended: make(chan string, 10)}
	w.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Date", time.Now().Add(w.skew).UTC().Format(http.TimeFormat))
		out.Header().Set("Content-Type", "application/json")
		if w.cached {
			out.Header().Set("Age", "3600")
		}
		switch {
		case r.Method == http.MethodDelete && strings.HasPrefix(r.URL.Path, "/kept/"):
			out.WriteHeader(http.StatusForbidden)
		case r.Method == http.MethodDelete:
			w.ended <- r.URL.Path
			out.WriteHeader(http.StatusNoContent)
		case r.URL.Path == "/auth":
			w.grant(out, r)
		case strings.HasSuffix(r.URL.Path, "/jwks.json"):
			_ = json.NewEncoder(out).Encode(openpayments.JWKS{Keys: w.keys})
		default:
			_, _ = fmt.Fprintf(out, `{"id":"%s%s","publicName":"Alice","assetCode":"MXN","assetScale":2,"authServer":"%s/auth","resourceServer":"%s"}`, w.URL, r.URL.Path, w.URL, w.URL)
		}
	}))
	t.Cleanup(w.Close)
	w.grant = func(out http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(out, `{"access_token":{"value":"%s","manage":"%s/token/1","access":[{"type":"incoming-payment","actions":["create","read"]}]},
			"continue":{"access_token":{"value":"%s"},"uri":"%s/continue/1"}}`, planted, w.URL, planted, w.URL)
	}
	return w
}

// at are the settings of a platform with this wallet, which publishes its key.
func (w *wallet) at(t *testing.T) map[string]string {
	t.Helper()
	all := good(t, identitySettings(t))
	all["SELLER_WALLET_ADDRESS_URL"] = w.URL + "/platform"
	all["WALLET_ALLOW_HOSTS"] = strings.TrimPrefix(w.URL, "http://")
	public, err := publicKey(all["SELLER_KEY_ID"], all["SELLER_PRIVATE_KEY_PATH"])
	require.NoError(t, err)
	w.keys = append(w.keys, public)
	return all
}

func TestDoctor_TheGrantIsGivenBack(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	all := w.at(t)
	r, _ := examined(t, all)
	says(t, findings(t, r, "published key"), doctor.OK, "has our key key-1", "")
	says(t, findings(t, r, "signed request"), doctor.OK, "took it back", "")
	require.Equal(t, "/continue/1", <-w.ended)

	// One that knows revoking only, and one that knows neither.
	granted := `{"access_token":{"value":"t","manage":"%s/token/1","access":[{"type":"incoming-payment","actions":["read"]}]}%s}`
	w.grant = func(out http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintf(out, granted, w.URL, "") }
	r, _ = examined(t, all)
	says(t, findings(t, r, "signed request"), doctor.OK, "took it back", "")
	require.Equal(t, "/token/1", <-w.ended)
	require.Empty(t, w.ended)
	w.grant = func(out http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(out, granted, w.URL+"/kept", `,"continue":{"access_token":{"value":"c"},"uri":"`+w.URL+`/kept/c"}`)
	}
	r, _ = examined(t, all)
	says(t, findings(t, r, "signed request"), doctor.Warning, "did not take the grant back", "ends by itself")

	w.grant = func(out http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(out, `{"interact":{"redirect":"%s/consent","finish":"f"},"continue":{"access_token":{"value":"c"},"uri":"%s/continue/2"}}`, w.URL, w.URL)
	}
	r, _ = examined(t, all)
	says(t, findings(t, r, "signed request"), doctor.Failed, "wants a person's consent", "ask the wallet")
	require.Equal(t, "/continue/2", <-w.ended)

	w.grant = func(out http.ResponseWriter, _ *http.Request) {
		out.WriteHeader(http.StatusBadRequest)
		_, _ = out.Write([]byte(`{"error":{"code":"invalid_request","description":"the moon is full"}}`))
	}
	r, _ = examined(t, all)
	says(t, findings(t, r, "signed request"), doctor.Failed, "the moon is full", "ask the wallet why")
	w.grant = func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(http.StatusBadGateway) }
	r, _ = examined(t, all)
	says(t, findings(t, r, "signed request"), doctor.Failed, "/auth", "auth server up")
}

func TestDoctor_ClocksApart(t *testing.T) {
	t.Parallel()
	for skew, state := range map[time.Duration]doctor.State{0: doctor.OK, 20 * time.Second: doctor.Warning, -10 * time.Minute: doctor.Failed, -time.Hour: doctor.OK} {
		w := newWallet(t)
		w.skew, w.cached = skew, skew == -time.Hour
		r, _ := examined(t, w.at(t))
		if state == doctor.OK {
			require.Len(t, findings(t, r, "wallet"), 1)
			continue
		}
		says(t, findings(t, r, "wallet"), state, "clock is ", "NTP")
	}
}

// Sellers with keys of their own are asked about as the platform is.
func TestDoctor_SellersWithKeys(t *testing.T) {
	t.Parallel()
	w := newWallet(t)
	all := w.at(t)
	all["KEY_FOLDER"] = t.TempDir()
	keep := store.New(databasetest.Open(t, all["DATABASE_URL"], clock.System(), store.Migrations()), nil)
	put := func(id, keyID, file string) {
		require.NoError(t, keep.PutSeller(t.Context(), payments.Seller{ID: id, WalletAddressURL: w.URL + "/" + id, KeyID: keyID, PrivateKeyPath: file, CreatedAt: at, UpdatedAt: at}, nil))
	}
	newKey(t, filepath.Join(all["KEY_FOLDER"], "ana.pem"))
	newKey(t, filepath.Join(all["KEY_FOLDER"], "eva.pem"))
	public, err := publicKey("ana", filepath.Join(all["KEY_FOLDER"], "ana.pem"))
	require.NoError(t, err)
	w.keys = append(w.keys, public)
	put("ana", "ana", "ana.pem")
	r, _ := examined(t, all)
	says(t, findings(t, r, "sellers"), doctor.OK, "all of 1 sellers", "")

	put("eva", "eva", "eva.pem")
	put("leo", "leo", "leo.pem")
	r, err = examined(t, all)
	require.Equal(t, cli.Differences, exitOf(err))
	require.Len(t, findings(t, r, "sellers"), 2)
	show := "payments key show --key-id eva --file " + filepath.Join(all["KEY_FOLDER"], "eva.pem")
	says(t, findings(t, r, "sellers"), doctor.Failed, "seller eva: ", show)
	says(t, findings(t, r, "sellers"), doctor.Failed, "seller leo has a key of its own, which cannot be read", "KEY_FOLDER")
	out, err := run(t, all, strings.Fields(show)[1:]...)
	require.NoError(t, err, "what it says to do can be done")
	require.Contains(t, out, `"kid": "eva"`)
}

func TestKeyShow(t *testing.T) {
	t.Parallel()
	all := good(t, identitySettings(t))
	out, err := run(t, all, "key", "show")
	require.NoError(t, err)
	var public openpayments.JWK
	require.NoError(t, json.Unmarshal([]byte(out), &public))
	pem, err := os.ReadFile(all["SELLER_PRIVATE_KEY_PATH"])
	require.NoError(t, err)
	key, err := openpayments.ParsePrivateKeyPEM(pem)
	require.NoError(t, err)
	own, err := public.PublicKey()
	require.NoError(t, err)
	require.True(t, own.Equal(key.Public()))
	require.NotContains(t, out, base64.RawURLEncoding.EncodeToString(key.Seed()), "not the private half")
	require.Len(t, key, ed25519.PrivateKeySize)

	_, err = run(t, good(t, nil), "key", "show")
	require.ErrorContains(t, err, "SELLER_KEY_ID")
	all["SELLER_PRIVATE_KEY_PATH"] = "/nowhere.pem"
	_, err = run(t, all, "key", "show")
	require.ErrorContains(t, err, "/nowhere.pem")
}

// What a receiver answers, and what an operator is told to do; the service does not run.
func TestDoctor_WhatReceiversAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status    int
		body      string
		state     doctor.State
		found, do string
	}{
		"taken":               {200, "pong", doctor.OK, "answered 200", ""},
		"not believed":        {401, "no", doctor.Failed, "does not believe the signature", "payments webhook secret list"},
		"moved":               {302, "", doctor.Failed, "nobody takes webhooks there", "redirects are not followed"},
		"another page":        {404, "<html>", doctor.Failed, "nobody takes webhooks there", "MARKETPLACE_BASE_URL"},
		"a page that is read": {405, "", doctor.Failed, "nobody takes webhooks there", "MARKETPLACE_BASE_URL"},
		"knows payments only": {404, `{"success": false, "error": "Job not found"}`, doctor.Warning, "does not know test events", "answer 2xx"},
		"knows its types":     {400, "unknown type", doctor.Warning, "does not know test events", "answer 2xx"},
		"gone":                {410, "", doctor.Failed, "wants no more webhooks", "payments webhook endpoint enable marketplace"},
		"broken":              {500, "oh", doctor.Failed, "answered 500: oh", "log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			type post struct {
				header http.Header
				body   []byte
			}
			posts := make(chan post, 10)
			market := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					body, _ := io.ReadAll(r.Body)
					posts <- post{r.Header, body}
				}
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			t.Cleanup(market.Close)
			all := prepared(t)
			all["MARKETPLACE_BASE_URL"] = market.URL
			r, err := examined(t, all)
			says(t, findings(t, r, "webhooks"), c.state, c.found, c.do)
			if c.state == doctor.Failed {
				require.Equal(t, cli.Differences, exitOf(err))
			}
			secrets, err := webhook.ParseSecrets(all["WEBHOOK_SECRET"])
			require.NoError(t, err)
			got := <-posts
			require.NoError(t, secrets.Verify(got.header, got.body, time.Now()))
			out, err := run(t, all, "webhook", "list", "--json", "--type", "ping")
			require.NoError(t, err)
			require.JSONEq(t, "[]", out, "nothing is kept")
		})
	}
}

// The dead, the late and the stuck are counted, and each command that is named shows them.
func TestDoctor_Backlog(t *testing.T) {
	t.Parallel()
	all := prepared(t) // days ago: a payment that waits for its buyer, and a webhook that was refused
	r, _ := examined(t, all)
	says(t, findings(t, r, "backlog"), doctor.Warning, "1 of 1 pending payments", "payments payment show <pendingId>")
	says(t, findings(t, r, "backlog"), doctor.Warning, "1 payments and 1 webhooks are due", "payments serve")
	says(t, findings(t, r, "backlog"), doctor.Warning, "1 webhooks for endpoint marketplace are on their way", "payments webhook list --state pending --endpoint marketplace")
	says(t, findings(t, r, "encryption key"), doctor.OK, "opens all of 1", "")

	keys, err := store.ReadKeys(logging.Secret(all["TOKEN_ENCRYPTION_KEY"]))
	require.NoError(t, err)
	keep := store.New(databasetest.Open(t, all["DATABASE_URL"], clock.System(), store.Migrations()), keys)
	payments, webhooks, err := keep.Overdue(t.Context(), at.Add(-time.Hour))
	require.NoError(t, err)
	require.Zero(t, payments+webhooks)
	_, err = run(t, all, "webhook", "endpoint", "disable", "marketplace")
	require.NoError(t, err)
	_, webhooks, err = keep.Overdue(t.Context(), clock.System().Now())
	require.NoError(t, err)
	require.Zero(t, webhooks, "of an endpoint that is disabled they wait")
	r, _ = examined(t, all)
	says(t, findings(t, r, "webhooks"), doctor.Warning, "an operator disabled it", "payments webhook endpoint enable marketplace")

	other := maps.Clone(all)
	other["TOKEN_ENCRYPTION_KEY"] = store.GenerateKey()
	r, err = examined(t, other)
	require.Equal(t, cli.Differences, exitOf(err))
	says(t, findings(t, r, "encryption key"), doctor.Failed, "cannot be opened", "set TOKEN_ENCRYPTION_KEY")
}

func TestDoctor_Text(t *testing.T) {
	t.Parallel()
	out, err := run(t, good(t, map[string]string{"PAYMENTS_API_KEY": "", "RECONCILE_INTERVAL": "0", "BASE_URL": "http://127.0.0.1:1", "MARKETPLACE_BASE_URL": "http://127.0.0.1:1"}), "doctor")
	require.Equal(t, cli.Differences, exitOf(err))
	require.ErrorIs(t, err, doctor.ErrFailed)
	for _, text := range []string{
		"warning  configuration   there is no PAYMENTS_API_KEY", "→ set PAYMENTS_API_KEY; one is made by: payments secret generate api", "warning  configuration   there is no client identity",
		"warning  configuration   RECONCILE_INTERVAL is 0", "failed   database        there is no database at", "skipped  wallet          needs SELLER_WALLET_ADDRESS_URL", "12 checks of payments",
	} {
		require.Contains(t, out, text)
	}
	own, err := examined(t, good(t, map[string]string{"PAYMENTS_LISTEN": "127.0.0.1:1", "BASE_URL": "http://localhost:1"}))
	require.Equal(t, cli.Differences, exitOf(err))
	says(t, findings(t, own, "finish"), doctor.Skipped, "needs the service to run", "")
	_, err = run(t, good(t, nil), "doctor", "more")
	require.Equal(t, cli.WrongUsage, exitOf(err), "it could not look")
}
