package cmd

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a caller of POST /sellers names is read below KEY_FOLDER, or not at all.
func TestKeyFolder_NothingOutsideOfItIsRead(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	newKey(t, filepath.Join(outside, "key.pem"))
	folder := filepath.Join(outside, "keys")
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "below"), 0o700))
	newKey(t, filepath.Join(folder, "key.pem"))
	newKey(t, filepath.Join(folder, "below", "key.pem"))
	require.NoError(t, os.Symlink(filepath.Join(outside, "key.pem"), filepath.Join(folder, "absolute.pem")))
	require.NoError(t, os.Symlink("../key.pem", filepath.Join(folder, "relative.pem")))
	require.NoError(t, os.Symlink("..", filepath.Join(folder, "up")))
	require.NoError(t, os.Symlink("key.pem", filepath.Join(folder, "inside.pem")))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "words.pem"), []byte(planted), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "large.pem"), make([]byte, 17<<10), 0o600))

	r := mustServe(t, good(t, map[string]string{"KEY_FOLDER": folder}))
	register := func(path string) (int, string) {
		body, err := json.Marshal(map[string]string{"id": "bob", "walletAddressUrl": "https://wallet.example/bob", "keyId": "key-1", "privateKeyPath": path})
		require.NoError(t, err)
		return r.ask(t, http.MethodPost, "/sellers", string(body))
	}
	for _, path := range []string{
		"../key.pem", filepath.Join(outside, "key.pem"), filepath.Join(folder, "key.pem"), "below/../../key.pem", "absolute.pem", "relative.pem", "up/key.pem",
		"/etc/passwd", "/dev/zero", ".", "below", "no.pem", "words.pem", "large.pem", "key.pem\x00", "", `..\key.pem`,
	} {
		status, body := register(path)
		require.Equal(t, http.StatusBadRequest, status, "%q: %s", path, body)
		require.NotContains(t, body, outside, "no path of this machine in an answer")
		require.NotContains(t, body, planted)
	}
	_, body := r.ask(t, http.MethodGet, "/sellers", "")
	require.JSONEq(t, `{"sellers":[]}`, body)
	for _, path := range []string{"key.pem", "below/key.pem", "inside.pem"} {
		status, body := register(path)
		require.Equal(t, http.StatusCreated, status, "%q: %s", path, body)
	}
	_, body = r.ask(t, http.MethodGet, "/sellers", "")
	require.JSONEq(t, `{"sellers":[{"id":"bob","walletAddressUrl":"https://wallet.example/bob","keyId":"key-1"}]}`, body)
}

func TestKeyFolder_WithoutItNoKeyIsTaken(t *testing.T) {
	t.Parallel()
	r := mustServe(t, good(t, nil))
	status, body := r.ask(t, http.MethodPost, "/sellers", `{"id":"bob","walletAddressUrl":"https://wallet.example/bob","keyId":"k","privateKeyPath":"/etc/hostname"}`)
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, body, `"invalid_key"`)
	require.Contains(t, body, "KEY_FOLDER")
}

// All secrets of a service that runs: in no log line, whatever is asked of it.
func TestServe_NoSecretIsLogged(t *testing.T) {
	t.Parallel()
	identity := identitySettings(t)
	pem, err := os.ReadFile(identity["SELLER_PRIVATE_KEY_PATH"])
	require.NoError(t, err)
	all := good(t, identity)
	maps.Copy(all, map[string]string{"WALLET_ALLOW_HOSTS": "127.0.0.1:1", "MARKETPLACE_BASE_URL": "http://127.0.0.1:1"})
	r := mustServe(t, all)
	for path, body := range map[string]string{
		"/api/wallet/profile":     `{"walletAddressUrl":"http://127.0.0.1:1/alice"}`,
		"/offers/7/quotes/start":  `{"sellerId":"platform","buyerWalletAddressUrl":"http://127.0.0.1:1/bob","amount":"1.00"}`,
		"/api/payments/incoming":  `{"sellerId":"platform","amount":"1.00"}`,
		"/sellers":                `{"id":"bob"}`,
		"/payments/finish?hash=h": "",
	} {
		r.ask(t, http.MethodPost, path, body)
	}
	r.ask(t, http.MethodGet, "/payments/finish?pendingId=01KAR0000000000000000000AA&hash=planted-hash&interact_ref=planted-ref", "")
	require.NoError(t, r.stop())
	said := r.lines.String()
	require.Contains(t, said, `msg="wallet call" method=GET host=127.0.0.1:1 path=/alice`)
	for _, secret := range []string{all["PAYMENTS_API_KEY"], all["WEBHOOK_SECRET"], all["TOKEN_ENCRYPTION_KEY"], "planted"} {
		require.NotContains(t, said, strings.TrimPrefix(secret, "whsec_"))
	}
	for line := range strings.Lines(string(pem)) {
		require.NotContains(t, said, strings.TrimSpace(line))
	}
}
