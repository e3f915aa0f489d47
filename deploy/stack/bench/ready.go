package bench

import (
	"context"
	"net/http"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/stack"
)

// readyBound is the most that a service may take to be ready, in milliseconds.
const readyBound = 500

// startUp measures how long each service takes from its start until it says that it is ready.
func (r *run) startUp(ctx context.Context) ([]Row, error) {
	w, err := r.usual(ctx)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, p := range w.services() {
		row := Row{ID: "ready-" + p.Name, What: p.Name + ": start → ready", Unit: "ms", Less: true, LimitIs: "what is aimed at", Aim: Aim{AtMost: readyBound}}
		for range r.Rounds {
			took, err := w.restart(ctx, p)
			if err != nil {
				return nil, err
			}
			row.add(milliseconds(took), readyBound)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// restart stops a service, and returns how long it takes to be ready again.
func (w *world) restart(ctx context.Context, p *stack.Program) (time.Duration, error) {
	if err := p.Stop(); err != nil {
		return 0, err
	}
	w.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	from := now()
	if err := p.Launch(); err != nil {
		return 0, err
	}
	for {
		answer, err := w.ask(ctx, http.MethodGet, p.Address+p.Health, "", nil)
		if err == nil && answer.status == http.StatusOK {
			return now().Sub(from), nil
		}
		if err := clock.Sleep(ctx, clock.System(), time.Millisecond); err != nil {
			return 0, p.WaitReady(ctx) // which says why not
		}
	}
}
