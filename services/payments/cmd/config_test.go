package cmd

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/settings"
)

const planted = "planted-and-never-shown"

func TestConfig_WrongSettingsAreNamed(t *testing.T) {
	t.Parallel()
	notAKey := filepath.Join(t.TempDir(), "not-a-key.pem")
	require.NoError(t, os.WriteFile(notAKey, []byte(planted), 0o600))
	encoded := base64.StdEncoding.EncodeToString([]byte(planted))
	for name, c := range map[string]struct {
		change map[string]string
		names  string
	}{
		"one of two keys is too short":    {map[string]string{"PAYMENTS_API_KEY": "a-key-that-is-long-enough too-short"}, "PAYMENTS_API_KEY"},
		"a key that is too short":         {map[string]string{"PAYMENTS_API_KEY": "planted-and"}, "PAYMENTS_API_KEY"},
		"no key beyond loopback":          {map[string]string{"PAYMENTS_API_KEY": "", "PAYMENTS_LISTEN": ":4001"}, "PAYMENTS_API_KEY"},
		"an address without a port":       {map[string]string{"PAYMENTS_LISTEN": "localhost"}, "PAYMENTS_LISTEN"},
		"starts at once below none":       {map[string]string{"STARTS_AT_ONCE": "-1"}, "STARTS_AT_ONCE"},
		"a database nobody knows":         {map[string]string{"DATABASE_URL": "mysql://root:" + planted + "@db/x"}, "DATABASE_URL"},
		"a database of nothing":           {map[string]string{"DATABASE_URL": "sqlite:"}, "DATABASE_URL"},
		"a folder that is not there":      {map[string]string{"DATABASE_URL": "sqlite:/nowhere/at/all/payments.db"}, "database"},
		"a Postgres that is away":         {map[string]string{"DATABASE_URL": "postgres://u:" + planted + "@127.0.0.1:1/x?connect_timeout=1"}, "database"},
		"a Postgres address with a space": {map[string]string{"DATABASE_URL": "postgres://u:" + planted + "@ho st/x"}, "database"},
		"a base URL without a scheme":     {map[string]string{"BASE_URL": "market.example"}, "BASE_URL"},
		"a base URL with a query":         {map[string]string{"BASE_URL": "https://market.example/?a=b"}, "BASE_URL"},
		"a base URL of a file":            {map[string]string{"BASE_URL": "file:///etc"}, "BASE_URL"},
		"a marketplace with a user":       {map[string]string{"MARKETPLACE_BASE_URL": "https://u:" + planted + "@market.example"}, "MARKETPLACE_BASE_URL"},
		"a public address that is none":   {map[string]string{"MARKETPLACE_PUBLIC_URL": "market.example"}, "MARKETPLACE_PUBLIC_URL"},
		"a marketplace that is no URL":    {map[string]string{"MARKETPLACE_BASE_URL": "http://[::1"}, "MARKETPLACE_BASE_URL"},
		"no webhook secret":               {map[string]string{"WEBHOOK_SECRET": ""}, "WEBHOOK_SECRET"},
		"a webhook secret of words":       {map[string]string{"WEBHOOK_SECRET": planted}, "WEBHOOK_SECRET"},
		"a webhook secret too short":      {map[string]string{"WEBHOOK_SECRET": "whsec_" + base64.StdEncoding.EncodeToString([]byte("planted"))}, "WEBHOOK_SECRET"},
		"the second one is wrong":         {map[string]string{"WEBHOOK_SECRET": "whsec_" + encoded + encoded + " " + planted}, "WEBHOOK_SECRET"},
		"no encryption key":               {map[string]string{"TOKEN_ENCRYPTION_KEY": ""}, "TOKEN_ENCRYPTION_KEY"},
		"an encryption key of words":      {map[string]string{"TOKEN_ENCRYPTION_KEY": planted}, "TOKEN_ENCRYPTION_KEY"},
		"an encryption key too short":     {map[string]string{"TOKEN_ENCRYPTION_KEY": encoded}, "TOKEN_ENCRYPTION_KEY"},
		"half an identity":                {map[string]string{"SELLER_ID": "alice", "SELLER_KEY_ID": "k"}, "SELLER_WALLET_ADDRESS_URL, SELLER_PRIVATE_KEY_PATH"},
		"a private key that is not there": {map[string]string{"SELLER_PRIVATE_KEY_PATH": "/nowhere/key.pem"}, "SELLER_PRIVATE_KEY_PATH"},
		"a private key that is none":      {map[string]string{"SELLER_PRIVATE_KEY_PATH": notAKey}, "SELLER_PRIVATE_KEY_PATH"},
		"a wallet address that is none":   {map[string]string{"SELLER_WALLET_ADDRESS_URL": "wallet"}, "SELLER_WALLET_ADDRESS_URL"},
		"a key id with a quote":           {map[string]string{"SELLER_KEY_ID": `a"b`}, "SELLER_KEY_ID"},
		"a seller id with a space":        {map[string]string{"SELLER_ID": "a b"}, "SELLER_ID"},
		"hosts with a slash":              {map[string]string{"WALLET_ALLOW_HOSTS": "localhost:4100,http://x"}, "WALLET_ALLOW_HOSTS"},
		"documents kept for ever":         {map[string]string{"WALLET_CACHE_LIFETIME": "25h"}, "WALLET_CACHE_LIFETIME"},
		"a consent of no time":            {map[string]string{"CONSENT_LIFETIME": "10ms"}, "CONSENT_LIFETIME"},
		"a length without a unit":         {map[string]string{"CONSENT_LIFETIME": "10"}, "CONSENT_LIFETIME"},
		"a finish that waits too long":    {map[string]string{"FINISH_WAIT": "11s"}, "FINISH_WAIT"},
		"a finish before its time":        {map[string]string{"FINISH_WAIT": "-1s"}, "FINISH_WAIT"},
		"no workers":                      {map[string]string{"PAYMENT_WORKERS": "0"}, "PAYMENT_WORKERS"},
		"too many workers":                {map[string]string{"WEBHOOK_WORKERS": "1001"}, "WEBHOOK_WORKERS"},
		"workers in words":                {map[string]string{"WEBHOOK_WORKERS": "four"}, "WEBHOOK_WORKERS"},
		"polling all the time":            {map[string]string{"POLL_INTERVAL": "1ms"}, "POLL_INTERVAL"},
		"yes is no bool":                  {map[string]string{"WEBHOOK_ALLOW_UNSIGNED": "yes"}, "WEBHOOK_ALLOW_UNSIGNED"},
		"a log of pictures":               {map[string]string{"LOG_FORMAT": "xml"}, "LOG_FORMAT"},
		"a log that shouts":               {map[string]string{"LOG_LEVEL": "loud"}, "LOG_LEVEL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := good(t, identitySettings(t))
			if strings.HasPrefix(name, "half") {
				all = good(t, nil)
			}
			for variable, value := range c.change {
				all[variable] = value
			}
			out, err := run(t, all, "serve")
			require.ErrorContains(t, err, c.names)
			require.NotContains(t, err.Error(), "planted")
			require.NotContains(t, out, planted)
		})
	}
}

// All that is wrong is said at once.
func TestConfig_EverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := run(t, good(t, map[string]string{"FINISH_WAIT": "1h", "PAYMENT_WORKERS": "0", "LOG_LEVEL": "loud"}), "serve")
	for _, name := range []string{"FINISH_WAIT", "PAYMENT_WORKERS", "LOG_LEVEL"} {
		require.ErrorContains(t, err, name)
	}
	_, err = run(t, good(t, map[string]string{"WEBHOOK_SECRET": "", "TOKEN_ENCRYPTION_KEY": ""}), "serve")
	for _, name := range []string{"WEBHOOK_SECRET", "TOKEN_ENCRYPTION_KEY"} {
		require.ErrorContains(t, err, name)
	}
}

// A line that is no setting may still hold a secret.
func TestConfig_AFileThatCannotBeReadShowsNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"WEBHOOK_SECRET " + planted, "WEBHOOK_SECRET='" + planted, "!=" + planted, "WEBHOOK_SECRET=\"" + planted + "\n"} {
		path := filepath.Join(t.TempDir(), "settings.env")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		root := command(nil)
		root.SetArgs([]string{"--config", path, "serve"})
		err := root.ExecuteContext(t.Context())
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), planted)
	}
	root := command(nil)
	root.SetArgs([]string{"--config", "/nowhere.env", "serve"})
	require.ErrorContains(t, root.ExecuteContext(t.Context()), "/nowhere.env")
}

// Every secret is planted where it is kept; none is printed, however one tries.
func TestConfig_SecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	all := map[string]string{}
	for _, v := range settings.Variables(config{}) {
		if v.Secret {
			all[v.Name] = planted + "-" + v.Name
		}
	}
	all["DATABASE_URL"] = "postgres://u:" + planted + "@db/x"
	all["OTEL_EXPORTER_OTLP_HEADERS"] = "x-key=" + planted
	require.Len(t, all, 5)
	c, err := loadConfig(file(t, all))
	require.NoError(t, err)
	require.Equal(t, planted+"-PAYMENTS_API_KEY", c.APIKey.Reveal())
	out := &lines{}
	for _, format := range []string{"text", "json"} {
		log, err := logging.New(out, format, "debug")
		require.NoError(t, err)
		log.InfoContext(t.Context(), "settings", "config", c, "pointer", &c, "key", c.APIKey)
	}
	fmt.Fprintf(out, "%v %+v %#v %s %q", c, c, c, c.APIKey, c.APIKey)
	body, err := json.Marshal(c)
	require.NoError(t, err)
	_, _ = out.Write(body)
	require.NotContains(t, out.String(), planted)
}

func TestConfig_Example(t *testing.T) {
	t.Parallel()
	out, err := run(t, nil, "config", "example")
	require.NoError(t, err)
	for _, v := range settings.Variables(config{}) {
		require.Contains(t, out, "\n#"+v.Name+"="+v.Default+"\n")
		require.NotEmpty(t, v.Help, v.Name)
	}
	c, err := loadConfig(file(t, nil))
	require.NoError(t, err, "the defaults make sense")
	require.Equal(t, "sqlite:payments.db", c.DatabaseURL.Reveal())
}
