package cmd

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

// doorsFile is the written table of who is answered what. Its head says how it is read.
const doorsFile = "testdata/doors.txt"

// askers are the columns of the table, by whether there is an API key.
var askers = map[bool][]string{true: {"nobody", "wrong", "revoked", "read", "pay", "admin", "site"}, false: {"local", "name", "page"}}

// doorLine is a line of the table.
type doorLine struct {
	line            int
	method, address string
	answers         map[string]string
	body            string
}

func readDoors(t *testing.T) (doors []doorLine) {
	t.Helper()
	text, err := os.ReadFile(doorsFile)
	require.NoError(t, err)
	columns := slices.Concat(askers[true], askers[false])
	for i, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		n := len(fields) - 2
		require.True(t, n == len(columns) || n == len(columns)+1, "%s:%d: a method, an address, %d statuses and perhaps a body", doorsFile, i+1, len(columns))
		d := doorLine{line: i + 1, method: fields[0], address: fields[1], answers: map[string]string{}}
		for j, column := range columns {
			d.answers[column] = fields[2+j]
		}
		if n > len(columns) {
			d.body = fields[len(fields)-1]
		}
		doors = append(doors, d)
	}
	return doors
}

// knock asks as one of the askers does.
func (r *running) knock(t *testing.T, d doorLine, as string, things *strings.Replacer, keys map[string]string) (status int) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), d.method, r.url+things.Replace(d.address), strings.NewReader(strings.ReplaceAll(d.body, "{asker}", as)))
	require.NoError(t, err)
	pages := strings.HasPrefix(d.address, "/operator")
	if d.body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if pages {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	key := r.key
	switch as {
	case "wrong":
		key += "x"
		fallthrough
	case "revoked", "read", "pay", "admin":
		if made, ok := keys[as]; ok {
			key = made
		}
		if pages {
			request.SetBasicAuth("anybody", key)
		} else {
			request.Header.Set("Authorization", "Bearer "+key)
		}
	case "site":
		request.SetBasicAuth("anybody", key)
		fallthrough
	case "page": // what a page can have a browser send without being asked about it first (Fetch, "CORS-safelisted request-header")
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		request.Header.Set("Origin", "https://evil.example")
		if d.body != "" {
			request.Header.Set("Content-Type", "text/plain")
		}
	case "name":
		request.Host = "evil.example"
	}
	answer, err := http.DefaultTransport.RoundTrip(request) // which follows no redirect
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}

// settled is all that the database holds, once no delivery and no task is in hand.
func (r *running) settled(t *testing.T) string {
	t.Helper()
	db := r.db.Read(t.Context())
	require.Eventually(t, func() bool {
		var waiting int
		require.NoError(t, db.Raw("SELECT (SELECT COUNT(*) FROM deliveries WHERE state = 'pending') + (SELECT COUNT(*) FROM tasks WHERE ended_at IS NULL)").Scan(&waiting).Error)
		return waiting == 0
	}, 10*time.Second, 10*time.Millisecond)
	var tables []string
	require.NoError(t, db.Raw("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").Scan(&tables).Error)
	require.Contains(t, tables, "sellers")
	slices.Sort(tables)
	var all strings.Builder
	for _, table := range tables {
		all.WriteString(table + "\n" + strings.Join(rowsOf(t, db, table), "\n"))
	}
	return all.String()
}

// rowsOf are the rows of a table as text, in an order of their own.
func rowsOf(t *testing.T, db *gorm.DB, table string) (lines []string) {
	t.Helper()
	columnsRead := "*"
	if table == "api_keys" { // without when each was used last, which may be written at any time
		columnsRead = "id, name, scope, hash, fingerprint, created_at, revoked_at, seal"
	}
	rows, err := db.Raw("SELECT " + columnsRead + " FROM " + table).Rows()
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.RawBytes)
		}
		require.NoError(t, rows.Scan(values...))
		var line strings.Builder
		for _, value := range values {
			line.Write(*value.(*sql.RawBytes))
			line.WriteByte('|')
		}
		lines = append(lines, line.String())
	}
	require.NoError(t, rows.Err())
	slices.Sort(lines)
	return lines
}

// makeKeys makes a key of each scope beside the configuration's, as an operator does, and one that is revoked.
func makeKeys(t *testing.T, all map[string]string) map[string]string {
	t.Helper()
	keys := map[string]string{}
	for name, scope := range map[string]string{"revoked": "admin", "read": "read", "pay": "pay", "admin": "admin"} {
		out, err := run(t, all, "apikey", "create", "--name", name, "--scope", scope)
		require.NoError(t, err, out)
		keys[name], _, _ = strings.Cut(out, "\n")
	}
	out, err := run(t, all, "apikey", "list", "--json")
	require.NoError(t, err, out)
	var facts []apiKeyFacts
	require.NoError(t, json.Unmarshal([]byte(out), &facts))
	require.Len(t, facts, 5)
	for _, f := range facts {
		if f.Name == "revoked" {
			out, err := run(t, all, "apikey", "revoke", f.ID)
			require.NoError(t, err, out)
		}
	}
	return keys
}

// TestDoors_EveryRouteAsEverybody walks every route as everybody, with a key and without one, and compares with the written table.
func TestDoors_EveryRouteAsEverybody(t *testing.T) {
	t.Parallel()
	doors := readDoors(t)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	t.Cleanup(receiver.Close)
	for keyed, columns := range askers {
		t.Run(fmt.Sprintf("with a key %t", keyed), func(t *testing.T) {
			t.Parallel()
			changes := map[string]string{"MARKETPLACE_BASE_URL": receiver.URL, "RECONCILE_INTERVAL": "0s", "RATE_LIMIT_ADDRESS": "0", "RATE_LIMIT_WRONG_KEYS": "0"}
			if !keyed {
				changes["PAYMENTS_API_KEY"] = ""
			}
			all := good(t, changes)
			r := mustServe(t, all)
			keys := map[string]string{}
			if keyed {
				keys = makeKeys(t, all)
				require.NoError(t, r.readAPIKeys(t.Context()))
			}
			text := map[string]string{}
			made := func(method, path, body, field string) string {
				status, answer := r.ask(t, method, path, body)
				require.Less(t, status, 300, answer)
				var all map[string]any
				require.NoError(t, json.Unmarshal([]byte(answer), &all))
				if inner, ok := all["endpoint"].(map[string]any); ok {
					all = inner
				}
				require.NotEmpty(t, all[field], answer)
				return fmt.Sprint(all[field])
			}
			status, answer := r.ask(t, http.MethodPost, "/sellers", `{"id":"bob","walletAddressUrl":"https://wallet.example/bob"}`)
			require.Equal(t, http.StatusCreated, status, answer)
			text["delivery"] = made(http.MethodPost, "/webhooks/endpoints/marketplace/ping", "", "id")
			walked := map[string]bool{}
			e := r.handler.(*echo.Echo)
			for _, d := range doors {
				for _, as := range columns {
					if d.method != http.MethodGet && strings.Contains(d.address, "{endpoint}") || text["endpoint"] == "" { // one that nobody has touched
						if text["endpoint"] != "" {
							r.ask(t, http.MethodDelete, "/webhooks/endpoints/"+text["endpoint"], "")
						}
						text["endpoint"] = made(http.MethodPost, "/webhooks/endpoints", `{"url":"https://hooks.example/in"}`, "id")
					}
					things := strings.NewReplacer("{payment}", "01KAR0000000000000000000AA", "{delivery}", text["delivery"], "{endpoint}", text["endpoint"])
					before := r.settled(t)
					got := r.knock(t, d, as, things, keys)
					changed := before != r.settled(t)
					want, changes := strings.CutSuffix(d.answers[as], "*")
					if fmt.Sprint(got) != want || changed != changes {
						t.Errorf("%s:%d: %s %s by %s: %d, and the database changed: %t; not %s", doorsFile, d.line, d.method, d.address, as, got, changed, d.answers[as])
					}
				}
				path, _, _ := strings.Cut(strings.NewReplacer("{payment}", "01KAR0000000000000000000AA", "{delivery}", "1", "{endpoint}", "1").Replace(d.address), "?")
				c := e.NewContext(httptest.NewRequestWithContext(t.Context(), d.method, path, nil), httptest.NewRecorder())
				e.Router().Find(d.method, path, c)
				walked[d.method+" "+c.Path()] = true
			}
			for _, route := range e.Routes() {
				name := strings.Replace(route.Method+" "+route.Path, echo.RouteNotFound, http.MethodGet, 1)
				if !walked[name] {
					t.Errorf("%s has no line for the route %s: add one that says who is answered what there", doorsFile, name)
				}
			}
		})
	}
}
