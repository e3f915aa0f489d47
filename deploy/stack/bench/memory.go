package bench

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"net/http"

	"tianguis.example/chassis/clock"
	"tianguis.example/stack"
)

// residentBound is the most that a service may take, in MB.
const residentBound = 64

const megabyte = 1 << 20

// footprint is what a service takes of the machine.
type footprint struct{ Resident, Goroutines float64 }

// footprint reads what a service tells of itself.
func (w *world) footprint(ctx context.Context, service string) (f footprint, err error) {
	p, err := w.expect(ctx, http.StatusOK, http.MethodGet, "http://"+w.metrics[service]+"/metrics", "", nil)
	if err != nil {
		return f, err
	}
	for name, into := range map[string]*float64{"process_resident_memory_bytes": &f.Resident, "go_goroutines": &f.Goroutines} {
		if *into, err = metric(string(p.body), name); err != nil {
			return f, fmt.Errorf("%s: %w", service, err)
		}
	}
	return f, nil
}

// metric is the value of a metric without labels, in Prometheus' text format.
func metric(text, name string) (float64, error) {
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), name+" "); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("its metrics have no %s", name)
}

// rest is how long a service gets to come to rest before it is looked at.
const rest = 3 * time.Second

// memory measures what many payments that wait for their buyers take of each service.
func (r *run) memory(ctx context.Context) ([]Row, error) {
	live := r.many(10_000, 100)
	w, err := r.world(ctx, place{name: "memory"})
	if err != nil {
		return nil, err
	}
	before := map[string]footprint{}
	// A few first, so that what a service takes anyway is not counted for payments.
	if err := r.startMany(ctx, w, max(live/50, 2*r.crowd())); err != nil {
		return nil, err
	}
	for _, p := range w.services() {
		if before[p.Name], err = w.footprint(ctx, p.Name); err != nil {
			return nil, err
		}
	}
	if err := r.startMany(ctx, w, live); err != nil {
		return nil, err
	}
	var rows []Row
	for _, p := range w.services() {
		after, err := w.footprint(ctx, p.Name)
		if err != nil {
			return nil, err
		}
		resident := Row{
			ID: "resident-" + p.Name, What: fmt.Sprintf("resident set of %s, %s live payments", p.Name, thousands(live)), Unit: "MB", Less: true,
			LimitIs: "what is aimed at", Aim: Aim{AtMost: residentBound},
			Note: fmt.Sprintf("%.1f KB for each live payment", max(0, after.Resident-before[p.Name].Resident)/float64(live)/1024),
		}
		resident.add(after.Resident/megabyte, residentBound)
		goroutines := Row{
			ID: "goroutines-" + p.Name, What: fmt.Sprintf("goroutines of %s, %s live payments", p.Name, thousands(live)), Less: true,
			LimitIs: "the same with few of them",
		}
		goroutines.add(after.Goroutines, before[p.Name].Goroutines)
		rows = append(rows, resident, goroutines)
	}
	return rows, w.close()
}

// startMany starts n payments, which then wait for their buyers, and lets the services come to rest.
func (r *run) startMany(ctx context.Context, w *world, n int) error {
	if err := w.stock(ctx, n); err != nil {
		return err
	}
	_, err := loop(ctx, r.crowd(), time.Hour, func(ctx context.Context, _ int) error {
		job, err := w.take()
		if err != nil {
			return err
		}
		if _, err = w.start(ctx, w.sessionOf(job), job); err != nil {
			w.putBack(job)
		}
		return err
	})
	if err != nil {
		return err
	}
	w.http.CloseIdleConnections()
	return clock.Sleep(ctx, clock.System(), rest)
}

// soak measures whether memory stays what it is under a steady load.
func (r *run) soak(ctx context.Context) ([]Row, error) {
	if r.Soak == 0 {
		return nil, nil
	}
	w, err := r.world(ctx, place{name: "soak"})
	if err != nil {
		return nil, err
	}
	rate, err := r.steadyRate(ctx, w)
	if err != nil {
		return nil, err
	}
	taken := map[string][]float64{}
	note := func() error {
		for _, p := range w.services() {
			f, err := w.footprint(ctx, p.Name)
			if err != nil {
				return err
			}
			taken[p.Name] = append(taken[p.Name], f.Resident/megabyte)
		}
		r.tell("soak at %.0f payments/s: payments %.0f MB, marketplace %.0f MB", rate, last(taken[stack.Payments]), last(taken[stack.Marketplace]))
		return nil
	}
	// The first part is not counted: until then a service has not done everything once.
	part := max(r.Soak/60, time.Second)
	for ends := now().Add(r.Soak); now().Before(ends); {
		if _, _, err := w.steady(ctx, rate, part); err != nil {
			return nil, err
		}
		if err := note(); err != nil {
			return nil, err
		}
	}
	var rows []Row
	for _, p := range w.services() {
		all := taken[p.Name]
		row := Row{
			ID: "soak-" + p.Name, What: fmt.Sprintf("resident set of %s after %s at %.0f payments/s", p.Name, r.Soak, rate), Unit: "MB", Less: true,
			LimitIs: "at the beginning", Note: fmt.Sprintf("in the middle %.0f MB", all[len(all)/2]), Aim: Aim{Share: 0.9},
		}
		row.add(last(all), all[0])
		rows = append(rows, row)
	}
	return rows, w.close()
}

func last(values []float64) float64 { return values[len(values)-1] }
