package openpayments

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type clientKey struct {
	WalletAddress string
	KeyID         string `json:"keyId"`
	PrivateKeyPem string
	PublicJwk     JWK
}

// recordedSigner is the client that the recordings were made with (contracttest/testdata/README.md).
func recordedSigner(t testing.TB) (clientKey, Signer) {
	t.Helper()
	text, err := os.ReadFile("contracttest/testdata/client-key.json")
	require.NoError(t, err)
	var key clientKey
	require.NoError(t, json.Unmarshal(text, &key))
	private, err := ParsePrivateKeyPEM([]byte(key.PrivateKeyPem))
	require.NoError(t, err)
	signer, err := NewEd25519Signer(key.KeyID, private)
	require.NoError(t, err)
	return key, signer
}

// Ed25519 is deterministic: what a real wallet accepted is what we must write.
func TestSignRequest_AcceptedByARealWallet(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("contracttest/testdata/signatures.json")
	require.NoError(t, err)
	var vectors []struct {
		Trace, Name, Method, URL, Authorization, ContentType, Body string
		Created                                                    int64
		SignatureInput, SignatureBase, Signature                   string
	}
	require.NoError(t, json.Unmarshal(text, &vectors))
	require.Len(t, vectors, 27)
	_, signer := recordedSigner(t)
	for _, v := range vectors {
		t.Run(v.Trace+" "+v.Name, func(t *testing.T) {
			t.Parallel()
			var reader io.Reader
			if v.Body != "" {
				reader = bytes.NewReader([]byte(v.Body))
			}
			request, err := http.NewRequestWithContext(t.Context(), v.Method, v.URL, reader)
			require.NoError(t, err)
			if v.Authorization != "" {
				request.Header.Set("Authorization", v.Authorization)
			}
			if v.ContentType != "" {
				request.Header.Set("Content-Type", v.ContentType)
			}
			spy := &spySigner{Signer: signer}
			require.NoError(t, signRequest(t.Context(), request, []byte(v.Body), spy, time.Unix(v.Created, 999)))
			require.Equal(t, v.SignatureBase, string(spy.signed))
			require.Equal(t, v.SignatureInput, request.Header.Get("Signature-Input"))
			require.Equal(t, v.Signature, request.Header.Get("Signature"))
		})
	}
}

type spySigner struct {
	Signer
	signed []byte
}

func (s *spySigner) Sign(ctx context.Context, message []byte) ([]byte, error) {
	s.signed = message
	return s.Signer.Sign(ctx, message)
}

type brokenSigner struct{ Signer }

var errKMS = errors.New("the KMS is away")

func (brokenSigner) Sign(context.Context, []byte) ([]byte, error) { return nil, errKMS }

func TestClient_SignerFails(t *testing.T) {
	t.Parallel()
	key, signer := recordedSigner(t)
	client, err := New(Config{WalletAddress: key.WalletAddress, Signer: brokenSigner{signer}})
	require.NoError(t, err)
	_, err = client.Quote.Get(t.Context(), QuoteGetParams{URL: "https://wallet.example/quotes/1", AccessToken: "T"})
	require.ErrorIs(t, err, errKMS)
	require.False(t, OutcomeUnknown(err))
}

func TestPublicJWK_IsWhatTheWalletPublished(t *testing.T) {
	t.Parallel()
	key, _ := recordedSigner(t)
	private, err := ParsePrivateKeyPEM([]byte(key.PrivateKeyPem))
	require.NoError(t, err)
	require.Equal(t, key.PublicJwk, PublicJWK(key.KeyID, ed25519.PublicKey(private[32:])))
}
