package openpayments_test

import (
	"bytes"
	"crypto/ed25519"
	"testing"

	"github.com/stretchr/testify/require"

	op "tianguis.example/payments/openpayments"
)

// FuzzParsePrivateKeyPEM: a key that is read signs, comes back from what we write, and is never in an error.
func FuzzParsePrivateKeyPEM(f *testing.F) {
	key, err := op.GenerateKey()
	require.NoError(f, err)
	text, err := op.MarshalPrivateKeyPEM(key)
	require.NoError(f, err)
	f.Add(text)
	f.Add(append(text, text...))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Add(bytes.ReplaceAll(text, []byte("PRIVATE"), []byte("PUBLIC")))
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := op.ParsePrivateKeyPEM(text)
		if err != nil {
			require.Regexp(t, `^read private key: [A-Za-z0-9 #-]+$`, err.Error())
			return
		}
		written, err := op.MarshalPrivateKeyPEM(key)
		require.NoError(t, err)
		again, err := op.ParsePrivateKeyPEM(written)
		require.NoError(t, err)
		require.True(t, key.Equal(again))
		public, ok := key.Public().(ed25519.PublicKey)
		require.True(t, ok)
		published, err := op.PublicJWK("k", public).PublicKey()
		require.NoError(t, err)
		require.True(t, ed25519.Verify(published, []byte("x"), ed25519.Sign(key, []byte("x"))))
	})
}
