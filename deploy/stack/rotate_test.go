package stack_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
)

// dockerStandIn does what rotate.sh and roll.sh ask of docker, in a folder: `secrets` are the volumes, and `running` has for each replica the secrets
// that it started with. It fails at the call number $BREAK, as if somebody pressed ^C. Whenever a replica comes, it notes in `refused` whom another would not believe.
const dockerStandIn = `#!/bin/bash
set -euo pipefail
cd "$STATE"
echo "$*" >>arguments
echo >>calls
[ "$(wc -l <calls)" != "${BREAK:-0}" ] || exit 1
case "$*" in
"compose cp "*) path=${3#*:/secrets/}; tar --create --directory "secrets/$(dirname "$path")" "$(basename "$path")" ;;
"compose run "*" put "*) cat >"secrets/${*: -1}" ;;
"compose exec -T payments payments secret generate "*) n=$(wc -l <generated); echo "generated-$n" | tee --append generated ;;
"compose exec -T postgres psql "*) cat >sql ;;
"compose exec "*) ;;
"compose ps --quiet "*) ls running | grep "^$4\." ;;
"stop "*) ;;
"rm "*) rm -r "running/$2" ;;
"compose up "*)
  service=${*: -1}
  for replica in 1 2; do
    [ -d "running/$service.$replica" ] || cp -r "secrets/$service" "running/$service.$replica"
  done
  for web in running/web.*; do
    for payments in running/payments.*; do
      grep --quiet --word-regexp --fixed-strings "$(cat "$web/api_key")" "$payments/api_key" || echo "$* $web shows a key that $payments refuses" >>refused
      grep --quiet --word-regexp --fixed-strings "$(cat "$payments/webhook_secret")" "$web/webhook_secret" || echo "$* $payments signs what $web refuses" >>refused
    done
  done ;;
*) echo "docker $* is not known here" >&2; exit 1 ;;
esac
`

// TestRotate_BrokenOff breaks rotate.sh off at one call of docker after the other, each time where the last left it: nobody is refused, and in the end there
// is one secret. None of them is in the arguments of a process, which everybody on the machine can read. TestRotate of systemtest does it on the real stack, in one go.
func TestRotate_BrokenOff(t *testing.T) {
	t.Parallel()
	for secret, files := range map[string][]string{
		"api_key": {"web/api_key", "payments/api_key"}, "webhook_secret": {"payments/webhook_secret", "web/webhook_secret"},
		"payments_password": {"postgres/payments", "payments/pgpass"},
	} {
		t.Run(secret, func(t *testing.T) {
			t.Parallel()
			s, call := newStandIn(t), 1
			for s.rotate(secret, call) != nil { // until it has fewer calls than that
				s.nobodyWasRefused(t, call)
				call++
			}
			require.Greater(t, call, 5)
			s.nobodyWasRefused(t, call)
			s.hasOneSecret(t, files)
			if secret == "api_key" {
				keys := strings.Fields(s.read(t, "secrets/payments/api_key"))
				require.Len(t, keys, 2)
				require.Equal(t, "pay:"+s.read(t, "secrets/web/api_key"), keys[1])
				require.NotContains(t, keys[0], ":", "the operators' may do everything")
			}
		})
	}
}

type standIn struct{ root, state string }

func newStandIn(t *testing.T) standIn {
	t.Helper()
	root, err := stack.Root()
	require.NoError(t, err)
	s := standIn{root: t.TempDir(), state: t.TempDir()}
	for _, script := range []string{"rotate.sh", "roll.sh"} {
		content, err := os.ReadFile(filepath.Join(root, "deploy", "compose", script))
		require.NoError(t, err)
		put(t, filepath.Join(s.root, "deploy", "compose", script), string(content))
	}
	put(t, filepath.Join(s.root, "bin", "docker"), dockerStandIn)
	for path, content := range map[string]string{
		"payments/api_key": "first-key", "web/api_key": "first-key", "payments/webhook_secret": "first-secret", "web/webhook_secret": "first-secret",
		"payments/pgpass": "*:*:*:payments:first-password", "postgres/payments": "first-password",
	} {
		put(t, filepath.Join(s.state, "secrets", path), content+"\n")
	}
	for _, service := range []string{"payments", "web"} {
		for replica := range 2 {
			require.NoError(t, os.CopyFS(filepath.Join(s.state, "running", fmt.Sprintf("%s.%d", service, replica+1)), os.DirFS(filepath.Join(s.state, "secrets", service))))
		}
	}
	put(t, filepath.Join(s.state, "generated"), "")
	return s
}

func put(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o700))
}

func (s standIn) rotate(secret string, breakAt int) error {
	_ = os.Remove(filepath.Join(s.state, "calls"))
	command := exec.Command(filepath.Join(s.root, "deploy", "compose", "rotate.sh"), secret)
	command.Env = append(os.Environ(), "PATH="+filepath.Join(s.root, "bin")+":"+os.Getenv("PATH"), "STATE="+s.state, fmt.Sprintf("BREAK=%d", breakAt))
	out, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func (s standIn) read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(s.state, path))
	require.NoError(t, err)
	return strings.TrimSpace(string(content))
}

func (s standIn) nobodyWasRefused(t *testing.T, call int) {
	t.Helper()
	if refused, err := os.ReadFile(filepath.Join(s.state, "refused")); err == nil {
		require.Empty(t, string(refused), "broken off at call %d", call)
	}
}

func (s standIn) hasOneSecret(t *testing.T, files []string) {
	t.Helper()
	now := s.read(t, filepath.Join("secrets", files[0]))
	require.NotContains(t, now, "first")
	require.NotContains(t, now, " ", "one alone is left")
	arguments := s.read(t, "arguments")
	require.NotContains(t, arguments, now)
	require.NotContains(t, arguments, "generated-")
	require.NotContains(t, arguments, "first-")
	for _, file := range files {
		content := s.read(t, filepath.Join("secrets", file))
		require.True(t, strings.HasSuffix(content, now), file)
		service, name, _ := strings.Cut(file, "/")
		if service == "postgres" {
			require.Equal(t, fmt.Sprintf("\\set password '%s'\nALTER ROLE :\"name\" PASSWORD :'password';", now), s.read(t, "sql"))
			continue
		}
		for replica := range 2 {
			require.Equal(t, content, s.read(t, fmt.Sprintf("running/%s.%d/%s", service, replica+1, name)))
		}
	}
}
