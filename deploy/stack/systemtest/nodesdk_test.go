package systemtest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox/control"
	"tianguis.example/stack"
)

// TestNodeSDK lets the official SDK, with response validation on, make whole payments against the
// sandbox. Every answer, refusals too, is held against the OpenAPI documents in its package.
func TestNodeSDK(t *testing.T) {
	t.Parallel()
	node, npm := need(t, "node"), need(t, "npm")
	folder := filepath.Join(root, "deploy", "stack", "systemtest", "nodesdk")
	execute(t, folder, nil, npm, "ci", "--prefer-offline", "--no-progress")

	wallets := startSandbox(t, map[string]string{"SANDBOX_CONTINUE_WAIT": "1s"})
	keyFile, key := newKey(t, "node-sdk")
	books := control.New(wallets)
	require.NoError(t, books.RegisterKey(t.Context(), "marketplace", key))

	for _, asked := range []int64{100_00, 19_99} {
		before := balances(t, books)
		out := execute(t, folder, map[string]string{
			"WALLETS": wallets, "CLIENT_WALLET": wallets + "/marketplace", "KEY_ID": key.Kid, "KEY_FILE": keyFile,
		}, node, "pay.mjs", strconv.FormatInt(asked, 10))
		after := balances(t, books)

		var told struct {
			Debited, Received struct {
				Value int64 `json:",string"`
			}
			Seen map[string]int
		}
		require.NoError(t, json.Unmarshal(out, &told), string(out))
		require.GreaterOrEqual(t, told.Received.Value, asked)
		require.Equal(t, told.Debited.Value, before["wallet:buyer-usd"]-after["wallet:buyer-usd"])
		require.Equal(t, told.Received.Value, after["wallet:worker-mxn"]-before["wallet:worker-mxn"])
		require.GreaterOrEqual(t, len(told.Seen), 20, "operations and statuses that were held against the documents: %v", told.Seen)
	}
}

// startSandbox runs a sandbox alone, in memory, and returns its address.
func startSandbox(t *testing.T, env map[string]string) string {
	t.Helper()
	ports, err := stack.FreePorts(t.Context())
	require.NoError(t, err)
	s, err := stack.New(stack.Config{Bin: bin, State: t.TempDir(), Ports: ports, Env: map[string]map[string]string{stack.Sandbox: env}})
	require.NoError(t, err)
	require.NoError(t, s.Sandbox.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Sandbox.Stop()) })
	return s.Sandbox.Address
}

// newKey makes a client key: its file in PKCS #8, and the public half.
func newKey(t *testing.T, id string) (string, control.JWK) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), id+".pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return file, control.JWK{Kid: id, X: base64.RawURLEncoding.EncodeToString(public), Alg: "EdDSA", Kty: "OKP", Crv: "Ed25519"}
}

// balances are those of every account of the sandbox, in minor units. It checks that no money was made or lost.
func balances(t *testing.T, books *control.Client) map[string]int64 {
	t.Helper()
	ledger, err := books.Ledger(t.Context())
	require.NoError(t, err)
	require.True(t, ledger.Conserved, "the books do not add up: %v", ledger.Totals)
	return ledger.Balances
}

// execute runs a program in a folder, with env beside the environment, and returns its standard output.
func execute(t *testing.T, folder string, env map[string]string, name string, arguments ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir, command.Env = folder, os.Environ()
	for variable, value := range env {
		command.Env = append(command.Env, variable+"="+value)
	}
	command.WaitDelay = 5 * time.Second
	out, err := command.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		t.Fatalf("%s %v: %v\n%s\n%s", filepath.Base(name), arguments, err, out, failed.Stderr)
	}
	require.NoError(t, err)
	return out
}
