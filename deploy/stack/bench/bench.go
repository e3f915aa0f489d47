package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"tianguis.example/stack/postgres"

	"tianguis.example/stack"
)

// Config says what a run is like.
type Config struct {
	Root  string // the repository
	Bin   string // the folder of the services' programs
	State string // the folder of everything that the run makes
	Out   io.Writer

	Rounds  int           // each figure, and its limit, is taken so often
	Lasts   time.Duration // of one taking
	Short   bool          // as little of everything as gives a figure
	Million bool          // also with a million payments in the store, which takes minutes to fill
	Soak    time.Duration // how long a steady load lasts at the end; zero for none

	Only     []string // the families to measure; all when there are none
	Profiles string   // the folder for CPU profiles of the services, taken while 32 clients pay; "" for none
}

// Result is what a run came to.
type Result struct {
	Machine Machine   `json:"machine"`
	Began   time.Time `json:"began"`
	Took    string    `json:"took"`
	Rounds  int       `json:"rounds"`
	Rows    []Row     `json:"rows"`
	Costs   []Cost    `json:"costs,omitempty"` // of one whole payment
}

// Missed are the rows that do not reach what is aimed at.
func (r Result) Missed() (missed []Row) {
	for _, row := range r.Rows {
		if row.Aims() && !row.Met() {
			missed = append(missed, row)
		}
	}
	return missed
}

// run is a run that is under way.
type run struct {
	Config
	postgres *postgres.Server
	script   string // of pgbench
	began    time.Time
	rows     []Row  // that are measured already
	costing  []Cost // likewise

	shared *world // usual
	aside  *world // heard
	hearer *hearer

	mu     sync.Mutex
	worlds []*world // that were started
}

// family is rows that are measured together.
type family struct {
	name    string
	measure func(*run, context.Context) ([]Row, error)
}

// families are all that is measured, in the order of the table.
var families = []family{
	{"payments", (*run).wholePayments},
	{"store", (*run).fullStore},
	{"chain", (*run).chain},
	{"receive", (*run).receive},
	{"send", (*run).send},
	{"complete", (*run).paidToComplete},
	{"pages", (*run).pages},
	{"memory", (*run).memory},
	{"ready", (*run).startUp},
	{"soak", (*run).soak},
}

// Families are the names of what can be measured by itself.
func Families() []string {
	names := make([]string, len(families))
	for i, f := range families {
		names[i] = f.name
	}
	return names
}

// Run measures, and tells Out how it goes.
func Run(ctx context.Context, c Config) (result Result, err error) {
	r := &run{Config: c, began: now()}
	for _, name := range c.Only {
		if !slices.Contains(Families(), name) {
			return result, fmt.Errorf("there is no %q to measure; there are %s", name, strings.Join(Families(), ", "))
		}
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	if r.postgres, err = postgres.StartDurable(ctx, stack.FreePort); err != nil {
		return result, err
	}
	if err := r.prepareCommits(ctx); err != nil {
		return result, err
	}
	result.Machine = r.machine(ctx)
	for _, f := range families {
		if len(c.Only) > 0 && !slices.Contains(c.Only, f.name) {
			continue
		}
		rows, err := f.measure(r, ctx)
		if err != nil {
			return result, fmt.Errorf("measure %s: %w", f.name, err)
		}
		r.rows = append(r.rows, rows...)
		for _, row := range rows {
			r.tell("%-44s %s, of %s: %s", row.What, figure(row.Figure(), row.Unit), figure(row.Limit(), row.Unit), percent(row.Share()))
		}
	}
	result.Began, result.Took, result.Rounds = r.began, now().Sub(r.began).Round(time.Second).String(), c.Rounds
	result.Rows, result.Costs = r.rows, r.costing
	return result, nil
}

// tell writes a line with how long the run has lasted.
func (r *run) tell(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(r.Out, "%6s  %s\n", now().Sub(r.began).Round(time.Second), fmt.Sprintf(format, args...))
}

// row is a row that was measured already, if it was.
func (r *run) row(id string) (Row, bool) {
	i := slices.IndexFunc(r.rows, func(row Row) bool { return row.ID == id })
	if i < 0 {
		return Row{}, false
	}
	return r.rows[i], true
}

// many is how many of something there are, or few in a short run.
func (r *run) many(many, few int) int {
	if r.Short {
		return few
	}
	return many
}
