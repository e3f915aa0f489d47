package cmd

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/cli"
	"tianguis.example/payments/api"
	"tianguis.example/payments/webhook"
)

// listening is `payments listen`, as a process.
type listening struct {
	*exec.Cmd
	began listenLine
	lines chan listenLine
}

func listenTo(t *testing.T, r *running, to string, more ...string) *listening {
	t.Helper()
	settings := file(t, map[string]string{"PAYMENTS_API_KEY": r.key})
	l := &listening{lines: make(chan listenLine, 100)}
	l.Cmd = process(t, append([]string{"--config", settings, "listen", "--json", "--payments", r.url, "--forward-to", to}, more...)...)
	l.Stderr = os.Stderr
	out, err := l.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, l.Start())
	go func() {
		defer close(l.lines)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			var line listenLine
			if json.Unmarshal(scan.Bytes(), &line) == nil {
				l.lines <- line
			}
		}
	}()
	l.began = l.next(t, func(line listenLine) bool { return line.Began != nil })
	return l
}

// next is the next line of a kind.
func (l *listening) next(t *testing.T, is func(listenLine) bool) listenLine {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		select {
		case line, open := <-l.lines:
			require.True(t, open, "payments listen has ended")
			if is(line) {
				return line
			}
		case <-late:
			t.Fatal("payments listen says nothing")
		}
	}
}

func anEvent(line listenLine) bool { return line.Event != nil }

func endpoints(t *testing.T, c *api.Client) []api.WebhookEndpoint {
	t.Helper()
	all, err := c.WebhookEndpoints(t.Context())
	require.NoError(t, err)
	return all.Endpoints
}

func TestListen_ForwardsWhatIsSignedAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	market, app := newReceiver(t, http.StatusOK), newReceiver(t, http.StatusOK)
	r := mustServe(t, good(t, map[string]string{"WEBHOOK_ALLOW_HOSTS": "127.0.0.1", "MARKETPLACE_BASE_URL": market.URL}))
	client := api.NewClient(r.url, r.key, nil)
	l := listenTo(t, r, app.URL+"/hooks")
	id, secret := l.began.Began.EndpointID, l.began.Began.Secret
	require.Len(t, endpoints(t, client), 2)

	_, err := client.PingWebhookEndpoint(t.Context(), id)
	require.NoError(t, err)
	came := l.next(t, anEvent).Event
	require.Equal(t, webhook.Ping, came.Type)
	require.Equal(t, http.StatusOK, came.Status)
	require.True(t, app.verified(t, secret))
	require.False(t, app.verified(t, webhook.GenerateSecret()))
	require.Empty(t, market.got, "the others get what is theirs, and no more")

	// A test event, to the listener.
	settings := map[string]string{"PAYMENTS_API_KEY": r.key}
	out, err := run(t, settings, "trigger", "payment.failed", "--payments", r.url, "--json")
	require.NoError(t, err)
	require.Contains(t, out, `"test": true`)
	came = l.next(t, anEvent).Event
	require.Equal(t, webhook.Failed, came.Type)
	require.True(t, came.Test)
	require.True(t, strings.HasPrefix(came.ID, "test_"))
	require.True(t, app.verified(t, secret))
	app.status.Store(http.StatusGone)
	_, err = run(t, settings, "trigger", "payment.completed", "--payments", r.url)
	require.ErrorContains(t, err, "answered 410")
	require.Equal(t, cli.Failed, exitOf(err))

	// Nobody else can have it forward anything.
	answer, err := http.Post(endpointURL(t, client, id), "application/json", strings.NewReader(`{"type":"ping"}`))
	require.NoError(t, err)
	_ = answer.Body.Close()
	require.Equal(t, http.StatusUnauthorized, answer.StatusCode)

	require.NoError(t, l.Process.Signal(os.Interrupt))
	require.NoError(t, l.Wait())
	require.Len(t, endpoints(t, client), 1)
	_, err = run(t, settings, "trigger", "payment.failed", "--payments", r.url)
	require.ErrorContains(t, err, "payments listen")
	require.Equal(t, cli.NotFound, exitOf(err))
}

func endpointURL(t *testing.T, c *api.Client, id string) string {
	t.Helper()
	e, err := c.WebhookEndpoint(t.Context(), id)
	require.NoError(t, err)
	return e.URL
}

// TestListen_Restarts: of the developer's program, of the listener, which is killed, and of the service.
func TestListen_Restarts(t *testing.T) {
	t.Parallel()
	open, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := open.Addr().String()
	require.NoError(t, open.Close()) // nothing listens there yet
	all := good(t, map[string]string{"WEBHOOK_ALLOW_HOSTS": "127.0.0.1", "POLL_INTERVAL": "100ms"})
	r := mustServe(t, all)
	client := api.NewClient(r.url, r.key, nil)
	l := listenTo(t, r, "http://"+port)
	first := l.began.Began.EndpointID
	sent, err := client.PingWebhookEndpoint(t.Context(), first)
	require.NoError(t, err)
	require.NotEmpty(t, l.next(t, anEvent).Event.Error)
	app := newReceiver(t, http.StatusOK)
	back, err := net.Listen("tcp", port)
	require.NoError(t, err)
	go func() { _ = http.Serve(back, app.Config.Handler) }()
	defer func() { _ = back.Close() }()
	taken := l.next(t, func(line listenLine) bool { return anEvent(line) && line.Event.Taken() }).Event
	require.Equal(t, sent.ID, taken.ID, "the same event, again")

	require.NoError(t, l.Process.Kill())
	_ = l.Wait()
	l = listenTo(t, r, "http://"+port)
	require.Equal(t, first, l.began.Began.EndpointID, "what was left is taken up")
	// A ping is tried once, and the service's lane may not have read the new address yet.
	require.Eventually(t, func() bool {
		sent, err := client.PingWebhookEndpoint(t.Context(), first)
		require.NoError(t, err)
		select {
		case line := <-l.lines:
			return anEvent(line) && line.Event.Taken()
		case <-time.After(time.Second):
			t.Log("not yet:", sent.ID)
			return false
		}
	}, 20*time.Second, 10*time.Millisecond)
	_, err = client.PingWebhookEndpoint(t.Context(), first)
	require.NoError(t, err)
	require.True(t, l.next(t, anEvent).Event.Taken())
	require.True(t, app.verified(t, l.began.Began.Secret))

	require.NoError(t, r.stop())
	require.Contains(t, l.next(t, func(line listenLine) bool { return line.Note != "" }).Note, "is away")
	all["PAYMENTS_LISTEN"] = strings.TrimPrefix(r.url, "http://")
	again := mustServe(t, all)
	require.Contains(t, l.next(t, func(line listenLine) bool { return line.Note != "" }).Note, "is back")
	_, err = client.PingWebhookEndpoint(t.Context(), first)
	require.NoError(t, err)
	require.True(t, l.next(t, anEvent).Event.Taken())
	require.NoError(t, client.RemoveWebhookEndpoint(t.Context(), first))
	require.Contains(t, l.next(t, func(line listenLine) bool { return line.Note != "" }).Note, "there again")
	require.NoError(t, l.Process.Signal(os.Interrupt))
	require.NoError(t, l.Wait())
	require.Len(t, endpoints(t, client), 1)
	require.NoError(t, again.stop())
}

func TestListen_SaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	closed := mustServe(t, good(t, nil))
	for _, c := range []struct {
		says string
		exit int
		args []string
	}{
		{"WEBHOOK_ALLOW_HOSTS=127.0.0.1", cli.WrongUsage, []string{"listen", "--forward-to", "localhost:1", "--payments", closed.url}},
		{"no payments service answers at http://127.0.0.1:1", cli.Unreachable, []string{"listen", "--forward-to", "localhost:1", "--payments", "http://127.0.0.1:1"}},
		{"forward-to", cli.WrongUsage, []string{"listen"}},
		{"--forward-to", cli.WrongUsage, []string{"listen", "--forward-to", "ftp://x"}},
		{"no event", cli.WrongUsage, []string{"trigger", "payment.lost"}},
		{"go together", cli.WrongUsage, []string{"trigger", "ping", "--to", "localhost:1"}},
		{"did not answer", cli.Unreachable, []string{"trigger", "ping", "--to", "127.0.0.1:1", "--secret", webhook.GenerateSecret()}},
		{"no sandbox wallet answers", cli.Unreachable, []string{"trigger", "payment", "--payments", closed.url, "--sandbox", "127.0.0.1:1"}},
		{"no sandbox wallet answers", cli.Unreachable, []string{"trigger", "payment", "--payments", closed.url, "--sandbox", closed.url}},
	} {
		_, err := run(t, map[string]string{"PAYMENTS_API_KEY": closed.key}, c.args...)
		require.ErrorContains(t, err, c.says, c.args)
		require.Equal(t, c.exit, exitOf(err), "%v: %v", c.args, err)
	}
	require.Len(t, endpoints(t, api.NewClient(closed.url, closed.key, nil)), 1)
}

func TestTrigger_EveryEventToAnAddress(t *testing.T) {
	t.Parallel()
	app, secret := newReceiver(t, http.StatusOK), webhook.GenerateSecret()
	for _, event := range webhook.Types {
		_, err := run(t, nil, "trigger", string(event), "--to", app.URL, "--secret", secret)
		require.NoError(t, err)
		require.True(t, app.verified(t, secret))
		parsed, err := webhook.Parse(app.bodies[len(app.bodies)-1])
		require.NoError(t, err)
		require.Equal(t, event, parsed.Type)
	}
}
