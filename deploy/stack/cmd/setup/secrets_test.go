package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func contents(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	files, err := filepath.Glob(filepath.Join(root, "*", "*"))
	require.NoError(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		all[strings.TrimPrefix(file, root+"/")] = strings.TrimSpace(string(content))
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o400), info.Mode().Perm(), file)
	}
	return all
}

func TestMakeSecrets(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	own := owners{services: os.Getuid(), postgres: os.Getuid()}
	made, err := makeSecrets(root, own)
	require.NoError(t, err)
	have := contents(t, root)
	require.Len(t, made, len(have))

	keys := strings.Fields(have["payments/api_key"])
	require.Len(t, keys, 2)
	require.Equal(t, "pay:"+have["web/api_key"], keys[1])
	require.NotEqual(t, keys[0], have["web/api_key"], "whoever has the marketplace's may only pay")
	require.Equal(t, have["payments/webhook_secret"], have["web/webhook_secret"])
	require.True(t, strings.HasPrefix(have["payments/webhook_secret"], "whsec_"))
	key, err := base64.StdEncoding.DecodeString(have["payments/token_encryption_key"])
	require.NoError(t, err)
	require.Len(t, key, 32)
	require.Equal(t, "*:*:*:payments:"+have["postgres/payments"], have["payments/pgpass"])
	require.Equal(t, "*:*:*:marketplace:"+have["postgres/marketplace"], have["web/pgpass"])
	for _, private := range []string{"web/token_encryption_key", "web/platform.pem"} {
		require.NotContains(t, have, private, "the marketplace has no use for it")
	}
	jwk, err := publicHalf(filepath.Join(root, "payments", platformKeyFile), "an-id")
	require.NoError(t, err)
	require.Equal(t, "an-id", jwk.Kid)
	require.Len(t, jwk.X, 43)

	// A second start keeps all, closes what has come back from a backup, and makes what is missing: a pgpass with the password
	// that Postgres has.
	require.NoError(t, os.Chmod(filepath.Join(root, "payments", "api_key"), 0o644))
	require.NoError(t, os.Remove(filepath.Join(root, "web", "pgpass")))
	require.NoError(t, os.Remove(filepath.Join(root, "web", "api_key")))
	made, err = makeSecrets(root, own)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"web/pgpass", "web/api_key"}, made)
	require.Equal(t, have, contents(t, root))

	// From before the marketplace had a key of its own.
	require.NoError(t, putSecret(filepath.Join(root, "payments"), "api_key", os.Getuid(), strings.NewReader("the-one-for-both\n")))
	require.NoError(t, os.Remove(filepath.Join(root, "web", "api_key")))
	_, err = makeSecrets(root, own)
	require.NoError(t, err)
	require.Equal(t, "the-one-for-both", contents(t, root)["web/api_key"])
}

func TestPutSecret(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	own := owners{services: os.Getuid(), postgres: os.Getuid()}
	_, err := makeSecrets(root, own)
	require.NoError(t, err)
	before := contents(t, root)
	folder := filepath.Join(root, "payments")
	require.NoError(t, putSecret(folder, "api_key", os.Getuid(), strings.NewReader("a new one\n")))
	before["payments/api_key"] = "a new one"
	require.Equal(t, before, contents(t, root), "and nobody else can read it")

	require.ErrorContains(t, putSecret(folder, "api_key", os.Getuid(), strings.NewReader(" \n")), "nothing was changed")
	require.ErrorContains(t, putSecret(folder, "no_such", os.Getuid(), strings.NewReader("x")), "no secret payments/no_such")
	require.ErrorContains(t, putSecret(folder, "../web/api_key_", os.Getuid(), strings.NewReader("x")), "no secret")
	require.Equal(t, before, contents(t, root))
}
