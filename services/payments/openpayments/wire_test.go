package openpayments

import (
	"encoding/json"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEncodeBody_IsJavaScripts(t *testing.T) {
	t.Parallel()
	// Each value with what JSON.stringify makes of it.
	for want, value := range map[string]any{
		`{"a":"<b> & 'c' \"d\" / \\ \\u2028"}`:   map[string]string{"a": `<b> & 'c' "d" / \ \u2028`},
		"{\"a\":\"\\b\\f\\n\\r\\t\\u0001\x7f\"}": map[string]string{"a": "\b\f\n\r\t\x01\x7f"},
		`{"a":"niño 市場 🛒 ` + "\ufffd" + `"}`:     map[string]string{"a": "niño 市場 🛒 \ufffd"},
		`{"walletAddress":"https://a.example/x?y=1&z=2","receiver":"r","method":"ilp"}`: quoteBody{
			WalletAddress: "https://a.example/x?y=1&z=2", Receiver: "r", Method: "ilp",
		},
	} {
		body, err := encodeBody(value)
		require.NoError(t, err)
		require.Equal(t, want, string(body))
	}
	for _, text := range []string{"\u2028", "a\u2029", "\xff", `\` + "\u2028"} {
		_, err := encodeBody(map[string]string{"a": text})
		require.Error(t, err, "%q", text)
	}
}

func TestFormatTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 4, 54, 11, 690_999_999, time.FixedZone("", -6*3600))
	require.Equal(t, "2026-11-23T10:54:11.690Z", formatTime(at))
	require.Equal(t, "2026-11-23T10:54:11.000Z", formatTime(at.Truncate(time.Second)))
	require.Empty(t, formatTime(time.Time{}))
}

func TestTargetURI(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://a.example":                           "https://a.example/",
		"https://a.example/":                          "https://a.example/",
		"https://a.example:443/x":                     "https://a.example:443/x",
		"https://a.example?x=1":                       "https://a.example/?x=1",
		"https://a.example/a%2Fb%7E":                  "https://a.example/a%2Fb%7E",
		"https://a.example/x?":                        "https://a.example/x?",
		"https://A.Example/x?a=%20&b+":                "https://A.Example/x?a=%20&b+",
		"https://a.example//x/../y":                   "https://a.example//x/../y",
		"http://[::1]:4000/x":                         "http://[::1]:4000/x",
		"https://a.example/x?u=https%3A%2F%2Fb&c=a+b": "https://a.example/x?u=https%3A%2F%2Fb&c=a+b",
	} {
		u, err := parseURL(raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, targetURI(u))
	}
}

func TestSameResource(t *testing.T) {
	t.Parallel()
	require.True(t, sameResource("https://a.example/1", "http://a.example/1"))
	require.False(t, sameResource("https://a.example/1", "https://a.example/1/"))
	require.False(t, sameResource("https://a.example/1", "https://b.example/1"))
	require.False(t, sameResource("https://a.example/1", ""))
}

func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"https://a.example/x?y=%20", "http://[::1]:80", "https://a@b", "https://a/#", "//a", "https://a.example:443"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if checkURL(raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		require.NoError(t, err)
		require.Equal(t, raw, u.String(), "a URL that is used is used verbatim")
		require.Nil(t, u.User)
		require.NotEmpty(t, u.Host)
	})
}

// Whatever a wallet answers, reading it does not panic, and what is believed keeps its promises.
func FuzzBelieve(f *testing.F) {
	text, err := os.ReadFile("contracttest/testdata/answers.json")
	require.NoError(f, err)
	var recorded []struct{ Body string }
	require.NoError(f, json.Unmarshal(text, &recorded))
	for _, r := range recorded {
		f.Add([]byte(r.Body))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		if grant, err := read(answer, func(w grantWire) (Grant, error) { return w.believe("https://auth.example") }); err == nil {
			require.True(t, grant.AccessToken != nil || grant.Continue != nil)
			require.False(t, grant.AccessToken != nil && grant.Interaction != nil)
			if grant.AccessToken != nil {
				require.True(t, isVisible(grant.AccessToken.Value))
				require.NoError(t, checkURL(grant.AccessToken.ManageURI))
				require.GreaterOrEqual(t, grant.AccessToken.ExpiresIn, time.Duration(0))
			}
			if grant.Continue != nil {
				require.NoError(t, checkURL(grant.Continue.URI))
				require.GreaterOrEqual(t, grant.Continue.Wait, time.Duration(0))
			}
			if grant.Interaction != nil {
				require.NoError(t, checkURL(grant.Interaction.Redirect))
				require.NotEmpty(t, grant.Interaction.Finish)
			}
		}
		const asked = "https://cloud-nine-wallet-test-backend:3100/accounts/gfranklin"
		if address, err := read(answer, func(w walletAddressWire) (WalletAddress, error) { return w.believe(asked) }); err == nil {
			require.NoError(t, checkURL(address.AuthServer))
			require.NoError(t, checkURL(address.ResourceServer))
			require.NotEmpty(t, address.AssetCode)
		}
		if payment, err := read(answer, func(w incomingPaymentWire) (IncomingPayment, error) { return w.believe("", "") }); err == nil {
			require.NoError(t, checkURL(payment.ID))
			require.True(t, payment.ReceivedAmount.IsSet())
		}
		if payment, err := read(answer, func(w outgoingPaymentWire) (OutgoingPayment, error) { return w.believe("", "", "") }); err == nil {
			require.NoError(t, checkURL(payment.ID))
			require.True(t, payment.SentAmount.SameAsset(payment.DebitAmount))
		}
		if quote, err := read(answer, func(q Quote) (Quote, error) { return believeQuote(q, "", "", "") }); err == nil {
			require.NoError(t, checkURL(quote.ID))
			require.Positive(t, quote.DebitAmount.Value())
		}
		_, _ = read(answer, believePublicIncomingPayment)
		_, _ = read(answer, believeSpentAmounts)
		_, _ = read(answer, believeKeys)
		said := readRefusal("application/json", answer)
		require.Error(t, kindOf(call{}, 400, said))
		require.LessOrEqual(t, len([]rune(quotable(said.description))), maxQuoted+1)
	})
}

func read[W, V any](answer []byte, believe func(W) (V, error)) (V, error) {
	var wire W
	if err := json.Unmarshal(answer, &wire); err != nil {
		var none V
		return none, err
	}
	return believe(wire)
}
