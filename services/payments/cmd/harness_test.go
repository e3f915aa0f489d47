package cmd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/settings"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

// TestMain keeps the settings of whoever runs the tests out of them: the environment counts more than a file.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		Main(nil)
	}
	for _, v := range settings.Variables(config{}) {
		for _, name := range append(v.Older, v.Name) {
			_ = os.Unsetenv(name)
			_ = os.Unsetenv(name + "_FILE")
		}
	}
	os.Exit(m.Run())
}

// asProgram is the variable that makes this test's binary the program itself, for tests of real processes.
const asProgram = "PAYMENTS_TEST_AS_PROGRAM"

// process is the program, to be started with these arguments.
func process(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Dir = t.TempDir()
	return cmd
}

// good are settings that serve, on a port of the system's choice.
func good(t *testing.T, changes map[string]string) map[string]string {
	t.Helper()
	all := map[string]string{
		"PAYMENTS_LISTEN":      "127.0.0.1:0",
		"DATABASE_URL":         "sqlite:" + filepath.Join(t.TempDir(), "payments.db"),
		"PAYMENTS_API_KEY":     apikey.Generate(),
		"WEBHOOK_SECRET":       webhook.GenerateSecret(),
		"TOKEN_ENCRYPTION_KEY": store.GenerateKey(),
		"LOG_LEVEL":            "debug",
	}
	maps.Copy(all, changes)
	return all
}

// identity are the settings of a client identity with a key of its own.
func identitySettings(t *testing.T) map[string]string {
	t.Helper()
	return map[string]string{
		"SELLER_ID": "platform", "SELLER_WALLET_ADDRESS_URL": "https://wallet.example/platform", "SELLER_KEY_ID": "key-1",
		"SELLER_PRIVATE_KEY_PATH": newKey(t, filepath.Join(t.TempDir(), "platform.pem")),
	}
}

// newKey writes a private key, and returns where.
func newKey(t *testing.T, path string) string {
	t.Helper()
	key, err := openpayments.GenerateKey()
	require.NoError(t, err)
	pem, err := openpayments.MarshalPrivateKeyPEM(key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, pem, 0o600))
	return path
}

// file writes settings as a dotenv file.
func file(t *testing.T, all map[string]string) string {
	t.Helper()
	var text strings.Builder
	for name, value := range all {
		fmt.Fprintf(&text, "%s='%s'\n", name, value)
	}
	path := filepath.Join(t.TempDir(), "settings.env")
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
	return path
}

// run is the command line, with these settings.
func run(t *testing.T, all map[string]string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := command(nil)
	root.SetOut(&out)
	root.SetErr(&out)
	err := cli.Run(t.Context(), root, append([]string{"--config", file(t, all)}, args...))
	return out.String(), err
}

// exitOf is what the program ends with for an error.
func exitOf(err error) int { return cli.Explain(err, explain).Exit }

type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// running is the service, started by a test.
type running struct {
	*program
	url   string
	key   string
	lines *lines
	stop  func() error // stops it, and waits
}

func serve(t *testing.T, all map[string]string) (*running, error) {
	t.Helper()
	c, err := loadConfig(file(t, all))
	if err != nil {
		return nil, err
	}
	r := &running{key: c.APIKey.Reveal(), lines: &lines{}}
	log, err := logging.New(r.lines, c.LogFormat, c.LogLevel)
	require.NoError(t, err)
	p, err := newProgram(t.Context(), c, log, clock.System())
	if err != nil {
		return r, err
	}
	r.program, r.url = p, "http://"+p.Addr()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		defer p.Close()
		ended <- p.Run(ctx)
	}()
	r.stop = sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
	t.Cleanup(func() { _ = r.stop() })
	return r, nil
}

func mustServe(t *testing.T, all map[string]string) *running {
	t.Helper()
	r, err := serve(t, all)
	require.NoError(t, err)
	return r
}

func (r *running) ask(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+r.key)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}
