package main

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/marketplace"
)

// letterbox takes the letters about accounts.
type letterbox struct {
	mu      sync.Mutex
	letters []marketplace.Letter
}

func (l *letterbox) Mail(_ context.Context, letter marketplace.Letter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.letters = append(l.letters, letter)
	return nil
}

// all are the letters to an address.
func (l *letterbox) all(to string) []marketplace.Letter {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []marketplace.Letter
	for _, letter := range l.letters {
		if letter.To == to {
			found = append(found, letter)
		}
	}
	return found
}

// last is the newest letter to an address, which must be of that kind.
func (l *letterbox) last(t *testing.T, to string, kind marketplace.LetterKind) marketplace.Letter {
	t.Helper()
	all := l.all(to)
	require.NotEmpty(t, all, to)
	require.Equal(t, kind, all[len(all)-1].Kind)
	return all[len(all)-1]
}

// onEachMailing is onEach for a marketplace that sends mail, by a clock that stands until the test moves it.
func onEachMailing(t *testing.T, f func(t *testing.T, m *running, mail *letterbox, now *clock.Held)) {
	t.Helper()
	on := func(name string, address func(t *testing.T) string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mail, now := &letterbox{}, clock.NewHeld(clock.System().Now())
			f(t, startWith(t, address(t), now, mail), mail, now)
		})
	}
	on("sqlite", databasetest.SQLiteAddress)
	on("postgres", func(t *testing.T) string { return databasetest.PostgresAddress(t) })
}
