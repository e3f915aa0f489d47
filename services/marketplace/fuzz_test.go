package marketplace

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// failed is an error that a program can tell from others.
func failed(t *testing.T, err error, code Code) {
	t.Helper()
	require.Equal(t, code, CodeOf(err), "%v", err)
	require.True(t, utf8.ValidString(err.Error()))
}

// FuzzTerms: a budget that is taken is above zero, of a currency that was offered, and comes back from the form of the job that it makes.
func FuzzTerms(f *testing.F) {
	f.Add("Crates", "Forty of them", "100.00", "MXN", "3", "7", "7")
	f.Add(" \u202egnp", "a\r\nb\x00", "19.999", "USD", "0", "-1", "1e3")
	f.Add("x", "x", "9223372036854775807", "JPY", "+1", " 2 ", "０")
	f.Add("x", "x", "1,000", "MXN", "1", "1", "99999999999999999999")
	f.Add("x", "x", "0.000000001", "XAU", "1", "1", "1")
	assets := []Asset{{"MXN", 2}, {"USD", 2}, {"JPY", 0}, {"XAU", 9}}
	f.Fuzz(func(t *testing.T, title, description, amount, asset, applications, recruit, submit string) {
		form := TermsForm{title, description, amount, asset, applications, recruit, submit}
		terms, wrong := form.Terms(assets)
		if len(wrong) > 0 {
			require.Zero(t, terms)
			for _, err := range wrong {
				require.Equal(t, CodeInvalidInput, err.Code)
			}
			return
		}
		require.Positive(t, terms.Budget.Value())
		require.True(t, slices.Contains(assets, Asset{terms.Budget.AssetCode(), terms.Budget.AssetScale()}))
		for _, n := range []int{terms.MaxApplications, terms.RecruitDays, terms.SubmitDays} {
			require.Positive(t, n)
		}
		for _, text := range []string{terms.Title, terms.Description} {
			require.True(t, text != "" && utf8.ValidString(text) && !strings.Contains(text, "\x00"))
		}
		again, wrong := Job{}.with(terms).TermsForm().Terms(assets)
		require.Empty(t, wrong)
		require.Equal(t, terms, again)
	})
}

// FuzzParseWalletAddress: what is taken for a wallet address is a URL that the payments service takes too, the payment pointer's as it is defined.
func FuzzParseWalletAddress(f *testing.F) {
	for _, seed := range []string{"https://wallet.example/alice", "$wallet.example", "$wallet.example/alice", "$$a", "$a@b", "$a#", "$", "https://a/?", "https://a b/", "http://[::1]:4000/x", "$a/../b", "$evil.example\\@b", "HTTPS://A", "https://ñ.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, err := ParseWalletAddress(text)
		if err != nil {
			failed(t, err, CodeInvalidWallet)
			return
		}
		require.Regexp(t, `^https?://[!-~]+$`, address)
		require.LessOrEqual(t, len(address), maxWalletAddress)
		u, err := url.Parse(address)
		require.NoError(t, err)
		require.Equal(t, address, u.String())
		require.NotEmpty(t, u.Hostname())
		require.True(t, u.User == nil && !strings.ContainsAny(address, "?#"))
		if strings.HasPrefix(strings.TrimSpace(text), "$") {
			require.Equal(t, "https", u.Scheme)
			require.NotEmpty(t, u.Path, "a pointer without a path has that of paymentpointers.org")
		}
		again, err := ParseWalletAddress(address)
		require.NoError(t, err)
		require.Equal(t, address, again)
	})
}

// FuzzFileName: whatever a file is called, people see a name without folders, of bounded length, whose ending is one of its content's type.
func FuzzFileName(f *testing.F) {
	for _, seed := range []string{"a.png", "../../etc/passwd", `C:\x\y.exe`, "gnp.\u202eexe", "con.", " . ", strings.Repeat("ñ", 300) + ".jpg", "a\x00.png", "a.png\r\nX: y", ".htaccess", "\xff\xfe", "<svg onload=1>.svg", "e\u0301.txt"} {
		f.Add(seed, 0)
		f.Add(seed, 7)
	}
	var media []string
	for mediaType := range FileTypes {
		media = append(media, mediaType)
	}
	slices.Sort(media)
	f.Fuzz(func(t *testing.T, given string, which int) {
		mediaType := media[uint(which)%uint(len(media))]
		name := fileName(given, mediaType)
		require.Contains(t, FileTypes[mediaType], strings.ToLower(path.Ext(name)), name)
		require.LessOrEqual(t, utf8.RuneCountInString(name), maxFileName)
		require.True(t, utf8.ValidString(name))
		require.False(t, strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune(`/\"<>:|?*`, r) }), "%q", name)
		require.False(t, strings.HasPrefix(name, "."), "%q is hidden", name)
		require.Equal(t, name, fileName(name, mediaType), "made safe twice is made safe once")
	})
}

// FuzzAccount: what is taken for an e-mail address, a name, a telephone number or a language is what mails, pages and messages can hold.
func FuzzAccount(f *testing.F) {
	for _, seed := range []string{"ana@example.com", " ANA@Example.COM ", "a@b\r\nBcc: x@y", "Ana <a@b>", `"a b"@c`, "a@[127.0.0.1]", "ñ@example.com", "+52 55 1234 5678", "+0", "es-MX", "../en", "\x00", strings.Repeat("a", 300) + "@b.c", "a@b,c@d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if email, err := ParseEmail(text); err != nil {
			failed(t, err, CodeInvalidInput)
		} else {
			require.LessOrEqual(t, len(email), maxEmail)
			require.False(t, strings.ContainsAny(email, "\r\n\x00"), "%q ends a header", email)
			again, err := ParseEmail(email)
			require.NoError(t, err)
			require.Equal(t, email, again)
		}
		if name, err := checkName(text); err == nil {
			require.True(t, name != "" && utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }), "%q", name)
			require.LessOrEqual(t, utf8.RuneCountInString(name), maxName)
		}
		if number, err := ParsePhone(text); err != nil {
			failed(t, err, CodeInvalidInput)
		} else if number != "" {
			require.Regexp(t, `^\+[1-9][0-9]{7,14}$`, number)
		}
		if checkLanguage(text) == nil {
			require.Regexp(t, `^[A-Za-z0-9-]{0,35}$`, text)
		}
	})
}

// FuzzIDs: names in addresses are taken as we write them, or not at all.
func FuzzIDs(f *testing.F) {
	for _, seed := range []string{"01KAR0000000000000000000AA", "01kar0000000000000000000aa", "../x", "", "USD/2", "USD/256", "/2", "MXN/02", "a\x00/1", "1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if IsID(text) {
			require.Regexp(t, `^[0-7][0-9A-HJKMNP-TV-Z]{25}$`, text)
		}
		require.Equal(t, IsID(text), IsPendingID(text))
		id, err := ParseFileID(text)
		require.Equal(t, IsID(text), err == nil)
		if err != nil {
			failed(t, err, CodeNotFound)
		} else {
			require.Equal(t, text, id)
		}
		if asset, ok := ParseAsset(text); ok {
			require.Regexp(t, `^[!-~]{1,32}$`, asset.Code)
		}
	})
}
