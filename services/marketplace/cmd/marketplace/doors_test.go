package main

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"tianguis.example/chassis/clock"
	"tianguis.example/marketplace"
)

// doorsFile is the written table of who is answered what. Its head says how it is read.
const doorsFile = "testdata/doors.txt"

// persons are the columns of the table.
var persons = []string{"nobody", "worker", "rival", "funder", "operator", "stranger"}

// door is a line of the table: an address, and what each person is answered there.
type doorLine struct {
	line            int
	method, address string // with {things} in it
	answers         map[string]string
	form            string
}

// kept is a line of the table that begins with "secret": words, and who may read them anywhere.
type kept struct {
	words   string
	knownTo []string
}

func readDoors(t *testing.T) (doors []doorLine, secrets []kept) {
	t.Helper()
	text, err := os.ReadFile(doorsFile)
	require.NoError(t, err)
	for i, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || fields[0] == "#":
			continue
		case fields[0] == "secret":
			require.Greater(t, len(fields), 1, "%s:%d", doorsFile, i+1)
			secrets = append(secrets, kept{strings.ReplaceAll(fields[1], "_", " "), fields[2:]})
			continue
		}
		n := len(fields) - 2
		require.True(t, n == len(persons) || n == len(persons)+1, "%s:%d: a method, an address, %d answers and perhaps a form, not %d columns", doorsFile, i+1, len(persons), len(fields))
		d := doorLine{line: i + 1, method: fields[0], address: fields[1], answers: map[string]string{}}
		for j, person := range persons {
			d.answers[person] = fields[2+j]
		}
		if n > len(persons) {
			d.form = fields[len(fields)-1]
		}
		doors = append(doors, d)
	}
	return doors, secrets
}

// cast is people, each signed in in a browser, and the things that a test asks of them: made when they are first named, and known by that name.
type cast struct {
	m      *running
	users  map[string]marketplace.User
	shown  map[string]*browser
	things map[string]string
}

// newCast is a new one: of its things nobody has touched any.
func (m *running) newCast(passwordHash string) *cast {
	m.t.Helper()
	c := &cast{m: m, users: map[string]marketplace.User{}, shown: map[string]*browser{}, things: map[string]string{}}
	roles := map[string]marketplace.Role{"worker": marketplace.Worker, "rival": marketplace.Worker, "funder": marketplace.Funder, "operator": marketplace.Both, "stranger": marketplace.Both}
	for _, person := range persons {
		c.shown[person] = m.browser()
		if person == "nobody" {
			c.signedOut(c.shown[person])
			continue
		}
		u := marketplace.User{
			Email: c.id() + "@" + person + ".example", Name: "The " + person, Role: roles[person], WalletAddressURL: "https://wallet-of-" + person + ".example/x",
			PasswordHash: passwordHash, Operator: person == "operator", Version: 1, CreatedAt: clock.System().Now(),
		}
		u.Email = strings.ToLower(u.Email)
		var err error
		u.ID, err = m.store.CreateUser(m.t.Context(), u)
		require.NoError(m.t, err)
		c.users[person] = u
		c.signedIn(person, c.shown[person], time.Hour)
	}
	return c
}

func (c *cast) id() string { return ulid.MustNew(ulid.Now(), rand.Reader).String() }

// signedOut gives a browser what the forms of nobody need.
func (c *cast) signedOut(b *browser) {
	c.m.t.Helper()
	require.Equal(c.m.t, http.StatusOK, b.get("/login").StatusCode)
}

// signedIn gives a browser a session of the person, which lasts for so long, and returns the session's id.
func (c *cast) signedIn(person string, b *browser, life time.Duration) string {
	c.m.t.Helper()
	token, now := marketplace.NewToken(), clock.System().Now()
	s := marketplace.Session{
		ID: c.id(), TokenHash: marketplace.HashToken(token), UserID: c.users[person].ID, CreatedAt: now, SeenAt: now, ExpiresAt: now.Add(life),
		Device: marketplace.Device{Peer: "203.0.113.9", Name: "The telephone of the " + person},
	}
	require.NoError(c.m.t, c.m.store.CreateSession(c.m.t.Context(), s, c.users[person].Email))
	if b != nil {
		b.client.Jar.SetCookies(mustURL(c.m.t, c.m.base), []*http.Cookie{{Name: "tianguis_session", Value: token, Path: "/"}})
	}
	return s.ID
}

var inBraces = regexp.MustCompile(`\{[^}]*\}`)

// named puts things in the place of their names.
func (c *cast) named(text string) string {
	return inBraces.ReplaceAllStringFunc(text, func(name string) string { return c.thing(strings.Trim(name, "{}")) })
}

func (c *cast) thing(name string) string {
	c.m.t.Helper()
	if c.things[name] == "" {
		c.things[name] = c.make(name)
	}
	return c.things[name]
}

// make is a new thing: a job in a state, a payment of one, or something of a person's, such as session:funder.
func (c *cast) make(name string) string {
	t, ctx, now := c.m.t, c.m.t.Context(), clock.System().Now()
	t.Helper()
	if slices.Contains(marketplace.States, marketplace.State(name)) {
		return c.m.jobOf(marketplace.State(name), c.users["funder"], c.users["worker"], c.users["rival"]).String()
	}
	job := func() string { // another one in review
		return c.m.jobOf(marketplace.Reviewing, c.users["funder"], c.users["worker"], c.users["rival"]).String()
	}
	what, whose, _ := strings.Cut(name, ":")
	switch what {
	case "awaiting": // its payment waits for the funder at the wallet
		id := job()
		c.things["payment"] = c.shown["funder"].approve(id)
		return id
	case "payment":
		c.thing("awaiting")
		return c.things["payment"]
	case "paid":
		id := job()
		payment := c.shown["funder"].approve(id)
		c.m.payments.pay(payment)
		require.Equal(t, http.StatusOK, c.m.payments.notify(c.m.base, "msg_"+payment, payment).status)
		return id
	case "user":
		return c.users[whose].ID.String()
	case "email":
		return c.users[whose].Email
	case "session":
		return c.signedIn(whose, nil, time.Hour)
	case "notification":
		require.NoError(t, c.m.store.Notify(ctx, marketplace.Notification{To: c.users[whose].ID, Kind: marketplace.NotifyWalletChanged, At: now}))
		all, err := c.m.store.NotificationsOf(ctx, c.users[whose].ID, 0, 1)
		require.NoError(t, err)
		return fmt.Sprint(all[0].ID)
	case "reset", "new-email":
		token, email := marketplace.NewToken(), c.users[whose].Email
		if what == "new-email" {
			email = c.thing("new") + "@new.example"
		}
		require.NoError(t, c.m.store.KeepLink(ctx, marketplace.Link{
			TokenHash: marketplace.HashToken(token), Kind: map[string]marketplace.LinkKind{"reset": marketplace.LinkReset, "new-email": marketplace.LinkEmail}[what],
			User: c.users[whose].ID, Email: email, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
		}, nil))
		return token
	case "signup":
		token, u := marketplace.NewToken(), c.users["stranger"]
		u.Email = strings.ToLower(c.id()) + "@new.example"
		m := marketplace.Message{ID: c.id(), Channel: marketplace.Email, Kind: marketplace.NotifySignUp, To: u.Email, State: "pending", NextAt: now, Until: now, At: now}
		require.NoError(t, c.m.store.KeepSignUp(ctx, marketplace.SignUp{TokenHash: marketplace.HashToken(token), User: u, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}, m, m))
		return token
	case "mail":
		m := marketplace.Message{ID: c.id(), Channel: marketplace.Email, Kind: marketplace.NotifyWalletChanged, To: "x@new.example", At: now, Until: now.Add(time.Hour)}
		require.NoError(t, c.m.notifier.Senders[marketplace.Email].Send(ctx, m))
		return m.ID
	case "new":
		return strings.ToLower(c.id())
	}
	t.Fatalf("%s names {%s}, which no test can make: teach (*cast).make", doorsFile, name)
	return ""
}

// dump is all that the database holds, by table.
func (m *running) dump() map[string]string {
	m.t.Helper()
	db := m.db.Read(m.t.Context())
	query := "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
	if strings.HasPrefix(m.config.DatabaseURL, "sqlite") {
		query = `SELECT name FROM sqlite_master t WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND NOT EXISTS
			(SELECT 1 FROM sqlite_master v WHERE v.sql LIKE 'CREATE VIRTUAL%' AND t.name LIKE v.name || '%')` // an index of words, and its parts
	}
	var tables []string
	require.NoError(m.t, db.Raw(query).Scan(&tables).Error)
	require.Contains(m.t, tables, "jobs")
	all := map[string]string{}
	for _, table := range tables {
		all[table] = strings.Join(rowsOf(m.t, db, table), "\n")
	}
	return all
}

// dumper is dump for who asks often. It reads a file of SQLite again only when somebody has committed something (sqlite.org/pragma.html,
// data_version): to read all of it for each of a thousand requests takes minutes.
type dumper struct {
	*running
	watch   *sql.Conn // nil for Postgres
	version int64
	last    map[string]string
}

func (m *running) newDumper() *dumper {
	m.t.Helper()
	d := &dumper{running: m}
	if file, ok := strings.CutPrefix(m.config.DatabaseURL, "sqlite:"); ok {
		pool, err := sql.Open("sqlite", file)
		require.NoError(m.t, err)
		m.t.Cleanup(func() { _ = pool.Close() })
		d.watch, err = pool.Conn(m.t.Context()) // the number is of a connection
		require.NoError(m.t, err)
	}
	return d
}

func (d *dumper) dump() map[string]string {
	d.t.Helper()
	if d.watch == nil {
		return d.running.dump()
	}
	var version int64
	require.NoError(d.t, d.watch.QueryRowContext(d.t.Context(), "PRAGMA data_version").Scan(&version))
	if d.last == nil || version != d.version {
		d.version, d.last = version, d.running.dump()
	}
	return d.last
}

// rowsOf are the rows of a table as text, in an order of their own.
func rowsOf(t *testing.T, db *gorm.DB, table string) (lines []string) {
	t.Helper()
	rows, err := db.Raw("SELECT * FROM " + table).Rows()
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

// changed names the tables that differ.
func changed(before, after map[string]string) (tables []string) {
	for table, rows := range after {
		if before[table] != rows {
			tables = append(tables, table)
		}
	}
	slices.Sort(tables)
	return tables
}

// pattern is the route that answers an address.
func (m *running) pattern(method, address string) string {
	c := m.echo.NewContext(httptest.NewRequestWithContext(m.t.Context(), method, address, nil), httptest.NewRecorder())
	path, _, _ := strings.Cut(address, "?")
	m.echo.Router().Find(method, path, c)
	return method + " " + c.Path()
}

// routes are all that the program answers at.
func (m *running) routes() (all []string) {
	for _, r := range m.echo.Routes() {
		all = append(all, r.Method+" "+r.Path)
	}
	return all
}

// quiet has nothing happen but what is asked for, so that the database tells what a request did.
func quiet(c *Config) {
	c.MailDelivery, c.MessagesEvery, c.DeadlineEvery = mailPage, time.Hour, time.Hour
}

// formToken is what the forms of a browser carry.
func (b *browser) formToken() string {
	b.t.Helper()
	for _, path := range []string{"/", "/login"} {
		if field := b.get(path).doc.Find("input[name=csrf]").First(); field.Length() > 0 {
			return field.AttrOr("value", "")
		}
	}
	b.t.Fatal("no form")
	return ""
}

func (d doorLine) ask(c *cast, b *browser, token string) page {
	var form url.Values
	if d.method == http.MethodPost {
		form, _ = url.ParseQuery(c.named(d.form))
		form.Set("csrf", token)
	}
	return b.do(d.method, c.named(d.address), form)
}

// answered is what the table calls an answer.
func (d doorLine) answered(c *cast, p page) string {
	at := p.Header.Get("Location")
	back := "/login?" + url.Values{"next": {c.named(d.address)}}.Encode()
	switch {
	case p.StatusCode == http.StatusSeeOther && (at == back || at == "/login" && (d.method != http.MethodGet || d.address == "/")):
		return "login"
	case p.StatusCode == http.StatusSeeOther:
		return ">" + at
	default:
		return fmt.Sprint(p.StatusCode)
	}
}

// TestDoors_EveryRouteAsEverybody walks every route as everybody, and compares with the written table: what is answered, whether anything changed,
// and that nobody reads what is not theirs.
func TestDoors_EveryRouteAsEverybody(t *testing.T) {
	t.Parallel()
	doors, secrets := readDoors(t)
	hash := marketplace.HashPassword(demoPassword)
	onEach(t, func(t *testing.T, m *running) {
		walked, seen := map[string]bool{}, map[string]bool{}
		c, database := m.newCast(hash), m.newDumper()
		for _, d := range doors {
			walked[m.pattern(d.method, c.named(d.address))] = true
			for _, person := range append(slices.Clone(persons), "ended") {
				b, column := c.shown[person], person
				if person == "ended" { // whose session is over is nobody
					b, column = m.browser(), "nobody"
					c.signedOut(b)
					c.signedIn("funder", b, -time.Second)
				}
				token := ""
				if d.method == http.MethodPost {
					token = b.formToken()
				}
				name := fmt.Sprintf("%s:%d: %s %s as %s", doorsFile, d.line, d.method, d.address, person)
				want, changes := strings.CutSuffix(d.answers[column], "*")
				want = c.named(want)
				c.named(d.address + d.form) // so that it is there before
				before := database.dump()
				answer := d.ask(c, b, token)
				tables := changed(before, database.dump())
				if got := d.answered(c, answer); want != got && (want != ">new" || !strings.HasPrefix(got, ">/jobs/")) {
					t.Errorf("%s: answered %s, not %s", name, got, want)
				}
				if changes != (len(tables) > 0) {
					t.Errorf("%s: changed %v", name, tables)
				}
				text := answer.text + answer.Header.Get("Location")
				for _, s := range secrets {
					if !strings.Contains(text, s.words) || strings.Contains(c.named(d.form), s.words) || strings.HasPrefix(d.address, "/dev/") ||
						strings.Contains(d.address, "{reset:") {
						continue // not shown; or what they wrote themselves; or mails, which only developers have a page for; or for who has the link of one
					}
					if !slices.Contains(s.knownTo, column) {
						t.Errorf("%s: shows %q", name, s.words)
					}
					seen[s.words+column] = true
				}
				if len(tables) > 0 {
					c = m.newCast(hash)
				}
			}
		}
		for _, route := range m.routes() {
			if !walked[route] {
				t.Errorf("%s has no line for the route %s: add one that says who is answered what there", doorsFile, route)
			}
		}
		for _, s := range secrets {
			for _, person := range s.knownTo {
				if !seen[s.words+person] {
					t.Errorf("%s may read %q, and nothing showed it to them: of such a secret nothing is proved", person, s.words)
				}
			}
		}
	}, quiet)
}

// TestDoors_NoFormWithoutItsToken sends every form of the table without a token, and with those of others.
func TestDoors_NoFormWithoutItsToken(t *testing.T) {
	t.Parallel()
	doors, _ := readDoors(t)
	m := start(t, quiet)
	c, database := m.newCast(marketplace.HashPassword(demoPassword)), m.newDumper()
	again := m.browser() // the funder's, in another browser
	c.signedIn("funder", again, time.Hour)
	tokens := map[string]string{
		"none": "", "a wrong one": "wrong", "of another person": c.shown["worker"].formToken(), "of another session": again.formToken(), "of nobody": c.shown["nobody"].formToken(),
	}
	forms := 0
	for _, d := range doors {
		if d.method != http.MethodPost || strings.HasPrefix(d.address, "/api/") { // a webhook proves itself by its signature
			continue
		}
		forms++
		c.named(d.address + d.form)
		before := database.dump()
		for _, name := range slices.Sorted(maps.Keys(tokens)) {
			answer := d.ask(c, c.shown["funder"], tokens[name])
			require.Equal(t, http.StatusForbidden, answer.StatusCode, "%s %s with the token: %s", d.method, d.address, name)
		}
		asFunder := c.shown["funder"].formToken()
		inAddress := d
		inAddress.address += "?csrf=" + asFunder
		require.Equal(t, http.StatusForbidden, inAddress.ask(c, c.shown["funder"], "").StatusCode, "%s: a token in the address is none", d.address)
		require.Empty(t, changed(before, database.dump()), "%s %s", d.method, d.address)
	}
	require.Greater(t, forms, 30)
}
