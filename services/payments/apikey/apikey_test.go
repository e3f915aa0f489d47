package apikey_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/apikey"
)

const secret = "the-api-key-of-the-service"

func TestScope_IncludesThoseBeforeIt(t *testing.T) {
	t.Parallel()
	for i, has := range apikey.Scopes {
		for j, needs := range apikey.Scopes {
			require.Equal(t, i >= j, has.Includes(needs), "%s for %s", has, needs)
		}
		require.False(t, has.Includes("root"))
		require.False(t, apikey.Scope("").Includes(has))
		require.False(t, apikey.Scope("root").Includes(has))
		known, err := apikey.ParseScope(string(has))
		require.NoError(t, err)
		require.Equal(t, has, known)
	}
	for _, none := range []string{"", "Admin", "root", "read,pay"} {
		_, err := apikey.ParseScope(none)
		require.ErrorContains(t, err, "read, pay or admin", none)
	}
}

func TestParseConfigured(t *testing.T) {
	t.Parallel()
	hash, other := apikey.HashOf("a-third-key-of-the-service").String(), apikey.HashOf("a-fourth-key-of-the-service").String()
	got, err := apikey.ParseConfigured(" " + secret + "  pay:another-key-of-the-service\nread:sha256:" + other + " read:sha256:" + strings.ToUpper(hash))
	require.NoError(t, err)
	require.Len(t, got, 4)
	for i, want := range []apikey.Key{
		{Scope: apikey.Admin, Hash: apikey.HashOf(secret), Fingerprint: apikey.Fingerprint(secret)},
		{Scope: apikey.Pay, Hash: apikey.HashOf("another-key-of-the-service"), Fingerprint: apikey.Fingerprint("another-key-of-the-service")},
		{Scope: apikey.Read, Hash: apikey.HashOf("a-fourth-key-of-the-service")},
		{Scope: apikey.Read, Hash: apikey.HashOf("a-third-key-of-the-service")},
	} {
		want.Name = apikey.Configured
		require.Equal(t, want, got[i])
	}
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", got, got, got), secret)
	none, err := apikey.ParseConfigured("  ")
	require.NoError(t, err)
	require.Empty(t, none)
	for text, words := range map[string]string{
		"too-short": "16 characters", "pay:too-short": "16 characters", secret + " pay:": "16 characters", "sha256:": "64 hexadecimal digits", "sha256:" + hash[1:]: "64 hexadecimal digits",
		"pya:" + secret: "only read:, pay:, admin:", "pay:pay:" + secret: "only read:, pay:, admin:",
		secret + " pay:" + secret: "two scopes", "read:sha256:" + apikey.HashOf(secret).String() + " " + secret: "two scopes",
		"admin:sha256:" + hash + "00": "64 hexadecimal digits", "sha256:" + strings.Repeat("z", 64): "64 hexadecimal digits",
	} {
		_, err := apikey.ParseConfigured(text)
		require.ErrorContains(t, err, words, text)
	}
}

func TestOwn(t *testing.T) {
	t.Parallel()
	for configured, own := range map[string]string{
		"": "", "one": "one", " one two ": "one", "pay:one two": "two", "read:one pay:two pay:three": "two", "sha256:00 admin:two": "two", "admin:sha256:00": "", "pay:one": "one",
	} {
		require.Equal(t, own, apikey.Own(configured), configured)
	}
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	made := apikey.Generate()
	require.Regexp(t, `^tianguis_[A-Za-z0-9_-]{43}$`, made)
	require.NotEqual(t, made, apikey.Generate())
	require.Len(t, apikey.Fingerprint(made), 8)
	require.Empty(t, apikey.Fingerprint(""))
}

func TestKey_RevokedFromATimeOn(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	require.False(t, apikey.Key{}.Revoked(now))
	require.False(t, apikey.Key{RevokedAt: now.Add(time.Microsecond)}.Revoked(now))
	require.True(t, apikey.Key{RevokedAt: now}.Revoked(now))
}
