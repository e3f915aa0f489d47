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

func TestRegistration_NamesEveryFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := marketplace.Registration{Email: "x", Name: " ", Password: "short", Role: "king", Language: "a b", WalletAddress: "x"}.User(noon)
	known := &marketplace.Error{}
	require.ErrorAs(t, err, &known)
	var fields []string
	for _, f := range known.Fields {
		fields = append(fields, f.Field)
	}
	require.Equal(t, []string{"email", "name", "password", "role", "language", "wallet_address"}, fields, "in the form's order")
	require.Equal(t, known.Fields[0].Sentence(), known.Sentence())

	u, err := marketplace.Registration{
		Email: "Zoe@Example.com ", Name: " Zoé ", Password: "a sentence of mine", Role: marketplace.Both, Language: "es-MX", WalletAddress: " ",
	}.User(noon)
	require.NoError(t, err)
	require.Equal(t, marketplace.User{Email: "zoe@example.com", Name: "Zoé", Role: marketplace.Both, Language: "es-MX", Version: 1, CreatedAt: noon}, u)
}

func TestSetPassword_Rules(t *testing.T) {
	t.Parallel()
	u := marketplace.User{ID: 1, Email: "ana@example.com", Name: "Ana María López"}
	for _, bad := range []string{"", "ninechars", strings.Repeat("é", 9), strings.Repeat("ab c", 51), "aaaaaaaaaaaa", "abababababab", "1234567890", "PASSWORD123", "Ana@example.com", "ana maría lópez"} {
		_, err := u.SetPassword(bad, marketplace.AccountPasswordChanged, "p", noon)
		require.Equal(t, marketplace.CodeInvalidInput, marketplace.CodeOf(err), bad)
	}
	for _, good := range []string{"ten chars!", "contraseña larga", "пароль на рынке", strings.Repeat("ab cd", 40), "123 abc 456", "  spaces count  "} {
		c, err := u.SetPassword(good, marketplace.AccountPasswordChanged, "p", noon)
		require.NoError(t, err, good)
		require.True(t, marketplace.PasswordMatches(c.After.PasswordHash, good))
		require.True(t, c.EndSessions)
		require.Equal(t, []marketplace.AccountEvent{{At: noon, Event: marketplace.AccountPasswordChanged, Peer: "p"}}, c.Events)
	}
}

func TestAccountChanges_SayWhatChanged(t *testing.T) {
	t.Parallel()
	u := marketplace.User{ID: 1, Email: "ana@example.com", Name: "Ana", Role: marketplace.Worker, WalletAddressURL: "https://w.example/a"}
	same, err := u.SetProfile(marketplace.Profile{Name: "Ana", Role: marketplace.Worker}, "p", noon)
	require.NoError(t, err)
	require.Empty(t, same.Events)
	c, err := u.SetProfile(marketplace.Profile{Name: "Ana López", Role: marketplace.Both, Language: "es"}, "p", noon)
	require.NoError(t, err)
	require.Equal(t, u, c.Before)
	require.Len(t, c.Events, 2)
	require.Equal(t, "worker → both", c.Events[1].Detail)
	checked := u.SetWallet(u.WalletAddressURL, marketplace.Wallet{AssetCode: "MXN", CheckedAt: noon}, "p", noon)
	require.Empty(t, checked.Events, "the same address, looked at")
	require.Equal(t, "MXN", checked.After.Wallet.AssetCode)
	words := map[string]bool{}
	for _, event := range []string{
		marketplace.AccountSignUp, marketplace.AccountPasswordChanged, marketplace.AccountPasswordReset, marketplace.AccountEmailChanged, marketplace.AccountWalletChanged,
		marketplace.AccountRoleChanged, marketplace.AccountNameChanged, marketplace.AccountSessionsEnded, marketplace.AccountOperatorAdded, marketplace.AccountOperatorRemoved,
	} {
		word := marketplace.AccountEvent{Event: event}.Word()
		require.NotEqual(t, event, word)
		require.False(t, words[word], word)
		words[word] = true
	}
}
