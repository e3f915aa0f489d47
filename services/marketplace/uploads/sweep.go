package uploads

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"tianguis.example/chassis/clock"
)

// Sweeper looks after files that were kept for the time being and then left, as by a process that died while somebody handed work in. Several
// may, over one folder.
type Sweeper struct {
	Disk *Disk
	// Known are those of the ids that are a submission's file.
	Known func(ctx context.Context, ids []string) ([]string, error)
	Clock clock.Clock
	Log   *slog.Logger
	Every time.Duration
}

// leftAfter is how old such a file is when nobody is still handing it in.
const leftAfter = 24 * time.Hour

// Run sweeps at once, and then again and again until ctx is done.
func (s *Sweeper) Run(ctx context.Context) {
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "look after files that were left", "error", err)
		}
		if clock.Sleep(ctx, s.Clock, s.Every) != nil {
			return
		}
	}
}

// atATime is how many files the database is asked about at once.
const atATime = 500

// Sweep confirms those files that a submission has, and removes the others.
func (s *Sweeper) Sweep(ctx context.Context) error {
	entries, err := fs.ReadDir(s.Disk.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("read the folder of files: %w", err)
	}
	var left []string
	for _, e := range entries {
		id, isForNow := strings.CutSuffix(e.Name(), forNow)
		if !isForNow {
			continue
		}
		if _, err := nameOf(id); err != nil {
			continue // no file of ours
		}
		info, err := e.Info()
		if err != nil {
			continue // gone in the meantime
		}
		if s.Clock.Now().Sub(info.ModTime()) > leftAfter {
			left = append(left, id)
		}
	}
	var wrong []error
	for len(left) > 0 {
		n := min(len(left), atATime)
		wrong = append(wrong, s.settle(ctx, left[:n]))
		left = left[n:]
	}
	return errors.Join(wrong...)
}

func (s *Sweeper) settle(ctx context.Context, ids []string) error {
	known, err := s.Known(ctx, ids)
	if err != nil {
		return fmt.Errorf("ask whose files these are: %w", err)
	}
	has := map[string]bool{}
	for _, id := range known {
		has[id] = true
	}
	var wrong []error
	for _, id := range ids {
		what := "a file that was handed in is confirmed"
		if has[id] {
			err = s.Disk.Keep(id)
		} else {
			what, err = "a file that is nobody's is removed", s.Disk.Remove(id)
		}
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		s.Log.InfoContext(ctx, "looked after a file that was left", "file_id", id, "what", what)
	}
	return errors.Join(wrong...)
}
