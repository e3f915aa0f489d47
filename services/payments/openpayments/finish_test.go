package openpayments_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	op "tianguis.example/payments/openpayments"
)

// The finish of traces/01-happy.json.
const (
	nonce    = "6a727616-dcbc-47b2-8cf8-716c3cdf5dc9"
	finish   = "4146B7A363275673"
	ref      = "7cb71e38-9c9d-4b9f-b155-e1143e5f9f6a"
	endpoint = "https://cloud-nine-wallet-test-auth:3106/438fa74a-fa7d-4317-9ced-dde32ece1787"
	hash     = "FMfDvM76vNA6dTT/eYAdgWM+BWJwHdz2M9xn75Bf2ws="
)

func TestFinishHash(t *testing.T) {
	t.Parallel()
	require.Equal(t, hash, op.FinishHash(nonce, finish, ref, endpoint))
}

func TestVerifyFinishHash_Spellings(t *testing.T) {
	t.Parallel()
	url := strings.NewReplacer("+", "-", "/", "_").Replace(hash)
	for _, spelled := range []string{
		hash, strings.TrimSuffix(hash, "="), url, strings.TrimSuffix(url, "="), strings.ReplaceAll(hash, "+", " "),
	} {
		require.True(t, op.VerifyFinishHash(spelled, nonce, finish, ref, endpoint), spelled)
	}
}

func TestVerifyFinishHash_Wrong(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{
		"", "=", " ", "x", hash + "=", hash + "A", "A" + hash, " " + hash, hash + "\n", hash[:20] + "\n" + hash[20:],
		hash[:len(hash)-2], strings.ToLower(hash), "%46" + hash[1:], strings.Repeat("A", 43), strings.Repeat("A", 1<<16),
		"FMfDvM76vNA6dTT/eYAdgWM+BWJwHdz2M9xn75Bf2wt=", // the same 32 bytes with a stray bit after them
	} {
		require.False(t, op.VerifyFinishHash(wrong, nonce, finish, ref, endpoint), "%q", wrong)
	}
	for i, args := range [][4]string{
		{"other", finish, ref, endpoint}, {nonce, "other", ref, endpoint}, {nonce, finish, "other", endpoint},
		{nonce, finish, ref, endpoint + "/"}, {"", finish, ref, endpoint}, {nonce, "", ref, endpoint},
		{nonce, finish, "", endpoint}, {nonce, finish, ref, ""},
	} {
		require.False(t, op.VerifyFinishHash(hash, args[0], args[1], args[2], args[3]), i)
	}
	empty := op.FinishHash("", "", "", "")
	require.False(t, op.VerifyFinishHash(empty, "", "", "", ""), "nothing proves nothing")
}

func FuzzVerifyFinishHash(f *testing.F) {
	f.Add(hash, ref)
	f.Add(strings.ReplaceAll(hash, "+", " "), ref)
	f.Fuzz(func(t *testing.T, given, givenRef string) {
		if !op.VerifyFinishHash(given, nonce, finish, givenRef, endpoint) {
			return
		}
		plain := strings.NewReplacer("-", "+", "_", "/", " ", "+").Replace(strings.TrimSuffix(given, "="))
		require.Equal(t, strings.TrimSuffix(op.FinishHash(nonce, finish, givenRef, endpoint), "="), plain)
	})
}
