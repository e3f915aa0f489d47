package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/stack"
)

// Cost is what one whole payment takes of something, for whoever reckons what many take (docs/scale.md).
type Cost struct {
	What   string  `json:"what"`
	Figure float64 `json:"figure"`
	Unit   string  `json:"unit"`
}

// spent is what has been used by a time.
type spent struct {
	paid                  int64
	payments, marketplace float64 // seconds of a processor
	machine               float64 // of all processors together; 0 where the system does not tell
	room, log             float64 // bytes in the databases, bytes of the write-ahead log
}

// costs measures what a payment takes while the usual crowd pays.
func (r *run) costs(ctx context.Context, w *world) ([]Cost, error) {
	if err := w.stock(ctx, 4*r.crowd()+int(r.Lasts.Seconds()*paying)); err != nil {
		return nil, err
	}
	before, err := r.spent(ctx, w)
	if err != nil {
		return nil, err
	}
	if _, err := loop(ctx, r.crowd(), r.Lasts, w.payNext); err != nil {
		return nil, err
	}
	if err := clock.Sleep(ctx, clock.System(), time.Second); err != nil { // the last webhooks
		return nil, err
	}
	after, err := r.spent(ctx, w)
	if err != nil {
		return nil, err
	}
	n := float64(after.paid - before.paid)
	if n == 0 {
		return nil, errors.New("nothing was paid")
	}
	costs := []Cost{
		{"processor time of payments", 1000 * (after.payments - before.payments) / n, "ms"},
		{"processor time of the marketplace", 1000 * (after.marketplace - before.marketplace) / n, "ms"},
	}
	if after.machine > 0 {
		costs = append(costs, Cost{"processor time of all, with PostgreSQL, the wallet and the clients", 1000 * (after.machine - before.machine) / n, "ms"})
	}
	return append(costs,
		Cost{"room in both databases", (after.room - before.room) / n / 1000, "kB"},
		Cost{"write-ahead log", (after.log - before.log) / n / 1000, "kB"},
	), nil
}

func (r *run) spent(ctx context.Context, w *world) (s spent, err error) {
	for service, into := range map[string]*float64{stack.Payments: &s.payments, stack.Marketplace: &s.marketplace} {
		p, err := w.expect(ctx, http.StatusOK, http.MethodGet, "http://"+w.metrics[service]+"/metrics", "", nil)
		if err != nil {
			return s, err
		}
		if *into, err = metric(string(p.body), "process_cpu_seconds_total"); err != nil {
			return s, fmt.Errorf("%s: %w", service, err)
		}
		err = w.books(ctx, service, func(db *database.DB) error {
			room, err := one[float64](ctx, db, "SELECT pg_database_size(current_database())")
			s.room += room
			if err != nil || service != stack.Payments {
				return err
			}
			if s.log, err = one[float64](ctx, db, "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')"); err != nil {
				return err
			}
			s.paid, err = one[int64](ctx, db, "SELECT count(*) FROM payments WHERE state = 'paid'")
			return err
		})
		if err != nil {
			return s, err
		}
	}
	s.machine = machineTime()
	return s, nil
}

// machineTime is how long all processors have worked, in seconds; 0 where the system does not tell (proc(5), /proc/stat: hundredths of a second).
func machineTime() float64 {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(first)
	var hundredths float64
	for i, field := range fields {
		if i == 0 || i == 4 || i == 5 || i > 8 { // its name; idle, waiting for the disk; what guests took, which is counted already
			continue
		}
		value, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0
		}
		hundredths += value
	}
	return hundredths / 100
}
