package signature_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/sandbox"
	"tianguis.example/sandbox/signature"
)

func bank(t *testing.T) *sandbox.Bank {
	t.Helper()
	b, err := sandbox.New(sandbox.Options{
		Clock: clock.NewHeld(time.Unix(1795406051, 0)), BaseURL: "http://localhost:4100", Lifetimes: sandbox.DefaultLifetimes(),
	})
	require.NoError(t, err)
	require.NoError(t, b.Seed())
	return b
}

func TestDirectory_AsksWalletsOfThisMachineOnly(t *testing.T) {
	t.Parallel()
	key := sandbox.JWK{Kid: "k", X: "TibGLwf2eHh83cBKeS0Bn1U5cc0KTb-kcuTJdUgvi4s", Alg: "EdDSA", Kty: "OKP", Crv: "Ed25519"}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/shop/jwks.json":
			_, _ = w.Write([]byte(`{"keys":[{"kid":"k","x":"` + key.X + `","alg":"EdDSA","kty":"OKP","crv":"Ed25519"}]}`))
		case "/shop":
			_, _ = w.Write([]byte(`{"publicName":"The Shop"}`))
		case "/moved/jwks.json":
			http.Redirect(w, r, "/shop/jwks.json", http.StatusFound)
		case "/long/jwks.json":
			_, _ = w.Write([]byte(`{"keys":[` + strings.Repeat(" ", 1<<20) + `]}`))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(other.Close)
	d := signature.NewDirectory(bank(t), nil)

	found, err := d.Key(t.Context(), other.URL+"/shop", "k")
	require.NoError(t, err)
	require.Equal(t, key, found)
	require.Equal(t, "The Shop", d.Name(t.Context(), other.URL+"/shop"))
	require.Equal(t, strings.TrimPrefix(other.URL, "http://"), d.Name(t.Context(), other.URL+"/nameless"))
	for _, address := range []string{
		other.URL + "/nobody", other.URL + "/moved", other.URL + "/long", "http://192.0.2.1/shop", "https://wallet.example/shop",
		"ftp://localhost/shop", "http://localhost:4100/nobody", "not a url",
	} {
		_, err := d.Key(t.Context(), address, "k")
		require.Error(t, err, address)
	}
	_, err = d.Key(t.Context(), other.URL+"/shop", "another")
	require.Error(t, err)
}

func TestDirectory_KnowsItsOwn(t *testing.T) {
	t.Parallel()
	b := bank(t)
	key := sandbox.JWK{Kid: "k", X: "TibGLwf2eHh83cBKeS0Bn1U5cc0KTb-kcuTJdUgvi4s", Alg: "EdDSA", Kty: "OKP", Crv: "Ed25519"}
	require.NoError(t, b.RegisterKey("marketplace", key))
	d := signature.NewDirectory(b, nil)
	found, err := d.Key(t.Context(), "http://localhost:4100/marketplace", "k")
	require.NoError(t, err)
	require.Equal(t, key, found)
	require.Equal(t, "Tianguis Marketplace", d.Name(t.Context(), "http://localhost:4100/marketplace"))
}
