package payments

import (
	"errors"
	"net/url"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// refused is an error that a program can tell from others, in words for people that quote nothing unprintable.
func refused(t *testing.T, err error, code Code) {
	t.Helper()
	known, ok := errors.AsType[*Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, code, known.Code)
	require.True(t, utf8.ValidString(known.Message))
}

// FuzzParsePaymentID: a pendingId that is taken is 26 letters and digits, which no path and no query can be led astray by.
func FuzzParsePaymentID(f *testing.F) {
	for _, seed := range []string{"01KAR0000000000000000000AA", "01kar0000000000000000000aa", "../sellers", "81KAR0000000000000000000AA", "", "01KAR0000000000000000000AA/", "01KAR000000000000000000%2F", "ILOU0000000000000000000000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParsePaymentID(text)
		if err != nil {
			refused(t, err, CodeNotFound)
			return
		}
		require.Equal(t, text, string(id))
		require.Regexp(t, `^[0-7][0-9A-HJKMNP-TV-Z]{25}$`, text)
	})
}

// FuzzParseWalletAddress: a wallet address that is taken is one line of visible ASCII, http or https, with a host, and neither user nor query nor fragment;
// reading it again changes nothing.
func FuzzParseWalletAddress(f *testing.F) {
	for _, seed := range []string{"https://wallet.example/alice", " https://wallet.example ", "$wallet.example/alice", "https://a@b/", "https://a/?b", "https://a/#", "https://[::1]:4000/a", "http:///a", "https://:443/", "https://a/\u00a0", "https://wаllet.example", "https://a/%0d%0a", "javascript:alert(1)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		address, err := parseWalletAddress("walletAddressUrl", text)
		if err != nil {
			refused(t, err, CodeInvalidWallet)
			return
		}
		require.Regexp(t, `^[!-~]+$`, address)
		require.LessOrEqual(t, len(address), 2000)
		u, err := url.Parse(address)
		require.NoError(t, err)
		require.Contains(t, []string{"http", "https"}, u.Scheme)
		require.NotEmpty(t, u.Hostname())
		require.Nil(t, u.User)
		require.NotContains(t, address, "?")
		require.NotContains(t, address, "#")
		require.Equal(t, address, u.String())
		again, err := parseWalletAddress("walletAddressUrl", address)
		require.NoError(t, err)
		require.Equal(t, address, again)
	})
}

// FuzzCheckID: the ids of offers and sellers that are taken are 1 to 128 visible characters.
func FuzzCheckID(f *testing.F) {
	for _, seed := range []string{"7", "", "a b", "\x00", "ñ", "../x", "a\u200b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if err := checkID("sellerId", id); err != nil {
			refused(t, err, CodeInvalidRequest)
			return
		}
		require.Regexp(t, `^[!-~]{1,128}$`, id)
	})
}
