package stack_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
)

func TestNew_SecretsAreMadeOnceAndForTheirOwnerAlone(t *testing.T) {
	t.Parallel()
	config := stack.Config{State: filepath.Join(t.TempDir(), "state"), Ports: stack.DefaultPorts()}
	first, err := stack.New(config)
	require.NoError(t, err)
	before := read(t, first.Secrets)
	again, err := stack.New(config)
	require.NoError(t, err)
	require.Equal(t, before, read(t, again.Secrets), "tokens at rest need the key that they were encrypted with")

	config.State = filepath.Join(t.TempDir(), "other")
	other, err := stack.New(config)
	require.NoError(t, err)
	for i, secret := range read(t, other.Secrets) {
		require.NotEqual(t, before[i], secret)
	}
}

func read(t *testing.T, s stack.Secrets) []string {
	t.Helper()
	var all []string
	for _, file := range []string{s.APIKey, s.WebhookSecret, s.TokenEncryptionKey} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		text := strings.TrimSpace(string(content))
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
		require.NoError(t, err)
		require.Len(t, key, 32)
		require.Equal(t, file == s.WebhookSecret, strings.HasPrefix(text, "whsec_"))
		all = append(all, text)
	}
	return all
}
