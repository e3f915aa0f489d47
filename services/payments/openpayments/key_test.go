package openpayments_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"testing"

	"github.com/stretchr/testify/require"

	op "tianguis.example/payments/openpayments"
)

func TestKey_RoundTrips(t *testing.T) {
	t.Parallel()
	key, signer := newSigner(t)
	text, err := op.MarshalPrivateKeyPEM(key)
	require.NoError(t, err)
	for _, spelled := range [][]byte{text, append([]byte("\n\n"), text...), append(text, " \r\n"...)} {
		back, err := op.ParsePrivateKeyPEM(spelled)
		require.NoError(t, err)
		require.Equal(t, key, back)
	}

	public := ed25519.PublicKey(key[32:])
	published, err := json.Marshal(op.JWKS{Keys: []op.JWK{op.PublicJWK("key-1", public)}})
	require.NoError(t, err)
	var keys op.JWKS
	require.NoError(t, json.Unmarshal(published, &keys))
	found, ok := keys.Find("key-1")
	require.True(t, ok)
	read, err := found.PublicKey()
	require.NoError(t, err)
	signature, err := signer.Sign(t.Context(), []byte("message"))
	require.NoError(t, err)
	require.True(t, ed25519.Verify(read, []byte("message"), signature))
	_, ok = keys.Find("key-2")
	require.False(t, ok)
}

func TestGenerateKey_IsNewEachTime(t *testing.T) {
	t.Parallel()
	a, _ := newSigner(t)
	b, _ := newSigner(t)
	require.NotEqual(t, a, b)
}

func TestParsePrivateKeyPEM_Refuses(t *testing.T) {
	t.Parallel()
	key, _ := newSigner(t)
	good, err := op.MarshalPrivateKeyPEM(key)
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(curve)
	require.NoError(t, err)
	for name, text := range map[string][]byte{
		"nothing":     nil,
		"no PEM":      []byte("secret words"),
		"another key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		"a public":    pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}),
		"garbage":     pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret words")}),
		"two":         append(append([]byte{}, good...), good...),
	} {
		_, err := op.ParsePrivateKeyPEM(text)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "secret", name)
	}
}

func TestJWK_PublicKeyRefuses(t *testing.T) {
	t.Parallel()
	key, _ := newSigner(t)
	good := op.PublicJWK("key-1", ed25519.PublicKey(key[32:]))
	for name, change := range map[string]func(*op.JWK){
		"kind":   func(k *op.JWK) { k.KeyType = "RSA" },
		"curve":  func(k *op.JWK) { k.Curve = "X25519" },
		"short":  func(k *op.JWK) { k.X = k.X[:10] },
		"base64": func(k *op.JWK) { k.X = "!" + k.X[1:] },
	} {
		bad := good
		change(&bad)
		_, err := bad.PublicKey()
		require.Error(t, err, name)
	}
}

func TestNewEd25519Signer_Refuses(t *testing.T) {
	t.Parallel()
	key, _ := newSigner(t)
	for _, id := range []string{"", `a"b`, `a\b`, "a b", "a\nb", "clé"} {
		_, err := op.NewEd25519Signer(id, key)
		require.Error(t, err, "%q", id)
	}
	_, err := op.NewEd25519Signer("key-1", key[:32])
	require.Error(t, err)
}
