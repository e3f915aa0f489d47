package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
)

// profile takes profiles of both services while n clients pay, of processor time and of what is allocated, when that is wanted. What it returns waits for
// their end.
func (r *run) profile(ctx context.Context, w *world, n int) (stop func()) {
	var all sync.WaitGroup
	if r.Profiles == "" || n != r.crowd() {
		return all.Wait
	}
	for _, p := range w.services() {
		for kind, path := range map[string]string{"cpu": "profile", "allocs": "allocs"} {
			all.Go(func() {
				if err := r.profileOf(ctx, w, p.Name, kind, path); err != nil {
					r.tell("no profile of %s: %v", p.Name, err)
				}
			})
		}
	}
	return all.Wait
}

func (r *run) profileOf(ctx context.Context, w *world, service, kind, path string) error {
	seconds := max(1, int(r.Lasts.Seconds()))
	p, err := w.ask(ctx, http.MethodGet, fmt.Sprintf("http://%s/debug/pprof/%s?seconds=%d", w.metrics[service], path, seconds), "", nil)
	switch {
	case err != nil:
		return err
	case p.status == http.StatusNotFound:
		return errors.New("it has no /debug/pprof beside its metrics")
	case p.status != http.StatusOK:
		return fmt.Errorf("its answer is %d", p.status)
	}
	if err := os.MkdirAll(r.Profiles, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.Profiles, service+"."+kind+".pprof"), p.body, 0o600)
}
