package cmd

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/logging"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

func TestKeyGenerate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key.pem")
	out, err := run(t, nil, "key", "generate", "--key-id", "key-1", "--out", path)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	pem, err := os.ReadFile(path)
	require.NoError(t, err)
	key, err := openpayments.ParsePrivateKeyPEM(pem)
	require.NoError(t, err)

	var jwk map[string]string
	require.NoError(t, json.Unmarshal([]byte(out), &jwk), out)
	require.Equal(t, "key-1", jwk["kid"])
	require.Equal(t, "OKP", jwk["kty"])
	require.Equal(t, "Ed25519", jwk["crv"])
	public, err := base64.RawURLEncoding.DecodeString(jwk["x"])
	require.NoError(t, err)
	require.Equal(t, key.Public(), ed25519.PublicKey(public))
	require.NotContains(t, jwk, "d", "the private part stays in the file")

	_, err = run(t, nil, "key", "generate", "--key-id", "key-2", "--out", path)
	require.ErrorIs(t, err, fs.ErrExist)
	again, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, pem, again, "a key that is gone cannot be had again")
}

func TestKeyGenerate_Refuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	link := filepath.Join(folder, "link.pem")
	require.NoError(t, os.Symlink(filepath.Join(folder, "elsewhere.pem"), link))
	for name, args := range map[string][]string{
		"no key id":      {"--out", filepath.Join(folder, "a.pem")},
		"no file":        {"--key-id", "k"},
		"a bad key id":   {"--key-id", "a b", "--out", filepath.Join(folder, "a.pem")},
		"an empty one":   {"--key-id", "", "--out", filepath.Join(folder, "a.pem")},
		"no such folder": {"--key-id", "k", "--out", filepath.Join(folder, "no", "a.pem")},
		"a link":         {"--key-id", "k", "--out", link},
		"more words":     {"--key-id", "k", "--out", filepath.Join(folder, "a.pem"), "more"},
	} {
		_, err := run(t, nil, append([]string{"key", "generate"}, args...)...)
		require.Error(t, err, name)
	}
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestSecretGenerate(t *testing.T) {
	t.Parallel()
	parse := map[string]func(string) error{
		"webhook":    func(text string) error { _, err := webhook.ParseSecret(text); return err },
		"encryption": func(text string) error { _, err := store.ReadKeys(logging.Secret(text)); return err },
		"api":        func(text string) error { _, err := base64.RawURLEncoding.DecodeString(text); return err },
	}
	for kind, parses := range parse {
		first, err := run(t, nil, "secret", "generate", kind)
		require.NoError(t, err)
		second, err := run(t, nil, "secret", "generate", kind)
		require.NoError(t, err)
		require.NotEqual(t, first, second)
		require.Equal(t, byte('\n'), first[len(first)-1])
		require.NoError(t, parses(first[:len(first)-1]), kind)
		require.GreaterOrEqual(t, len(first), 43, "256 bits")
	}
	for _, args := range [][]string{{"secret", "generate"}, {"secret", "generate", "password"}, {"secret", "generate", "api", "webhook"}} {
		_, err := run(t, nil, args...)
		require.Error(t, err)
	}
}
