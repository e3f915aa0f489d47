package apikey_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/apikey"
)

const secret = "the-api-key-of-the-service"

func TestAdmits_TheKeyWhateverTheHost(t *testing.T) {
	t.Parallel()
	key := apikey.New(secret)
	require.False(t, key.Open())
	for _, host := range []string{"localhost:4001", "payments.example", ""} {
		require.True(t, key.Admits(host, secret), host)
		for _, wrong := range []string{"", "not" + secret, secret[:10], secret + " ", "THE-API-KEY-OF-THE-SERVICE"} {
			require.False(t, key.Admits(host, wrong), "%s %q", host, wrong)
		}
	}
	require.NotContains(t, fmt.Sprintf("%v %+v %#v", key, key, key), secret)
}

func TestAdmits_SeveralWhileOneIsReplaced(t *testing.T) {
	t.Parallel()
	key := apikey.New(secret + " another-key-of-the-service\n")
	for presented, want := range map[string]bool{
		secret: true, "another-key-of-the-service": true, "": false, secret + " another-key-of-the-service": false, " ": false,
	} {
		require.Equal(t, want, key.Admits("payments.example", presented), presented)
	}
}

func TestAdmits_WithoutAKeyLocalNamesOnly(t *testing.T) {
	t.Parallel()
	key := apikey.New("")
	require.True(t, key.Open())
	for host, want := range map[string]bool{
		"localhost": true, "localhost:4001": true, "127.0.0.1:4001": true, "[::1]:4001": true, "[::1]": true, "127.8.8.8": true,
		"": false, "evil.example": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "10.0.0.1": false, "0.0.0.0:4001": false,
	} {
		require.Equal(t, want, key.Admits(host, ""), host)
		require.Equal(t, want, key.Admits(host, "anything"), host)
	}
}
