package main

import (
	"encoding/json"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/marketplace"
)

// letterbox looks at the mails that wait to be sent.
type letterbox struct{ m *running }

// sent is a mail as far as tests look at it.
type sent struct {
	Kind  marketplace.NotificationKind
	Name  string
	Facts marketplace.Facts
	Token string // of its link; "" once it is sent, and where there is none
}

// all are the mails about an account to an address, the oldest first.
func (l letterbox) all(to string) []sent {
	l.m.t.Helper()
	var rows []struct{ Kind, Name, Facts string }
	require.NoError(l.m.t, l.m.db.Read(l.m.t.Context()).Raw("SELECT kind, name, facts FROM messages WHERE address = ? AND channel = 'email' ORDER BY at, id", to).Scan(&rows).Error)
	var all []sent
	for _, row := range rows {
		mail := sent{Kind: marketplace.NotificationKind(row.Kind), Name: row.Name}
		if mail.Kind.Topic() != marketplace.TopicSecurity {
			continue
		}
		require.NoError(l.m.t, json.Unmarshal([]byte(row.Facts), &mail.Facts))
		path, err := url.Parse(mail.Facts.Path)
		require.NoError(l.m.t, err)
		mail.Token = path.Query().Get("token")
		all = append(all, mail)
	}
	return all
}

// last is the newest mail of a kind to an address.
func (l letterbox) last(t *testing.T, to string, kind marketplace.NotificationKind) sent {
	t.Helper()
	for _, mail := range slices.Backward(l.all(to)) {
		if mail.Kind == kind {
			return mail
		}
	}
	t.Fatalf("no mail %s to %s", kind, to)
	return sent{}
}

// onEachMailing is onEach for a marketplace that sends mail, by a clock that stands until the test moves it: until then the mails wait.
func onEachMailing(t *testing.T, f func(t *testing.T, m *running, mail letterbox, now *clock.Held)) {
	t.Helper()
	on := func(name string, address func(t *testing.T) string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := clock.NewHeld(clock.System().Now())
			m := startWith(t, address(t), now, func(c *Config) { c.MailDelivery = mailPage })
			f(t, m, letterbox{m}, now)
		})
	}
	on("sqlite", databasetest.SQLiteAddress)
	on("postgres", func(t *testing.T) string { return databasetest.PostgresAddress(t) })
}
