package sdk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/openpayments/contracttest"
)

// What the SDK cannot do, whatever is put around it (docs/sdk.md).
var excused = contracttest.Excuses{
	"AnyURL": "the SDK continues no grant whose URL lacks continue/, rotates no token whose URL lacks token/, and reads no payment whose URL lacks " +
		"outgoing-payments/. It says so before anything is sent.",
	"RecordedBytes": "the SDK names the client by an object, adds alg to a signature's parameters and writes keyid after created. All of it is in the " +
		"standards, and RecordedSuccesses holds what it means.",
	"SignaturesAreDatedByNow": "the SDK reads the machine's clock, and cannot be given another.",
}

func TestContract(t *testing.T) {
	t.Parallel()
	contracttest.Run(t, New, excused)
}

// distant signs as a KMS does: it hands out no key.
type distant struct{ openpayments.Signer }

func TestNew_RefusesASignerWithoutItsKey(t *testing.T) {
	t.Parallel()
	key, err := openpayments.GenerateKey()
	require.NoError(t, err)
	held, err := openpayments.NewEd25519Signer("key-1", key)
	require.NoError(t, err)
	_, err = New(openpayments.Config{WalletAddress: "https://wallet.example/me", Signer: held})
	require.NoError(t, err)
	_, err = New(openpayments.Config{WalletAddress: "https://wallet.example/me", Signer: distant{held}})
	require.ErrorContains(t, err, "held in memory")
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a":"\u003cb\u003e \u0026 c"}`: `{"a":"<b> & c"}`,
		`"\\u0026"`:                      `"\\u0026"`,
		`"\\\u0026"`:                     `"\\&"`,
		`"\u0027\u2028\n\"`:              `"\u0027\u2028\n\"`,
		`"\u002`:                         `"\u002`,
		`\`:                              `\`,
		``:                               ``,
	} {
		require.Equal(t, want, string(unescape([]byte(text))), text)
	}
}
