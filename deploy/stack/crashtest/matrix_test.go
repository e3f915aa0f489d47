package crashtest

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/crashpoint"
	"tianguis.example/stack"
)

// point is one of a service's.
type point struct{ service, name string }

func (p point) String() string { return p.service + ": " + p.name }

// unreachable are the things done, with the reason why no scenario gets there. All else must be reached.
var unreachable = map[string]string{
	"payments: Record Book":     "more money, or a part of it, after the end: takes a second payer of one incoming payment",
	"payments: Record Renew":    "takes an auth server that answers a continuation with another one; neither the sandbox nor the recorded wallet does",
	"payments: PruneIdempotent": "once an hour of the machine's time; what it deletes nobody asks for",

	"payments: PruneDeliveries": "once an hour of the machine's time; what it deletes ended long ago",

	"payments: AddEndpoint":    "an operator's request, of which no payment knows",
	"payments: ChangeEndpoint": "an operator's request, of which no payment knows",
	"payments: RemoveEndpoint": "an operator's request, of which no payment knows",
	"payments: ReplaceSecret":  "an operator's request, of which no payment knows",
	"payments: AddPing":        "an operator's request, of which no payment knows",
	"payments: Replay":         "an operator's request, one transaction for a thousand: it can be made again",
	"payments: ReplayOne":      "an operator's request, one transaction: it can be made again",
	"payments: RecordAction":   "what an operator is about to do, of which no payment knows",
	"payments: AddAPIKey":      "an operator's command, one transaction: no payment knows",
	"payments: RevokeAPIKey":   "an operator's command, one transaction: it can be made again",
	"payments: UseAPIKeys":     "when a key was used last: no payment hangs on it, and it is written again in an hour",
	"payments: KeepTask":       "takes a comparison that lasts longer than its lease's renewal, 15 s",

	"payments: Reseal":          "an operator's command, one transaction a row: store/reseal_test.go breaks it off",
	"payments: WriteCheckpoint": "an operator's command, of which no payment knows",

	"marketplace: AddTry":                  "signing in: no payment hangs on it",
	"marketplace: CreateSession":           "signing in: no payment hangs on it",
	"marketplace: DeleteSession":           "signing out: no payment hangs on it",
	"marketplace: Register":                "an account: one transaction, which no payment knows",
	"marketplace: KeepSignUp":              "an account: one transaction, which no payment knows",
	"marketplace: KeepLink":                "an account: one transaction, which no payment knows",
	"marketplace: ChangeAccount":           "an account: one transaction, which no payment knows",
	"marketplace: payments.Profile":        "a look at a wallet, for an account",
	"marketplace: CreateUser":              "an operator's command",
	"marketplace: ImportJob":               "an operator's command",
	"marketplace: SetWallet":               "an operator's command",
	"marketplace: SaveLate":                "takes a payment that is on its way for an hour; what it says changes nothing of the payment",
	"marketplace: ClaimMessages":           "no mail is sent here; notify/notify_test.go breaks it off, and no payment hangs on it",
	"marketplace: EndAttempt":              "no mail is sent here; notify/notify_test.go breaks it off, and no payment hangs on it",
	"marketplace: PruneMessages":           "once an hour of the machine's time; what it deletes nobody reads",
	"marketplace: RetryMessages":           "an operator's command, one statement: it can be made again",
	"marketplace: Notify":                  "of what no payment knows, such as a new password",
	"marketplace: ReadNotification":        "a person reads; no payment hangs on it",
	"marketplace: ReadAllNotifications":    "a person reads; no payment hangs on it",
	"marketplace: SavePreferences":         "a person's choice; no payment hangs on it",
	"marketplace: RecordAction":            "what an operator did that changes nothing else: no payment hangs on it",
	"marketplace: RecordLook":              "what an operator looked at: no payment hangs on it",
	"marketplace: LookedInto":              "an operator's note: no payment hangs on it",
	"marketplace: Record paid_again":       "two payments of one job that are both paid: what the matrix proves not to happen",
	"marketplace: Record paid_out_of_turn": "a job that was called off while it was being paid: the marketplace does that only to payments that were called off first",
}

// what is what is done between a point and its other.
func (p point) what() string {
	return p.service + ": " + strings.TrimPrefix(strings.TrimPrefix(p.name, "before "), "after ")
}

// points are all points of the services, as their code has them.
func points(t *testing.T) []point {
	t.Helper()
	var all []point
	for _, service := range []string{stack.Payments, stack.Marketplace} {
		out, err := exec.CommandContext(t.Context(), filepath.Join(bin, service), "crash-points").Output()
		require.NoError(t, err)
		for name := range strings.Lines(string(out)) {
			all = append(all, point{service, strings.TrimSpace(name)})
		}
	}
	return all
}

// TestShippedProgramsHaveNoPoints: what is built without the tag cannot be killed.
func TestShippedProgramsHaveNoPoints(t *testing.T) {
	t.Parallel()
	for _, service := range []string{stack.Payments, stack.Marketplace} {
		program := filepath.Join(plain, service)
		require.Error(t, exec.CommandContext(t.Context(), program, "crash-points").Run(), service)
		content, err := os.ReadFile(program)
		require.NoError(t, err)
		require.NotContains(t, string(content), crashpoint.Variable, service)
	}
}

// everywhere also strikes each point in every other scenario that reaches it: half an hour, for whoever changes the rules.
var everywhere = flag.Bool("everywhere", false, "kill at each point in every scenario that reaches it")

// worlds is how many stacks there are for each database, at a time.
const worlds = 3

// TestCrashMatrix kills the services at every point, on both databases.
func TestCrashMatrix(t *testing.T) {
	all := points(t)
	for thing := range unreachable {
		require.True(t, slices.ContainsFunc(all, func(p point) bool { return p.what() == thing }), "%s is no point any more: strike it off the list", thing)
	}
	results := map[string]*matrix{}
	for _, database := range []string{"sqlite", "postgres"} {
		results[database] = &matrix{points: all, in: map[point][]int{}, ended: map[point]string{}}
	}
	var both sync.WaitGroup
	for database, m := range results {
		both.Go(func() { t.Run(database, func(t *testing.T) { m.run(t, database) }) })
	}
	both.Wait()
	var table strings.Builder
	columns := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "KILLED\tIN\tSQLITE\tPOSTGRES")
	for _, p := range all {
		if why, ok := unreachable[p.what()]; ok {
			fmt.Fprintf(columns, "%s\tnowhere: %s\n", p, why)
			continue
		}
		fmt.Fprintf(columns, "%s\t%s\t%s\t%s\n", p, results["sqlite"].scenario(p), results["sqlite"].ended[p], results["postgres"].ended[p])
	}
	require.NoError(t, columns.Flush())
	t.Logf("%d points\n%s", len(all), table.String())
	require.NoError(t, os.WriteFile(tableFile, []byte(table.String()), 0o600))
}

// matrix is the test on one database.
type matrix struct {
	points []point

	mu    sync.Mutex
	in    map[point][]int  // the scenarios that reach it
	ended map[point]string // how it ended, by where it was killed
}

// universe is the worlds on one database.
type universe struct {
	database string
	worlds   []*world
}

func worldsOn(t *testing.T, database string) *universe {
	all := &universe{database: database}
	for range worlds {
		all.worlds = append(all.worlds, newWorld(t, database))
	}
	return all
}

func (m *matrix) run(t *testing.T, database string) {
	stacks := worldsOn(t, database)
	began := time.Now()
	places := make([]int, len(scenarios))
	for i := range places {
		places[i] = i
	}
	each(t, stacks, places, func(i int) string { return scenarios[i].name }, m.explore)
	t.Logf("%d scenarios played in %s", len(scenarios), time.Since(began).Round(time.Second))
	var kills []point
	for _, p := range m.points {
		_, excused := unreachable[p.what()]
		_, reached := m.in[p]
		switch {
		case excused && reached:
			t.Errorf("%s is reached by %q: strike it off the list", p, m.scenario(p))
		case !excused && !reached:
			t.Errorf("no scenario reaches %s: write one, or say why not", p)
		case reached:
			kills = append(kills, p)
		}
	}
	for p := range m.in {
		if !slices.Contains(m.points, p) {
			t.Errorf("%s is reached, and crash-points does not list it", p)
		}
	}
	began = time.Now()
	each(t, stacks, kills, point.String, m.strike)
	t.Logf("%d kills in %s", len(kills), time.Since(began).Round(time.Second))
	if *everywhere {
		m.strikeEverywhere(t, stacks, kills)
	}
}

// strikeEverywhere strikes points in the scenarios beyond the first that reach them. What a scenario came by once it need not come by again.
func (m *matrix) strikeEverywhere(t *testing.T, stacks *universe, points []point) {
	t.Helper()
	type kill struct {
		point
		scenario
	}
	var kills []kill
	for _, p := range points {
		in := slices.Sorted(slices.Values(m.in[p]))
		for _, i := range in[1:] {
			kills = append(kills, kill{p, scenarios[i]})
		}
	}
	each(t, stacks, kills, func(k kill) string { return k.String() + " in " + k.scenario.name }, func(t *testing.T, w *world, k kill) {
		how, killed := playAndKill(t, w, k.scenario, k.point)
		t.Logf("killed: %t; %s", killed, how)
	})
	t.Logf("%d kills more", len(kills))
}

// scenario names the one in which a point is struck.
func (m *matrix) scenario(p point) string {
	if len(m.in[p]) == 0 {
		return "nowhere"
	}
	return scenarios[slices.Min(m.in[p])].name
}

// each does something for all things, one at a time on each of the stacks. They wait more than they work, so there are more
// at a time than go test's -parallel would allow.
func each[T any](t *testing.T, stacks *universe, things []T, name func(T) string, do func(*testing.T, *world, T)) {
	t.Helper()
	queue := make(chan T, len(things))
	for _, thing := range things {
		queue <- thing
	}
	close(queue)
	var busy sync.WaitGroup
	for i := range stacks.worlds {
		busy.Go(func() {
			for thing := range queue {
				w := stacks.worlds[i].young(t, stacks.database)
				stacks.worlds[i] = w
				t.Run(name(thing), func(t *testing.T) { do(t, w, thing) })
			}
		})
	}
	busy.Wait()
}

// explore plays a scenario without a kill, and notes the points that it reaches.
func (m *matrix) explore(t *testing.T, w *world, i int) {
	w.forget(t)
	defer w.calmDown(t)
	job, before := w.nextJob(t), w.debits(t)
	scenarios[i].play(t, w, job)
	w.account(t, job, before)
	m.mu.Lock()
	defer m.mu.Unlock()
	for service, folder := range w.folders {
		trace, err := folder.Trace()
		require.NoError(t, err)
		for _, name := range trace {
			if p := (point{service, name}); !slices.Contains(m.in[p], i) {
				m.in[p] = append(m.in[p], i)
			}
		}
	}
}

// strike plays the first scenario that reaches a point, and kills the service there. On a busy machine a scenario may once have come by a
// point where it usually does not: then the last one is played, which is there for that point, if any is.
func (m *matrix) strike(t *testing.T, w *world, p point) {
	m.mu.Lock()
	first, last := slices.Min(m.in[p]), slices.Max(m.in[p])
	m.mu.Unlock()
	for _, i := range []int{first, last, first, last} {
		how, killed := playAndKill(t, w, scenarios[i], p)
		if killed {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.ended[p] = how
			return
		}
		t.Logf("%q did not come by this time", scenarios[i].name)
	}
	t.Errorf("%s was not reached", p)
}

// playAndKill plays a scenario in which the service is killed at the point, pays what is not paid by then, and holds the books together.
func playAndKill(t *testing.T, w *world, s scenario, p point) (how string, killed bool) {
	t.Helper()
	w.forget(t)
	job, before := w.nextJob(t), w.debits(t)
	folder := w.folders[p.service]
	require.NoError(t, folder.Arm(p.name, 1))
	defer func() {
		require.NoError(t, folder.Disarm())
		w.calmDown(t) // also when it has failed
	}()
	s.play(t, w, job)
	how = w.account(t, job, before)
	// What follows the last commit may be a moment behind.
	for range 50 {
		armed, err := folder.Armed()
		require.NoError(t, err)
		if killed = !armed; killed {
			break
		}
		require.NoError(t, clock.Sleep(t.Context(), clock.System(), 10*time.Millisecond))
	}
	w.calmDown(t)
	if w.ended(t, job) {
		return how, killed
	}
	w.paid(t, job) // what failed can be paid again
	return w.account(t, job, before), killed
}
