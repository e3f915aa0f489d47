package webhooks

import (
	"fmt"
	"time"

	"tianguis.example/chassis/clock"
)

// tell writes a line with how long the run has lasted.
func (r *run) tell(format string, args ...any) {
	fmt.Fprintf(r.Out, "%6s  %s\n", clock.System().Now().Sub(r.began).Round(time.Second), fmt.Sprintf(format, args...))
}

// maxShown is how many offences are told.
const maxShown = 10

// report tells what happened and what it came to; the last line is the result's.
func (r *run) report(result Result, sending time.Duration) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(r.Out, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(r.Out)
	line("events", "%d about %d jobs", result.Events, len(r.versions))
	line("attempts", "%d, as the payments service counts them: %.2f for each event", result.Attempts, float64(result.Attempts)/float64(max(1, result.Events)))
	line("arrivals", "%d on the path; the marketplace took %d, of which it had taken %d before, and dropped them", result.Arrivals, result.Taken, result.Duplicates)
	line("fates", "%s", r.counts.Line("fate."))
	line("weather", "%s", r.counts.Line("weather."))
	line("answers", "%s, of the marketplace", r.counts.Line("answer."))
	line("kills", "%s; the endpoint was enabled again %d times", r.counts.Line("kill."), result.Enabled)
	line("time", "%s, of which %s of sending", clock.System().Now().Sub(r.began).Round(time.Second), sending.Round(time.Second))
	offences := result.offences()
	for i, o := range offences {
		if i == maxShown {
			fmt.Fprintf(r.Out, "\n… and %d more.\n", len(offences)-maxShown)
			break
		}
		fmt.Fprintf(r.Out, "\n%s\n", o)
	}
	if len(offences) > 0 {
		again := fmt.Sprintf("make webhooks N=%d SEED=%d", r.Events, r.Seed)
		if r.SQLite {
			again += " ARGS=--sqlite"
		}
		fmt.Fprintf(r.Out, "\nThe logs are in %s. The same plan again: %s\n", r.State, again)
	}
	fmt.Fprintf(r.Out, "\n%s\n", result.Line())
}
