package systemtest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// item is a line of docs/operations.md, Troubleshooting: what is looked at, and the one command for it.
type item struct{ heading, what, docker, byHand string }

var code = regexp.MustCompile("`([^`]+)`")

// troubleshooting reads the section.
func troubleshooting(t *testing.T) (all []item) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n## Troubleshooting\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	heading := ""
	for line := range strings.Lines(section) {
		if title, ok := strings.CutPrefix(line, "### "); ok {
			heading = strings.TrimSpace(title)
		}
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.HasPrefix(line, "|---") || strings.Contains(line, "| by hand |") {
			continue
		}
		docker, byHand := code.FindAllStringSubmatch(cells[2], -1), code.FindAllStringSubmatch(cells[3], -1)
		require.Len(t, docker, 1, "one command: %s", line)
		require.Len(t, byHand, 1, "one command: %s", line)
		all = append(all, item{heading, cells[1], docker[0][1], byHand[0][1]})
	}
	return all
}

// TestTroubleshooting runs every command of the section as it stands there, on a stack on which a job has been paid.
func TestTroubleshooting(t *testing.T) {
	t.Parallel()
	items := troubleshooting(t)
	perHeading := map[string]int{}
	for _, i := range items {
		perHeading[i.heading]++
	}
	// The original guide's three headings, four items each.
	require.Equal(t, map[string]int{"Webhooks not received": 4, "Redirect callback fails": 4, "Payment status not updating": 4}, perHeading)

	on(t, func(t *testing.T, database string) {
		w := newWorld(t, database, nil)
		a := w.start(t, "19.99 MXN", "/buyer-mxn")
		a.open(t, a.decide(t, person.Approve))
		a.complete(t)
		eventually(t, "the webhook is delivered", func() bool { return w.delivered(t, a.pendingID) })
		out, err := w.Payments.Run(t.Context(), "webhook", "list", "--payment", a.pendingID, "--json")
		require.NoError(t, err)
		var webhooks []struct{ ID string }
		require.NoError(t, json.Unmarshal(out, &webhooks))
		require.Len(t, webhooks, 1)
		fill := strings.NewReplacer("<pendingId>", a.pendingID, "<offerId>", decimal(a.job), "<webhookId>", webhooks[0].ID)

		tells := map[string]string{ // something that only the right answer has
			"payments webhook endpoint list":                "/api/webhooks/payments",
			"payments webhook send-test":                    "answered 200",
			"marketplace doctor":                            "0 failed",
			"payments doctor":                               "0 failed",
			"payments payment show <pendingId>":             "approved    by buyer",
			"payments webhook list --payment <pendingId>":   "delivered",
			"marketplace job show <offerId>":                "complete",
			"payments webhook show <webhookId>":             `"pendingId":"` + a.pendingID,
			"grep webhook .tianguis/logs/marketplace.log":   "[webhook] received",
			"curl -i http://localhost:8000/payments/finish": "",
		}
		for _, i := range items {
			want, known := tells[i.byHand]
			require.True(t, known, "a new command, of which this test must say what it tells: %s", i.byHand)
			words := strings.Fields(fill.Replace(i.byHand))
			switch words[0] {
			case stack.Payments, stack.Marketplace:
				p, service := w.Payments, "payments"
				if words[0] == stack.Marketplace {
					p, service = w.Marketplace, "web"
				}
				require.Equal(t, "docker compose exec "+service+" "+i.byHand, i.docker, "both are the same, there and here")
				out, err := p.Run(t.Context(), words[1:]...)
				require.NoError(t, err, i.byHand)
				require.Contains(t, strings.Join(strings.Fields(string(out)), " "), strings.Join(strings.Fields(want), " "), i.byHand)
			case "grep":
				require.Equal(t, "docker compose logs web", i.docker)
				require.Equal(t, []string{"grep", "webhook", ".tianguis/logs/marketplace.log"}, words)
				if there == nil {
					log, err := os.ReadFile(w.Marketplace.Log)
					require.NoError(t, err)
					require.Contains(t, string(log), want)
				}
			case "curl":
				require.Equal(t, i.byHand, i.docker)
				finish, err := url.Parse(words[len(words)-1])
				require.NoError(t, err)
				page, err := person.NewBrowser().Open(t.Context(), w.Marketplace.Address+finish.Path)
				require.NoError(t, err)
				require.Equal(t, http.StatusNotFound, page.Status)
				require.Equal(t, "unknown", page.Document.Find("#finish").AttrOr("data-ending", ""))
			default:
				t.Fatalf("nobody knows how to run %s", i.byHand)
			}
		}
		answer, err := http.Get(w.Marketplace.Address + "/api/webhooks/payments")
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusMethodNotAllowed, answer.StatusCode, "as the section says")
	})
}

// TestTroubleshooting_NamesServicesThatThereAre: of docker-compose.yml.
func TestTroubleshooting_NamesServicesThatThereAre(t *testing.T) {
	t.Parallel()
	compose, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	require.NoError(t, err)
	for _, i := range troubleshooting(t) {
		words := strings.Fields(i.docker)
		if words[0] != "docker" {
			continue
		}
		require.True(t, slices.Contains([]string{"exec", "logs"}, words[2]), i.docker)
		require.Contains(t, string(compose), "\n  "+words[3]+":\n", i.docker)
	}
}
