package marketplace_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
)

func TestParseWalletAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://wallet.example/alice":           "https://wallet.example/alice",
		"  https://wallet.example/alice ":        "https://wallet.example/alice",
		"http://localhost:5001/alice":            "http://localhost:5001/alice",
		"$wallet.example/alice":                  "https://wallet.example/alice",
		"$wallet.example":                        "https://wallet.example/.well-known/pay",
		"https://ilp.interledger-test.dev/01234": "https://ilp.interledger-test.dev/01234",
	} {
		got, err := marketplace.ParseWalletAddress(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{
		"", "alice", "wallet.example/alice", "ftp://wallet.example/a", "javascript:alert(1)", "https://", "https:///alice", "$", "$/alice",
		"https://user:pass@wallet.example/a", "https://wallet.example/a?b=c", "https://wallet.example/a#b", "https://wallet.example/" + strings.Repeat("a", 500),
		"https://wallet.example/a\nb", "https://wallet.example/\xff", "https://wallet.example/\x00", "//wallet.example/a",
	} {
		_, err := marketplace.ParseWalletAddress(text)
		require.Equal(t, marketplace.CodeInvalidWallet, marketplace.CodeOf(err), "%q", text)
	}
}

func TestPassword_PHCForm(t *testing.T) {
	t.Parallel()
	hash := marketplace.HashPassword("demo-tianguis")
	require.Regexp(t, `^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, hash)
	require.NotEqual(t, hash, marketplace.HashPassword("demo-tianguis"), "salted")
	require.True(t, marketplace.PasswordMatches(hash, "demo-tianguis"))
	for _, wrong := range []string{"", "demo-tiangui", "Demo-tianguis", "demo-tianguis ", strings.Repeat("a", 10_000)} {
		require.False(t, marketplace.PasswordMatches(hash, wrong), wrong)
	}
	for _, broken := range []string{
		"", "demo-tianguis", "$argon2id$v=19$m=19456,t=2,p=1$$", strings.Replace(hash, "argon2id", "argon2i", 1), strings.Replace(hash, "v=19", "v=16", 1),
		strings.Replace(hash, "t=2", "t=0", 1), strings.Replace(hash, "p=1", "p=0", 1), strings.Replace(hash, "t=2", "t=3", 1), hash[:len(hash)-30],
	} {
		require.False(t, marketplace.PasswordMatches(broken, "demo-tianguis"), broken)
	}
}

// TestPassword_HashOfTheReferenceProgram: made by the argon2 command of the reference implementation,
// `echo -n password | argon2 somesalt -id -t 2 -k 65536 -p 1 -l 32 -e` (its test.c has the same vector).
func TestPassword_HashOfTheReferenceProgram(t *testing.T) {
	t.Parallel()
	const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	require.True(t, marketplace.PasswordMatches(hash, "password"))
	require.False(t, marketplace.PasswordMatches(hash, "differentpassword"))
}

func TestNewUser_BadInput(t *testing.T) {
	t.Parallel()
	u, err := marketplace.NewUser(" Ana@Example.COM ", " Ana ", "long enough", marketplace.Both, "$w.example/ana", noon)
	require.NoError(t, err)
	require.Equal(t, "ana@example.com", u.Email)
	require.Equal(t, "Ana", u.Name)
	require.Equal(t, "https://w.example/ana", u.WalletAddressURL)
	for name, bad := range map[string]func() (marketplace.User, error){
		"e-mail": func() (marketplace.User, error) {
			return marketplace.NewUser("ana", "Ana", "long enough", "both", "", noon)
		},
		"e-mail, named": func() (marketplace.User, error) {
			return marketplace.NewUser("Ana <a@b.example>", "Ana", "long enough", "both", "", noon)
		},
		"name": func() (marketplace.User, error) {
			return marketplace.NewUser("a@b.example", " ", "long enough", "both", "", noon)
		},
		"role": func() (marketplace.User, error) {
			return marketplace.NewUser("a@b.example", "Ana", "long enough", "admin", "", noon)
		},
		"short password": func() (marketplace.User, error) {
			return marketplace.NewUser("a@b.example", "Ana", "short", "both", "", noon)
		},
		"long password": func() (marketplace.User, error) {
			return marketplace.NewUser("a@b.example", "Ana", strings.Repeat("a", 201), "both", "", noon)
		},
	} {
		_, err := bad()
		require.Equal(t, marketplace.CodeInvalidInput, marketplace.CodeOf(err), name)
	}
}
