package bench

import (
	"fmt"
	"math"
	"strings"
	"text/tabwriter"
)

// header are the columns of the table.
var header = []string{"figure", "measured", "limit", "the limit is", "of the limit", "aim", ""}

// cells are a row's.
func (r Row) cells() []string {
	limit := r.LimitIs
	if r.Note != "" {
		limit += " (" + r.Note + ")"
	}
	met := ""
	if r.Aims() {
		met = "no"
		if r.Met() {
			met = "met"
		}
	}
	return []string{r.What, figure(r.Figure(), r.Unit), figure(r.Limit(), r.Unit), limit, percent(r.Share()), r.aim(), met}
}

func (r Row) aim() string {
	switch a := r.Aim; {
	case a.Share > 0:
		return "≥ " + percent(a.Share)
	case a.AtMost > 0:
		return "≤ " + figure(a.AtMost, r.Unit)
	case a.AtLeast > 0:
		return "≥ " + figure(a.AtLeast, r.Unit)
	default:
		return ""
	}
}

// Table is the result for a terminal.
func (r Result) Table() string {
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	line := func(cells []string) { fmt.Fprintln(w, strings.Join(cells, "\t")) }
	line(header)
	for _, row := range r.Rows {
		line(row.cells())
	}
	_ = w.Flush() // into memory
	if len(r.Costs) > 0 {
		fmt.Fprintf(&out, "\n%s\n", r.cost())
	}
	fmt.Fprintf(&out, "\n%s\n", r.conditions())
	return out.String()
}

// Markdown is the result for the docs.
func (r Result) Markdown() string {
	var out strings.Builder
	line := func(cells []string) { fmt.Fprintf(&out, "| %s |\n", strings.Join(cells, " | ")) }
	line(header)
	fmt.Fprintln(&out, "|---|--:|--:|---|--:|---|---|")
	for _, row := range r.Rows {
		cells := row.cells()
		for i, cell := range cells {
			cells[i] = strings.ReplaceAll(cell, "|", `\|`)
		}
		line(cells)
	}
	if len(r.Costs) > 0 {
		fmt.Fprintf(&out, "\n%s\n", r.cost())
	}
	fmt.Fprintf(&out, "\n%s\n", r.conditions())
	return out.String()
}

// cost says what a payment takes.
func (r Result) cost() string {
	words := make([]string, len(r.Costs))
	for i, c := range r.Costs {
		words[i] = figure(c.Figure, c.Unit) + " of " + c.What
	}
	return "One payment takes " + strings.Join(words, "; ") + "."
}

// conditions say where and how it was measured.
func (r Result) conditions() string {
	m := r.Machine
	words := []string{fmt.Sprintf("%d processors", m.Processors)}
	if m.Processor != "" {
		words[0] += " (" + m.Processor + ")"
	}
	words = append(words, m.System, m.Go, "PostgreSQL "+m.Postgres+" with fsync")
	if m.Commit != "" {
		words = append(words, "commit "+m.Commit)
	}
	return fmt.Sprintf("Measured on %s in %s, %s: %s.", r.Began.Format("2006-01-02"), r.Took, rounds(r.Rounds), strings.Join(words, ", "))
}

func rounds(n int) string {
	if n == 1 {
		return "one round"
	}
	return fmt.Sprintf("medians of %d rounds", n)
}

// figure writes a number with three digits that count, or with all before the point.
func figure(value float64, unit string) string {
	var number string
	switch size := math.Abs(value); {
	case size >= 1000:
		number = thousands(int(math.Round(value)))
	case size >= 100 || size == math.Trunc(size):
		number = fmt.Sprintf("%.0f", value)
	case size >= 10:
		number = fmt.Sprintf("%.1f", value)
	default:
		number = fmt.Sprintf("%.2f", value)
	}
	if unit == "" || strings.HasPrefix(unit, "/") {
		return number + unit
	}
	return number + " " + unit
}

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// thousands writes a whole number as people do: 10,000.
func thousands(n int) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
