package systemtest

import (
	"encoding/json"
	"errors"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/api"
	"tianguis.example/stack"
)

// The states of a check, and what a doctor ends with when one failed.
const (
	stateOK      = "ok"
	stateSkipped = "skipped"
	stateWarning = "warning"
	stateFailed  = "failed"
	exitFailed   = 4 // docs/commandline.md
)

// result is what became of a check.
type result struct {
	Name, State string
	DurationMS  int64
	Findings    []struct{ State, Found, Do string }
}

// examined is what a doctor reported, and what it ended with.
type examined struct {
	Checks []result
	code   int
	text   string
}

// examine runs a program's doctor with these variables beside its own; "" takes one away.
func examine(t *testing.T, p *stack.Program, variables map[string]string) examined {
	t.Helper()
	own := *p
	if len(variables) > 0 {
		own.Env = maps.Clone(p.Env)
		maps.Copy(own.Env, variables)
		maps.DeleteFunc(own.Env, func(_, value string) bool { return value == "" })
	}
	out, err := own.Run(t.Context(), "doctor", "--json")
	x := examined{text: string(out)}
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		x.code = ended.ExitCode()
	} else {
		require.NoError(t, err)
	}
	require.NoError(t, json.Unmarshal(out, &x), "%s: %v", out, err)
	return x
}

// check is what became of a check.
func (x examined) check(t *testing.T, name string) result {
	t.Helper()
	for _, c := range x.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("there is no check %s in %s", name, x.text)
	return result{}
}

// names says that a check ended so, and that a finding of that state has both texts: in what was found, and in what to do.
func (x examined) names(t *testing.T, check, state, found, do string) {
	t.Helper()
	c := x.check(t, check)
	require.Equal(t, state, c.State, "%s: %+v", check, c.Findings)
	for _, f := range c.Findings {
		if f.State == state && strings.Contains(f.Found, found) && strings.Contains(f.Do, do) {
			return
		}
	}
	t.Fatalf("%s does not say %q and %q, but %+v", check, found, do, c.Findings)
}

// TestDoctor_AllIsWell: a healthy stack, on both databases and on the one of docker compose, and while the services are stopped.
func TestDoctor_AllIsWell(t *testing.T) {
	t.Parallel()
	on(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		for _, p := range []*stack.Program{w.Payments, w.Marketplace} {
			x := examine(t, p, nil)
			require.Zero(t, x.code, x.text)
			for _, c := range x.Checks {
				require.Contains(t, []string{stateOK, stateWarning}, c.State, "%+v", c)
			}
			requireNoSecret(t, w, x.text)
			text, err := p.Run(t.Context(), "doctor")
			require.NoError(t, err)
			require.Contains(t, string(text), " 0 failed, 0 skipped")
		}
		history, err := w.wallets.History(t.Context())
		require.NoError(t, err)
		given, back := 0, 0
		for _, r := range history {
			if r.Method == http.MethodPost && strings.HasPrefix(r.Path, "/auth/") && !strings.Contains(r.Path, "/continue/") {
				given++
			}
			if r.Method == http.MethodDelete && strings.Contains(r.Path, "/continue/") {
				back++
			}
		}
		require.Positive(t, back)
		if there != nil {
			return
		}
		require.Equal(t, given, back, "each grant was given back")
		if database == "postgres" {
			for program, p := range map[string]*stack.Program{"payments": w.Payments, "marketplace": w.Marketplace} {
				x := examine(t, p, map[string]string{"DATABASE_URL": newSchema(t, program)})
				require.Equal(t, exitFailed, x.code)
				x.names(t, "database", stateFailed, "its schema lacks 0001_"+program, program+" migrate")
			}
		}

		require.NoError(t, w.Payments.Stop())
		x := examine(t, w.Payments, nil)
		require.Zero(t, x.code, x.text)
		x.names(t, "service", stateWarning, "does not run here", "payments serve")
		x.names(t, "webhooks", stateOK, "this command, since the service does not run", "")
		x = examine(t, w.Marketplace, nil)
		require.Equal(t, exitFailed, x.code)
		x.names(t, "payments service", stateFailed, "does not answer", "start the payments service")
		x.names(t, "API key", stateSkipped, "needs the payments service", "")
		x.names(t, "webhooks from payments", stateSkipped, "needs the payments service", "")

		require.NoError(t, w.Marketplace.Stop())
		x = examine(t, w.Payments, nil)
		require.Equal(t, exitFailed, x.code)
		x.names(t, "marketplace", stateFailed, "does not answer", "start the marketplace")
		x.names(t, "finish", stateFailed, "does not answer", "BASE_URL")
		x.names(t, "webhooks", stateFailed, "did not answer", "MARKETPLACE_BASE_URL")
		x = examine(t, w.Marketplace, nil)
		x.names(t, "service", stateWarning, "does not run here", "marketplace serve")
		x.names(t, "webhooks here", stateSkipped, "needs the marketplace to run", "")
	})
}

func requireNoSecret(t *testing.T, w *world, text string) {
	t.Helper()
	for _, file := range []string{w.Secrets.APIKey, w.Secrets.WebhookSecret, w.Secrets.TokenEncryptionKey} {
		if file == "" { // of compose, where it is not to be had
			continue
		}
		secret, err := stack.ReadSecret(file)
		require.NoError(t, err)
		require.NotContains(t, text, strings.TrimPrefix(secret, "whsec_"))
	}
}

// fault is something that is wrong, and what the doctor says of it.
type fault struct {
	name      string
	variables map[string]string
	check     string
	state     string
	found, do string
	also      func(t *testing.T, x examined)
}

// TestDoctor_NamesTheFault breaks one thing after another.
func TestDoctor_NamesTheFault(t *testing.T) {
	t.Parallel()
	if there != nil {
		t.Skip("NOT TESTED on this stack: the test needs services that are its own")
	}
	w := newWorld(t, "sqlite", nil)
	folder := t.TempDir()
	otherKey, empty := filepath.Join(folder, "other.pem"), filepath.Join(folder, "empty.db")
	_, err := w.Payments.Run(t.Context(), "key", "generate", "--key-id", "any", "--out", otherKey)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	words := filepath.Join(folder, "words.pem")
	require.NoError(t, os.WriteFile(words, []byte("no key"), 0o644))
	nobody, mute := nobodyAt(t), muteAt(t)
	generate := func(kind string) string {
		out, err := w.Payments.Run(t.Context(), "secret", "generate", kind)
		require.NoError(t, err)
		return strings.TrimSpace(string(out))
	}
	sandbox := w.Payments.Env["WALLET_ALLOW_HOSTS"]

	t.Run("payments", func(t *testing.T) {
		t.Parallel()
		for _, f := range []fault{
			{
				"all of the configuration", map[string]string{"FINISH_WAIT": "1h", "LOG_LEVEL": "loud", "WEBHOOK_WORKERS": "four", "TOKEN_ENCRYPTION_KEY_FILE": "/nowhere/key", "WEBHOOK_SECRET_FILE": ""},
				"configuration", stateFailed, "TOKEN_ENCRYPTION_KEY cannot be read from the file", "set TOKEN_ENCRYPTION_KEY", func(t *testing.T, x examined) {
					for _, variable := range []string{"FINISH_WAIT", "LOG_LEVEL", "WEBHOOK_WORKERS", "WEBHOOK_SECRET"} {
						x.names(t, "configuration", stateFailed, variable+" ", "set "+variable)
					}
					require.NotEqual(t, stateFailed, x.check(t, "database").State, "what can be looked at is")
					x.names(t, "encryption key", stateSkipped, "needs TOKEN_ENCRYPTION_KEY", "")
					x.names(t, "webhooks", stateSkipped, "needs WEBHOOK_SECRET", "")
					x.names(t, "signed request", stateOK, "accepts our signature", "")
				},
			},
			{"no key file", map[string]string{"SELLER_PRIVATE_KEY_PATH": "/nowhere/key.pem"}, "configuration", stateFailed, "SELLER_PRIVATE_KEY_PATH cannot be read", "payments key generate", func(t *testing.T, x examined) {
				x.names(t, "published key", stateSkipped, "SELLER_PRIVATE_KEY_PATH", "")
			}},
			{"a key file of words", map[string]string{"SELLER_PRIVATE_KEY_PATH": words}, "configuration", stateFailed, "it is not PEM", "SELLER_PRIVATE_KEY_PATH", func(t *testing.T, x examined) {
				require.Contains(t, x.text, "chmod 600 "+words)
			}},
			{"another key", map[string]string{"SELLER_PRIVATE_KEY_PATH": otherKey}, "published key", stateFailed, "another key under our id", "payments key show", func(t *testing.T, x examined) {
				x.names(t, "signed request", stateFailed, "does not accept our signature", "payments key show")
			}},
			{"a key id that is not published", map[string]string{"SELLER_KEY_ID": "never"}, "published key", stateFailed, "has no key never; it has 1: tianguis-platform", "SELLER_KEY_ID", nil},
			{"no such wallet", map[string]string{"SELLER_WALLET_ADDRESS_URL": w.Sandbox.Address + "/nobody"}, "wallet", stateFailed, "/nobody", "set SELLER_WALLET_ADDRESS_URL", func(t *testing.T, x examined) {
				x.names(t, "signed request", stateSkipped, "needs the wallet", "")
			}},
			{"a host that is not allowed", map[string]string{"WALLET_ALLOW_HOSTS": ""}, "wallet", stateFailed, "not allowed", "WALLET_ALLOW_HOSTS", func(t *testing.T, x examined) {
				x.names(t, "sellers", stateFailed, "seller platform", "WALLET_ALLOW_HOSTS")
			}},
			{"a wallet that hangs", map[string]string{"SELLER_WALLET_ADDRESS_URL": "http://" + mute + "/alice", "WALLET_ALLOW_HOSTS": mute + "," + sandbox}, "wallet", stateFailed, "no answer within 8s", "SELLER_WALLET_ADDRESS_URL",
				func(t *testing.T, x examined) { require.Less(t, x.check(t, "wallet").DurationMS, int64(9000)) }},
			{"a database that hangs", map[string]string{"DATABASE_URL": "postgres://u:planted@" + mute + "/x?sslmode=disable"}, "database", stateFailed, "no answer within 10s", "DATABASE_URL",
				func(t *testing.T, x examined) {
					require.Less(t, x.check(t, "database").DurationMS, int64(11_000))
					x.names(t, "backlog", stateSkipped, "needs the database", "")
					x.names(t, "webhooks", stateOK, "this command, past the database, sent a test event", "")
					require.NotContains(t, x.text, "planted")
				}},
			{"a database that is down", map[string]string{"DATABASE_URL": "postgres://u:planted@" + nobody + "/x"}, "database", stateFailed, "refused", "start the database", func(t *testing.T, x examined) {
				require.NotContains(t, x.text, "planted")
			}},
			{"no database file", map[string]string{"DATABASE_URL": "sqlite:" + filepath.Join(folder, "none.db")}, "database", stateFailed, "there is no database", "payments migrate", func(t *testing.T, _ examined) {
				require.NoFileExists(t, filepath.Join(folder, "none.db"))
			}},
			{"an empty database file", map[string]string{"DATABASE_URL": "sqlite:" + empty}, "database", stateFailed, "there is no database", "payments migrate", nil},
			{"the marketplace's database", map[string]string{"DATABASE_URL": w.Marketplace.Env["DATABASE_URL"]}, "database", stateFailed, "the database of another program: it has 0001_marketplace.sql", "set DATABASE_URL", nil},
			{"a database that is none", map[string]string{"DATABASE_URL": "mysql://u:planted@db/x"}, "database", stateFailed, "DATABASE_URL must be", "DATABASE_URL", func(t *testing.T, x examined) {
				require.NotContains(t, x.text, "planted")
			}},
			{"a password with a hash", map[string]string{"DATABASE_URL": "postgres://u:planted#planted@db/x"}, "database", stateFailed, "", "DATABASE_URL", func(t *testing.T, x examined) {
				require.NotContains(t, x.text, "planted")
			}},
			{"a database address that cannot be read", map[string]string{"DATABASE_URL": "postgres://u:planted%zz@db/x"}, "database", stateFailed, "", "DATABASE_URL", func(t *testing.T, x examined) {
				require.NotContains(t, x.text, "planted")
			}},
			{"another encryption key", map[string]string{"TOKEN_ENCRYPTION_KEY_FILE": "", "TOKEN_ENCRYPTION_KEY": generate("encryption")}, "encryption key", stateFailed, "cannot be opened", "set TOKEN_ENCRYPTION_KEY", nil},
			{"the marketplace is elsewhere", map[string]string{"MARKETPLACE_BASE_URL": "http://" + nobody}, "marketplace", stateFailed, "does not answer", "MARKETPLACE_BASE_URL", func(t *testing.T, x examined) {
				x.names(t, "webhooks", stateWarning, "MARKETPLACE_BASE_URL means http://"+nobody, "restart the service")
			}},
			{"the marketplace is another service", map[string]string{"MARKETPLACE_BASE_URL": w.Sandbox.Address}, "marketplace", stateFailed, `the "sandbox" service`, "MARKETPLACE_BASE_URL", nil},
			{"buyers come back to nobody", map[string]string{"BASE_URL": "http://192.0.2.1:9"}, "finish", stateFailed, "does not answer", "BASE_URL", func(t *testing.T, x examined) {
				x.names(t, "configuration", stateWarning, "plain http", "https")
				x.names(t, "configuration", stateWarning, "WALLET_ALLOW_HOSTS lets "+sandbox, "WALLET_ALLOW_HOSTS")
			}},
			{"buyers come back to the wallet", map[string]string{"BASE_URL": w.Sandbox.Address}, "finish", stateFailed, "no page of a marketplace", "BASE_URL", nil},
			{"buyers come back to payments, which sends them on", map[string]string{"BASE_URL": w.Payments.Address}, "finish", stateOK, "which sends them on to " + w.Marketplace.Address, "", nil},
			{"payments sends them elsewhere", map[string]string{"BASE_URL": w.Payments.Address, "MARKETPLACE_PUBLIC_URL": "https://market.example"}, "finish", stateFailed, "https://market.example", "MARKETPLACE_PUBLIC_URL", nil},
			{"a secret that was not loaded", map[string]string{"WEBHOOK_SECRET_FILE": "", "WEBHOOK_SECRET": generate("webhook")}, "webhooks", stateWarning, "the service signs with", "restart the service", nil},
			{"unsigned by name", map[string]string{"WEBHOOK_SECRET_FILE": "", "WEBHOOK_ALLOW_UNSIGNED": "true"}, "configuration", stateWarning, "WEBHOOK_ALLOW_UNSIGNED is set", "set WEBHOOK_SECRET", nil},
			{"another program in its place", map[string]string{"PAYMENTS_LISTEN": strings.TrimPrefix(w.Marketplace.Address, "http://")}, "service", stateFailed, "another program than the payments service", "PAYMENTS_LISTEN", nil},
		} {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				f.meets(t, w, w.Payments)
			})
		}
	})
	t.Run("marketplace", func(t *testing.T) {
		t.Parallel()
		for _, f := range []fault{
			{
				"all of the configuration", map[string]string{"LOG_FORMAT": "xml", "PAYMENTS_POLL_WORKERS": "0", "DATABASE_MAX_CONNS": "few", "WEBHOOK_SECRET_FILE": "", "WEBHOOK_SECRET": "planted", "MARKETPLACE_TRUSTED_PROXIES": "near"},
				"configuration", stateFailed, "LOG_FORMAT ", "set LOG_FORMAT", func(t *testing.T, x examined) {
					for _, variable := range []string{"PAYMENTS_POLL_WORKERS", "DATABASE_MAX_CONNS", "WEBHOOK_SECRET", "MARKETPLACE_TRUSTED_PROXIES"} {
						x.names(t, "configuration", stateFailed, variable+" ", "set "+variable)
					}
					x.names(t, "API key", stateOK, "takes our key", "")
					require.NotContains(t, x.text, "planted")
				},
			},
			{"a wrong key", map[string]string{"PAYMENTS_API_KEY_FILE": "", "PAYMENTS_API_KEY": generate("api")}, "API key", stateFailed, "does not take our PAYMENTS_API_KEY", "PAYMENTS_API_KEY", func(t *testing.T, x examined) {
				x.names(t, "payments service", stateOK, "is ready", "")
				x.names(t, "people's wallets", stateSkipped, "needs the payments service, and its key", "")
			}},
			{"a key that may look", map[string]string{"PAYMENTS_API_KEY_FILE": "", "PAYMENTS_API_KEY": w.newKey(t, "read")}, "API key", stateFailed, "for looking only: nobody can pay", "--scope pay", nil},
			{"a key that may pay", map[string]string{"PAYMENTS_API_KEY_FILE": "", "PAYMENTS_API_KEY": w.newKey(t, "pay")}, "webhooks from payments", stateSkipped, "payments webhook send-test", "", func(t *testing.T, x examined) {
				x.names(t, "API key", stateOK, "takes our key", "")
				x.names(t, "webhook secret", stateOK, "signs with what is verified here", "")
			}},
			{"no key", map[string]string{"PAYMENTS_API_KEY_FILE": ""}, "API key", stateFailed, "PAYMENTS_API_KEY is not set", "PAYMENTS_API_KEY", nil},
			{"a wrong address", map[string]string{"PAYMENTS_SERVICE_URL": "http://" + nobody}, "payments service", stateFailed, "does not answer", "PAYMENTS_SERVICE_URL", func(t *testing.T, x examined) {
				x.names(t, "API key", stateSkipped, "needs the payments service", "")
			}},
			{"a payments service that hangs", map[string]string{"PAYMENTS_SERVICE_URL": "http://" + mute}, "payments service", stateFailed, "no answer within 8s", "PAYMENTS_SERVICE_URL", nil},
			{"another service there", map[string]string{"PAYMENTS_SERVICE_URL": w.Sandbox.Address}, "payments service", stateFailed, `the "sandbox" service`, "PAYMENTS_SERVICE_URL", nil},
			{"itself there", map[string]string{"PAYMENTS_SERVICE_URL": w.Marketplace.Address}, "payments service", stateFailed, `the "marketplace" service`, "PAYMENTS_SERVICE_URL", nil},
			{"a seller that there is not", map[string]string{"PAYMENTS_SELLER_ID": "nobody"}, "API key", stateFailed, "does not know", "payments seller add --id nobody", nil},
			{"secrets that differ", map[string]string{"WEBHOOK_SECRET_FILE": "", "WEBHOOK_SECRET": generate("webhook")}, "webhook secret", stateFailed, "no webhook will be believed", "the same on both sides", func(t *testing.T, x examined) {
				x.names(t, "webhooks here", stateFailed, "does not believe a test event", "restart the marketplace")
				x.names(t, "webhooks from payments", stateOK, "answered 200", "")
			}},
			{"no secret", map[string]string{"WEBHOOK_SECRET_FILE": ""}, "configuration", stateWarning, "WEBHOOK_SECRET is not set", "WEBHOOK_SECRET", func(t *testing.T, x examined) {
				x.names(t, "webhooks here", stateSkipped, "needs WEBHOOK_SECRET", "")
			}},
			{"unsigned by name", map[string]string{"WEBHOOK_ALLOW_UNSIGNED": "true"}, "configuration", stateWarning, "can mark jobs as paid", "WEBHOOK_ALLOW_UNSIGNED", nil},
			{"a proxy that nobody trusts", map[string]string{"MARKETPLACE_BASE_URL": "https://localhost:1"}, "configuration", stateWarning, "MARKETPLACE_TRUSTED_PROXIES is not set", "MARKETPLACE_TRUSTED_PROXIES", nil},
			{"everybody is trusted", map[string]string{"MARKETPLACE_TRUSTED_PROXIES": "0.0.0.0/0"}, "configuration", stateWarning, "everybody is believed", "MARKETPLACE_TRUSTED_PROXIES", nil},
			{"a public address that is another's", map[string]string{"MARKETPLACE_BASE_URL": w.Sandbox.Address}, "webhooks here", stateFailed, "is not the door of a marketplace", "MARKETPLACE_BASE_URL", nil},
			{"a public address that nobody has", map[string]string{"MARKETPLACE_BASE_URL": "http://192.0.2.1:9"}, "webhooks here", stateFailed, "does not answer", "MARKETPLACE_BASE_URL", nil},
			{"no database file", map[string]string{"DATABASE_URL": "sqlite:" + filepath.Join(folder, "no.db")}, "database", stateFailed, "there is no database", "marketplace migrate", func(t *testing.T, x examined) {
				x.names(t, "open payments", stateSkipped, "needs the database", "")
			}},
			{"the payments service's database", map[string]string{"DATABASE_URL": w.Payments.Env["DATABASE_URL"]}, "database", stateFailed, "the database of another program: it has 0001_payments.sql", "set DATABASE_URL", nil},
			{"a database that is down", map[string]string{"DATABASE_URL": "postgres://u:planted@" + nobody + "/x"}, "database", stateFailed, "refused", "start the database", func(t *testing.T, x examined) {
				require.NotContains(t, x.text, "planted")
			}},
		} {
			t.Run(f.name, func(t *testing.T) {
				t.Parallel()
				f.meets(t, w, w.Marketplace)
			})
		}
	})
}

// newKey is a new API key of the payments service, which takes it.
func (w *world) newKey(t *testing.T, scope string) string {
	t.Helper()
	out, err := w.Payments.Run(t.Context(), "apikey", "create", "--name", scope, "--scope", scope)
	require.NoError(t, err)
	key := strings.TrimSpace(string(out))
	eventually(t, "the new key is taken", func() bool {
		_, err := api.NewClient(w.Payments.Address, key, nil).Sellers(t.Context())
		return err == nil
	})
	return key
}

func (f fault) meets(t *testing.T, w *world, p *stack.Program) {
	t.Helper()
	began := clock.System().Now()
	x := examine(t, p, f.variables)
	require.Less(t, clock.System().Now().Sub(began), 90*time.Second, "nothing that hangs hangs the doctor")
	x.names(t, f.check, f.state, f.found, f.do)
	if f.state == stateFailed {
		require.Equal(t, exitFailed, x.code, x.text)
	}
	requireNoSecret(t, w, x.text)
	if f.also != nil {
		f.also(t, x)
	}
}

// TestDoctor_NamesWhatTheServicesDo: what is wrong is with the services that run.
func TestDoctor_NamesWhatTheServicesDo(t *testing.T) {
	t.Parallel()
	onOwn(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		do := func(p *stack.Program, arguments ...string) string {
			out, err := p.Run(t.Context(), arguments...)
			require.NoError(t, err)
			return strings.TrimSpace(string(out))
		}

		// The marketplace is started with another secret.
		other := do(w.Payments, "secret", "generate", "webhook")
		file := w.Marketplace.Env["WEBHOOK_SECRET_FILE"]
		restart := func(change map[string]string) {
			require.NoError(t, w.Marketplace.Stop())
			maps.Copy(w.Marketplace.Env, change)
			maps.DeleteFunc(w.Marketplace.Env, func(_, value string) bool { return value == "" })
			require.NoError(t, w.Marketplace.Start(t.Context()))
		}
		restart(map[string]string{"WEBHOOK_SECRET_FILE": "", "WEBHOOK_SECRET": other})
		x := examine(t, w.Payments, nil)
		require.Equal(t, exitFailed, x.code)
		x.names(t, "webhooks", stateFailed, "does not believe the signature", "payments webhook secret list")
		x = examine(t, w.Marketplace, nil)
		require.Equal(t, exitFailed, x.code)
		x.names(t, "webhooks here", stateOK, "took a test event", "")
		x.names(t, "webhook secret", stateFailed, "no webhook will be believed", "WEBHOOK_SECRET")
		x.names(t, "webhooks from payments", stateFailed, "does not believe", "WEBHOOK_SECRET")

		// It believes everybody, which its settings do not say any more.
		restart(map[string]string{"WEBHOOK_SECRET": "", "WEBHOOK_SECRET_FILE": file, "WEBHOOK_ALLOW_UNSIGNED": "true"})
		x = examine(t, w.Marketplace, map[string]string{"WEBHOOK_ALLOW_UNSIGNED": ""})
		x.names(t, "webhooks here", stateFailed, "that nobody has signed", "restart the marketplace")
		restart(map[string]string{"WEBHOOK_ALLOW_UNSIGNED": ""})
		require.Zero(t, examine(t, w.Marketplace, nil).code)

		// The endpoint is disabled.
		do(w.Payments, "webhook", "endpoint", "disable", "marketplace")
		examine(t, w.Payments, nil).names(t, "webhooks", stateWarning, "is disabled", "payments webhook endpoint enable marketplace")
		examine(t, w.Marketplace, nil).names(t, "webhooks from payments", stateFailed, "they are disabled", "payments webhook endpoint enable marketplace")
		do(w.Payments, "webhook", "endpoint", "enable", "marketplace")

		// A secret is rotated, and the marketplace does not have it yet.
		do(w.Payments, "webhook", "secret", "rotate")
		examine(t, w.Marketplace, nil).names(t, "webhook secret", stateWarning, "which is not in WEBHOOK_SECRET", "add the new secret")

		// A seller's wallet is gone, and somebody's in the marketplace.
		do(w.Payments, "seller", "add", "--id", "gone", "--wallet-address", w.Sandbox.Address+"/gone")
		examine(t, w.Payments, nil).names(t, "sellers", stateFailed, "seller gone", "payments seller add --id gone")
	})
}

// nobodyAt is an address at which nobody listens.
func nobodyAt(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

// muteAt is an address at which everybody is let in, and nobody answered.
func muteAt(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}
