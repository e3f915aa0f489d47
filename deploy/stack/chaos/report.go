package chaos

import (
	"context"
	"fmt"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/stack/tally"
)

// maxShown is how many offences are shown in full.
const maxShown = 10

// report tells what happened and what it came to; the last line is the result's.
func (r *run) report(ctx context.Context, result Result) {
	out, buying := r.Out, result.To.Sub(result.From)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "  %-12s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(out)
	line("jobs", "%d: %d paid, %d not", result.Payments, result.Paid, result.Payments-result.Paid)
	line("payments", "%d failed (%s), and %d were paid late", result.Failed, tally.List(result.Reasons, ""), result.Late)
	line("money", "%s arrived, by the wallet's ledger", mxn(result.Moved))
	line("time", "%s, of which %s of buying: %.1f jobs a second", clock.System().Now().Sub(r.began).Round(time.Second), buying.Round(time.Second),
		float64(result.Payments)/max(buying.Seconds(), 1))
	line("processes", "%s; started again %d times", r.counts.Line("blow."), r.counts.Of("start"))
	line("wallet", "%s", r.counts.Line("fault."))
	line("strangers", "%s, all turned away", r.counts.Line("knock."))
	line("buyers", "%s", r.counts.Line("visit."))
	line("consents", "%s", r.counts.Line("consent."))
	line("retries", "%s", r.counts.Line("retry."))
	line("in the end", "%s", r.counts.Line("end."))
	offences := result.offences()
	for i, o := range offences {
		if i == maxShown {
			fmt.Fprintf(out, "\n… and %d more.\n", len(offences)-maxShown)
			break
		}
		fmt.Fprintf(out, "\n%s\n", o.Text)
		if o.PendingID != "" {
			fmt.Fprintln(out, r.story(ctx, o.PendingID))
		}
	}
	if len(offences) > 0 {
		fmt.Fprintf(out, "\nThe logs are in %s. The same plan again: make chaos N=%d SEED=%d\n", r.State, r.Payments, r.Seed)
	}
	fmt.Fprintf(out, "\n%s\n", result.Line())
}
