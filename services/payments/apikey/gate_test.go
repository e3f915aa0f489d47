package apikey_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/ratelimit"
	"tianguis.example/payments/apikey"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func gate(t *testing.T, keys string, l apikey.Limits) (*apikey.Gate, *clock.Held) {
	t.Helper()
	configured, err := apikey.ParseConfigured(keys)
	require.NoError(t, err)
	clk := clock.NewHeld(noon)
	return apikey.NewGate(configured, l, clk), clk
}

func kept(id, key string, scope apikey.Scope) apikey.Key {
	return apikey.Key{ID: id, Name: "of " + id, Scope: scope, Hash: apikey.HashOf(key), Fingerprint: apikey.Fingerprint(key), CreatedAt: noon}
}

// from is somebody who presents a key.
func from(network, key string) apikey.Ask {
	return apikey.Ask{Host: "payments.example", Network: network, Presented: key}
}

func TestGate_TheKeyWhateverTheHost(t *testing.T) {
	t.Parallel()
	g, _ := gate(t, secret+" pay:another-key-of-the-service", apikey.Limits{})
	require.False(t, g.Open())
	for _, host := range []string{"localhost:4001", "payments.example", ""} {
		who, err := g.Admit(apikey.Ask{Host: host, Presented: secret}, apikey.Admin)
		require.NoError(t, err, host)
		require.Equal(t, apikey.Caller{Scope: apikey.Admin, Name: apikey.Configured, Fingerprint: apikey.Fingerprint(secret)}, who)
		for _, wrong := range []string{"", " ", "not" + secret, secret[:10], secret + " ", "THE-API-KEY-OF-THE-SERVICE", secret + " another-key-of-the-service", "pay:another-key-of-the-service"} {
			ask := apikey.Ask{Host: host, Presented: wrong}
			_, err := g.Admit(ask, apikey.Read)
			require.ErrorIs(t, err, apikey.ErrNoKey, "%s %q", host, wrong)
			require.False(t, g.Knows(ask))
		}
	}
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", g, g, g), secret)
}

func TestGate_EachScope(t *testing.T) {
	t.Parallel()
	g, _ := gate(t, "read:the-key-that-looks pay:the-key-that-pays the-key-that-does-all", apikey.Limits{})
	g.Keep([]apikey.Key{kept("1", "kept-that-looks", apikey.Read), kept("2", "kept-that-pays", apikey.Pay), kept("3", "kept-that-does-all", apikey.Admin)})
	for i, of := range [][]string{{"the-key-that-looks", "kept-that-looks"}, {"the-key-that-pays", "kept-that-pays"}, {"the-key-that-does-all", "kept-that-does-all"}} {
		for _, key := range of {
			require.True(t, g.Knows(from("", key)))
			for j, needs := range apikey.Scopes {
				_, err := g.Admit(from("", key), needs)
				if i >= j {
					require.NoError(t, err, "%s for %s", key, needs)
					continue
				}
				small, ok := errors.AsType[*apikey.ScopeError](err)
				require.True(t, ok, "%s for %s: %v", key, needs, err)
				require.Equal(t, apikey.ScopeError{Has: apikey.Scopes[i], Needs: needs}, *small)
			}
		}
	}
}

func TestGate_AKeyThatIsReplacedWithoutAGap(t *testing.T) {
	t.Parallel()
	g, clk := gate(t, "", apikey.Limits{})
	old, next := kept("1", "the old key", apikey.Pay), kept("2", "the new key", apikey.Pay)
	old.RevokedAt = noon.Add(time.Hour)
	g.Keep([]apikey.Key{old, next})
	for _, key := range []string{"the old key", "the new key"} {
		_, err := g.Admit(from("", key), apikey.Pay)
		require.NoError(t, err, key)
	}
	clk.Advance(time.Hour)
	_, err := g.Admit(from("", "the old key"), apikey.Read)
	require.ErrorIs(t, err, apikey.ErrRevoked)
	_, err = g.Admit(from("", "the new key"), apikey.Pay)
	require.NoError(t, err)
}

func TestGate_WithoutAKeyLocalNamesOnly(t *testing.T) {
	t.Parallel()
	g, _ := gate(t, "", apikey.Limits{Key: ratelimit.Limit{N: 1, Per: time.Hour}})
	require.True(t, g.Open())
	for host, want := range map[string]bool{
		"localhost": true, "localhost:4001": true, "127.0.0.1:4001": true, "[::1]:4001": true, "[::1]": true, "127.8.8.8": true,
		"": false, "evil.example": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "10.0.0.1": false, "0.0.0.0:4001": false,
	} {
		for _, presented := range []string{"", "anything"} {
			who, err := g.Admit(apikey.Ask{Host: host, Presented: presented}, apikey.Admin)
			require.Equal(t, want, err == nil, host)
			if want {
				require.Equal(t, apikey.Caller{Scope: apikey.Admin}, who)
			} else {
				require.ErrorIs(t, err, apikey.ErrForeign)
			}
		}
	}
	revoked := kept("1", "the only key", apikey.Admin)
	revoked.RevokedAt = noon
	g.Keep([]apikey.Key{revoked})
	require.False(t, g.Open(), "to revoke the last key opens nothing")
	_, err := g.Admit(apikey.Ask{Host: "localhost"}, apikey.Read)
	require.ErrorIs(t, err, apikey.ErrNoKey)
}

// TestGate_WrongKeysLockNobodyOut: who guesses is told to wait, and whoever has a key, from the same address too, is let in all the same.
func TestGate_WrongKeysLockNobodyOut(t *testing.T) {
	t.Parallel()
	g, clk := gate(t, secret, apikey.Limits{Wrong: ratelimit.Limit{N: 3, Per: time.Minute}})
	for range 10 {
		_, err := g.Admit(from("here", ""), apikey.Read)
		require.ErrorIs(t, err, apikey.ErrNoKey, "who presents none does not guess")
	}
	for i := range 3 {
		_, err := g.Admit(from("here", fmt.Sprint("guess ", i)), apikey.Read)
		require.ErrorIs(t, err, apikey.ErrNoKey)
	}
	for i := range 50 {
		_, err := g.Admit(from("here", fmt.Sprint("another guess ", i)), apikey.Read)
		wait, ok := errors.AsType[*apikey.WaitError](err)
		require.True(t, ok, "%v", err)
		require.True(t, wait.Guesses)
		require.InDelta(t, 20*time.Second, wait.Wait, float64(time.Millisecond))
		_, err = g.Admit(from("here", secret), apikey.Admin)
		require.NoError(t, err)
		_, err = g.Admit(from("here", ""), apikey.Read)
		require.ErrorIs(t, err, apikey.ErrNoKey)
	}
	_, err := g.Admit(from("elsewhere", "guess"), apikey.Read)
	require.ErrorIs(t, err, apikey.ErrNoKey)
	clk.Advance(20 * time.Second)
	_, err = g.Admit(from("here", "guess"), apikey.Read)
	require.ErrorIs(t, err, apikey.ErrNoKey)
}

func TestGate_EachKeyHasItsLimit(t *testing.T) {
	t.Parallel()
	g, clk := gate(t, "the-first-of-the-keys the-second-of-the-keys", apikey.Limits{Key: ratelimit.Limit{N: 2, Per: time.Second}})
	for i := range 5 {
		_, err := g.Admit(from(fmt.Sprint(i), "the-first-of-the-keys"), apikey.Pay)
		wait, limited := errors.AsType[*apikey.WaitError](err)
		require.Equal(t, i >= 2, limited, "%v", err)
		if limited {
			require.False(t, wait.Guesses)
		}
	}
	_, err := g.Admit(from("0", "the-second-of-the-keys"), apikey.Pay)
	require.NoError(t, err)
	clk.Advance(time.Second)
	_, err = g.Admit(from("0", "the-first-of-the-keys"), apikey.Pay)
	require.NoError(t, err)
}

func TestGate_TellsWhenAKeyWasUsedOnceAnHour(t *testing.T) {
	t.Parallel()
	g, clk := gate(t, secret, apikey.Limits{})
	k := kept("1", "the kept key", apikey.Pay)
	g.Keep([]apikey.Key{k, kept("2", "another one", apikey.Pay)})
	use := func() { _, _ = g.Admit(from("", "the kept key"), apikey.Read) }
	require.Empty(t, g.Used())
	use()
	_, err := g.Admit(from("", "another one"), apikey.Admin)
	require.Error(t, err, "that is no use")
	_, err = g.Admit(from("", secret), apikey.Admin)
	require.NoError(t, err)
	require.Equal(t, map[string]time.Time{"1": noon}, g.Used())
	require.Empty(t, g.Used())
	k.LastUsedAt = noon
	g.Keep([]apikey.Key{k})
	clk.Advance(59 * time.Minute)
	use()
	require.Empty(t, g.Used())
	clk.Advance(time.Minute)
	use()
	require.Equal(t, map[string]time.Time{"1": noon.Add(time.Hour)}, g.Used())
}
