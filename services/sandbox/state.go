package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"tianguis.example/chassis/clock"
)

// Restore reads a snapshot, and reports whether there was one.
func (b *Bank) Restore(file string) (bool, error) {
	data, err := os.ReadFile(file) //nolint:gosec // G304: the operator names the file
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the sandbox's state: %w", err)
	}
	var s state
	if err := json.Unmarshal(data, &s); err != nil {
		return false, fmt.Errorf("the sandbox's state in %s is not readable (move it away to start afresh): %w", file, err)
	}
	s.index()
	b.mu.Lock()
	b.s = s
	b.mu.Unlock()
	b.Clean()
	return true, nil
}

// Save writes a snapshot beside file and puts it in its place, so that a reader or a
// crash sees the old one or the new one and never half of one.
func (b *Bank) Save(file string) error {
	b.mu.Lock()
	data, err := json.Marshal(b.s)
	b.mu.Unlock()
	if err != nil {
		return fmt.Errorf("write the sandbox's state: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return fmt.Errorf("write the sandbox's state: %w", err)
	}
	defer func() { _ = os.Remove(temp.Name()) }() // it is gone once it was renamed
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return fmt.Errorf("write the sandbox's state: %w", err)
	}
	if err := os.Rename(temp.Name(), file); err != nil {
		return fmt.Errorf("write the sandbox's state: %w", err)
	}
	return nil
}

// KeepSaved saves shortly after each change until ctx ends, and then once more. It
// waits longer when saving takes longer, so that a big state does not eat the machine.
func (b *Bank) KeepSaved(ctx context.Context, file string, failed func(error)) error {
	wall := clock.System() // the bank's own clock may be held by a test
	for {
		select {
		case <-b.changed:
		case <-ctx.Done():
			return b.Save(file)
		}
		began := wall.Now()
		if err := b.Save(file); err != nil {
			failed(err)
		}
		pause := max(50*time.Millisecond, 5*wall.Now().Sub(began))
		_ = clock.Sleep(ctx, wall, pause) // when ctx ends, the loop saves once more
	}
}
