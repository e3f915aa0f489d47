package marketplace

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/money"
)

var update = flag.Bool("update", false, "write the life of a job into the docs")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// The people of a case, one for each part.
var (
	fernanda = User{ID: 1, Name: "Fernanda", Role: Funder, WalletAddressURL: "https://w.example/fernanda"}
	beto     = User{ID: 2, Name: "Beto", Role: Worker, WalletAddressURL: "https://w.example/beto"}
	ana      = User{ID: 3, Name: "Ana", Role: Both, WalletAddressURL: "https://w.example/ana"}
	carlos   = User{ID: 4, Name: "Carlos", Role: Both, WalletAddressURL: "https://w.example/carlos"}
	ofelia   = User{ID: 5, Name: "Ofelia", Role: Both, WalletAddressURL: "https://w.example/ofelia", Operator: true}
	people   = map[Part]User{PartFunder: fernanda, PartWorker: beto, PartApplicant: ana, PartOther: carlos, PartOperator: ofelia, PartNobody: {}}
)

// caseIn is a job in a state, for which two workers have applied: Beto, who was chosen, and Ana. Nothing stands in the way of anything.
func caseIn(t *testing.T, state State) Case {
	t.Helper()
	budget, err := money.ParseDecimal("100.00", "MXN", 2)
	require.NoError(t, err)
	c := Case{
		Job: Job{
			ID: 7, State: state, Title: "T", Description: "D", Budget: budget, Funder: fernanda.ID, Version: 3,
			MaxApplications: 10, RecruitDays: 7, SubmitDays: 5, CreatedAt: noon.Add(-time.Hour), UpdatedAt: noon.Add(-time.Hour),
		},
		Applications: []Application{
			{JobID: 7, Worker: beto.ID, WorkerName: beto.Name, Message: "Me", AppliedAt: noon.Add(-time.Hour)},
			{JobID: 7, Worker: ana.ID, WorkerName: ana.Name, Message: "Or me", AppliedAt: noon.Add(-time.Hour)},
		},
	}
	switch state {
	case Submitting, Reviewing, Complete, Canceled, Expired:
		c.Worker = beto.ID
	case Draft:
		c.Applications = nil
	default:
	}
	if state == Reviewing || state == Complete {
		c.Submission = &Submission{ID: "01", JobID: 7, Worker: beto.ID, Text: "Done.", At: noon.Add(-time.Minute)}
	}
	c.Deadline = c.deadline(noon.Add(-time.Hour))
	return c
}

// full is a command with all that any action could want.
func full(a Action, by User) Command {
	return Command{Action: a, By: by, Text: "Because.", Worker: ana.ID, Terms: Terms{Title: "T2", Description: "D2", MaxApplications: 3, RecruitDays: 1, SubmitDays: 2}}
}

// TestDecide_EveryStateActionAndPart is who may do what and when, written a second time: what it does not name must be refused, in words,
// and change nothing.
func TestDecide_EveryStateActionAndPart(t *testing.T) {
	t.Parallel()
	allowed := map[State]map[Part]string{
		Draft:      {PartFunder: "edit publish cancel", PartOperator: "cancel"},
		Recruiting: {PartFunder: "edit close cancel", PartWorker: "apply", PartApplicant: "withdraw", PartOther: "apply", PartOperator: "cancel", PartMarketplace: "close expire"},
		Selecting:  {PartFunder: "select cancel", PartApplicant: "withdraw", PartOperator: "cancel", PartMarketplace: "expire"},
		Submitting: {PartFunder: "cancel", PartWorker: "submit", PartOperator: "cancel", PartMarketplace: "expire"},
		Reviewing:  {PartFunder: "accept reject cancel", PartOperator: "cancel", PartMarketplace: "pay"},
	}
	sees := map[State][]Part{
		Draft: {PartFunder, PartOperator}, Recruiting: {PartFunder, PartWorker, PartApplicant, PartOther, PartOperator},
		Selecting: {PartFunder, PartApplicant, PartOperator}, Submitting: {PartFunder, PartWorker, PartApplicant, PartOperator},
		Reviewing: {PartFunder, PartWorker, PartApplicant, PartOperator}, Complete: {PartFunder, PartWorker, PartApplicant, PartOperator},
		Canceled: {PartFunder, PartWorker, PartApplicant, PartOperator}, Expired: {PartFunder, PartWorker, PartApplicant, PartOperator},
	}
	never := func(p Part, a Action) bool { // whatever the state
		owners := map[Action]string{
			Apply: "other", Withdraw: "applicant", Submit: "worker", Pay: "marketplace", Expire: "marketplace", Close: "funder marketplace", Cancel: "funder operator",
		}
		who, ok := owners[a]
		if !ok {
			who = "funder"
		}
		return !slices.Contains(strings.Fields(who), string(p))
	}
	combinations, carriedOut := 0, 0
	for _, state := range States {
		for _, part := range Parts {
			for _, action := range Actions {
				combinations++
				name := fmt.Sprintf("%s %s by %s", state, action, part)
				c := caseIn(t, state)
				who := people[part]
				var change Change
				var err error
				switch part {
				case PartMarketplace:
					change, err = c.decide(part, full(action, User{}), noon)
				case PartWorker:
					if c.Worker == 0 { // nobody is chosen yet, and Beto is somebody who has not applied
						c.Applications = slices.DeleteFunc(c.Applications, func(a Application) bool { return a.Worker == beto.ID })
					}
					change, err = c.Decide(full(action, who), noon)
				default:
					change, err = c.Decide(full(action, who), noon)
				}
				actual := part
				if part == PartWorker && c.Worker == 0 || part == PartApplicant && state == Draft { // nobody is chosen, or can have applied
					actual = PartOther
				}
				canSee := part == PartMarketplace || slices.Contains(sees[state], part)
				if part != PartMarketplace {
					require.Equal(t, actual, c.PartOf(who), name)
					require.Equal(t, canSee, c.CanView(who), name)
				}
				is := slices.Contains(strings.Fields(allowed[state][part]), string(action))
				if part != PartMarketplace {
					require.Equal(t, is, slices.Contains(c.Allowed(who), action), name)
				}
				if is {
					carriedOut++
					require.NoError(t, err, name)
					next, ok := state.After(action)
					require.True(t, ok)
					require.Equal(t, next, change.Entries[0].To, name)
					require.Equal(t, c.Job, change.Before, name)
					require.Equal(t, who.ID, change.Entries[0].By, name)
					continue
				}
				require.Zero(t, change, name)
				want := CodeWrongState
				switch {
				case !canSee:
					want = CodeNotFound
				case never(actual, action):
					want = CodeForbidden
				}
				require.Equal(t, want, CodeOf(err), name)
			}
		}
	}
	require.Equal(t, len(States)*len(Parts)*len(Actions), combinations)
	named := 0
	for _, parts := range allowed {
		for _, actions := range parts {
			named += len(strings.Fields(actions))
		}
	}
	require.Equal(t, named, carriedOut)
}

func TestMayDo_NamesEveryAction(t *testing.T) {
	t.Parallel()
	for _, a := range Actions {
		require.NotEmpty(t, mayDo[a], a)
	}
	require.Len(t, mayDo, len(Actions))
}

// TestDocs_LifeOfAJob keeps the table in the docs the one of the code.
func TestDocs_LifeOfAJob(t *testing.T) {
	t.Parallel()
	const file, begin, end = "../../docs/architecture.md", "<!-- life of a job -->\n", "<!-- /life of a job -->\n"
	table := "| state | action | by | leads to |\n|---|---|---|---|\n"
	for _, s := range States {
		if s.Ended() {
			table += fmt.Sprintf("| `%s` | – (final) | | |\n", s)
		}
		for _, a := range Actions {
			next, ok := s.After(a)
			if !ok {
				continue
			}
			by := make([]string, len(mayDo[a]))
			for i, p := range mayDo[a] {
				by[i] = string(p)
			}
			table += fmt.Sprintf("| `%s` | `%s` | %s | `%s` |\n", s, a, strings.Join(by, ", "), next)
		}
	}
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(content), begin)
	require.True(t, ok, "no %s in %s", begin, file)
	written, after, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(before+begin+table+end+after), 0o600))
		return
	}
	require.Equal(t, table, written, "run go test . -run Docs -update")
}
