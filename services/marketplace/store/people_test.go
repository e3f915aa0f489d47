package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
)

func (s *fixture) user(id marketplace.UserID) marketplace.User {
	s.t.Helper()
	u, err := s.User(s.t.Context(), id)
	require.NoError(s.t, err)
	return u
}

func (s *fixture) rows(table string) (n int) {
	s.t.Helper()
	require.NoError(s.t, s.db.Read(s.t.Context()).Raw("SELECT COUNT(*) FROM "+table).Scan(&n).Error)
	return n
}

func TestRegister_KeepsAllOfAPerson(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		u := marketplace.User{
			Email: "zoe@example.com", Name: "Zoé 🦜", Role: marketplace.Worker, WalletAddressURL: "https://w.example/z", Language: "es", PasswordHash: "$h", Version: 1, CreatedAt: noon,
			Wallet: marketplace.Wallet{PublicName: "Zoé", AssetCode: "MXN", AssetScale: 2, CheckedAt: noon},
		}
		var err error
		u.ID, err = s.Register(t.Context(), u, "192.0.2.1", "")
		require.NoError(t, err)
		require.Equal(t, u, s.user(u.ID))
		events, err := s.AccountEvents(t.Context(), u.ID, 10)
		require.NoError(t, err)
		require.Equal(t, []marketplace.AccountEvent{{At: noon, Event: marketplace.AccountSignUp, Peer: "192.0.2.1"}}, events)

		_, err = s.Register(t.Context(), u, "192.0.2.1", "")
		require.Equal(t, marketplace.CodeTaken, marketplace.CodeOf(err))
		other := u
		other.Email = "other@example.com"
		_, err = s.Register(t.Context(), other, "192.0.2.1", "no such sign-up")
		require.Equal(t, marketplace.CodeLinkExpired, marketplace.CodeOf(err))
		_, err = s.UserByEmail(t.Context(), other.Email)
		require.Equal(t, marketplace.CodeNotFound, marketplace.CodeOf(err), "all or nothing")
	})
}

func TestSignUps_KeptAndUsedUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		signUp := marketplace.SignUp{TokenHash: "h1", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour), User: marketplace.User{
			Email: "zoe@example.com", Name: "Zoé", Role: marketplace.Both, WalletAddressURL: "https://w.example/z", Language: "es", PasswordHash: "$h", CreatedAt: noon,
			Wallet: marketplace.Wallet{PublicName: "Z", AssetCode: "MXN", AssetScale: 2, CheckedAt: noon},
		}}
		letters := func(id string) (free, taken marketplace.Message) {
			free = marketplace.Message{ID: "free-" + id, Channel: marketplace.Email, Kind: marketplace.NotifySignUp, To: "x@example.com", State: marketplace.MessagePending, At: noon, NextAt: noon, Until: noon}
			taken = free
			taken.ID, taken.Kind = "taken-"+id, marketplace.NotifyHaveAccount
			return free, taken
		}
		kept := func() (ids []string) {
			all, err := s.Messages(t.Context(), store.MessageFilter{}, 10)
			require.NoError(t, err)
			for _, m := range all {
				require.Zero(t, m.UserID, "nobody has an account yet")
				ids = append(ids, m.ID)
			}
			return ids
		}
		free, taken := letters("1")
		require.NoError(t, s.KeepSignUp(t.Context(), signUp, free, taken))
		require.Equal(t, []string{"free-1"}, kept())
		got, err := s.SignUp(t.Context(), "h1")
		require.NoError(t, err)
		require.Equal(t, signUp, got)

		again := signUp
		again.TokenHash, again.User.Email = "h2", "funder@example.com"
		free, taken = letters("2")
		require.NoError(t, s.KeepSignUp(t.Context(), again, free, taken))
		require.Equal(t, []string{"taken-2", "free-1"}, kept())

		// Many at the same time make one account.
		var all sync.WaitGroup
		made := make(chan error, 4)
		for range cap(made) {
			all.Go(func() {
				_, err := s.Register(t.Context(), signUp.User, "peer", "h1")
				made <- err
			})
		}
		all.Wait()
		close(made)
		var ok int
		for err := range made {
			if err == nil {
				ok++
				continue
			}
			require.Contains(t, []marketplace.Code{marketplace.CodeLinkExpired, marketplace.CodeTaken}, marketplace.CodeOf(err), "%v", err)
		}
		require.Equal(t, 1, ok)
		_, err = s.SignUp(t.Context(), "h1")
		require.Equal(t, marketplace.CodeLinkExpired, marketplace.CodeOf(err))

		late := signUp
		late.TokenHash, late.CreatedAt = "h3", noon.Add(2*time.Hour)
		late.ExpiresAt = late.CreatedAt.Add(time.Hour)
		free, taken = letters("3")
		require.NoError(t, s.KeepSignUp(t.Context(), late, free, taken))
		require.Equal(t, 1, s.rows("sign_ups"), "the expired one is forgotten")
	})
}

func TestLinks_KeptAndUsedUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		link := marketplace.Link{TokenHash: "h1", Kind: marketplace.LinkReset, User: s.funder, Email: "funder@example.com", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
		require.NoError(t, s.KeepLink(t.Context(), link, nil))
		got, err := s.Link(t.Context(), marketplace.LinkReset, "h1")
		require.NoError(t, err)
		require.Equal(t, link, got)
		_, err = s.Link(t.Context(), marketplace.LinkEmail, "h1")
		require.Equal(t, marketplace.CodeLinkExpired, marketplace.CodeOf(err), "a link does what it was made for")
		nobodys := marketplace.Link{TokenHash: "h2", Kind: marketplace.LinkReset, Email: "nobody@example.com", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
		require.NoError(t, s.KeepLink(t.Context(), nobodys, nil))
		got, err = s.Link(t.Context(), marketplace.LinkReset, "h2")
		require.NoError(t, err)
		require.Equal(t, nobodys, got)

		u := s.user(s.funder)
		change := u.SetEmail("new@example.com", "peer", noon)
		change.UseUp = "no such link"
		require.Equal(t, marketplace.CodeLinkExpired, marketplace.CodeOf(s.ChangeAccount(t.Context(), change)))
		require.Equal(t, u, s.user(s.funder))
		change.UseUp = "h1"
		require.NoError(t, s.ChangeAccount(t.Context(), change))
		require.Equal(t, marketplace.CodeLinkExpired, marketplace.CodeOf(s.ChangeAccount(t.Context(), change)), "once")
		late := link
		late.TokenHash, late.CreatedAt, late.ExpiresAt = "h3", noon.Add(2*time.Hour), noon.Add(3*time.Hour)
		require.NoError(t, s.KeepLink(t.Context(), late, nil))
		require.Equal(t, 1, s.rows("account_links"), "the expired ones are forgotten")
	})
}

func TestChangeAccount_AllOrNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		open := func(id string, who marketplace.UserID) marketplace.Session {
			session := marketplace.Session{ID: id, TokenHash: "h-" + id, UserID: who, Device: marketplace.Device{Peer: "192.0.2.1", Name: "Firefox, Linux"}, CreatedAt: noon, SeenAt: noon, ExpiresAt: noon.Add(time.Hour)}
			require.NoError(t, s.CreateSession(t.Context(), session, "x"))
			return session
		}
		mine, _, theirs := open("mine", s.funder), open("other", s.funder), open("theirs", s.worker)
		_, _, err := s.AddTry(t.Context(), marketplace.Try{Kind: marketplace.TryPassword, Email: "funder@example.com", Peer: "p", At: noon}, noon)
		require.NoError(t, err)
		require.NoError(t, s.KeepLink(t.Context(), marketplace.Link{TokenHash: "l", Kind: marketplace.LinkReset, User: s.funder, Email: "e", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}, nil))

		u := s.user(s.funder)
		change, err := u.SetPassword("a new sentence", marketplace.AccountPasswordChanged, "192.0.2.9", noon)
		require.NoError(t, err)
		change.Keep = &marketplace.Session{ID: "mine", TokenHash: "h-new"}
		stale := change
		stale.Before.Version++
		require.ErrorIs(t, s.ChangeAccount(t.Context(), stale), marketplace.ErrStale)
		require.Equal(t, 2, s.rows("sessions WHERE user_id = "+s.funder.String()), "nothing is done of what was stale")
		require.Equal(t, 1, s.rows("account_events WHERE user_id = "+s.funder.String()))

		require.NoError(t, s.ChangeAccount(t.Context(), change))
		after := s.user(s.funder)
		require.Equal(t, u.Version+1, after.Version)
		require.True(t, marketplace.PasswordMatches(after.PasswordHash, "a new sentence"))
		sessions, err := s.SessionsOf(t.Context(), s.funder, noon)
		require.NoError(t, err)
		mine.TokenHash = "h-new"
		require.Equal(t, []marketplace.Session{mine}, sessions)
		_, err = s.Session(t.Context(), "h-mine", 0)
		require.Equal(t, marketplace.CodeNotFound, marketplace.CodeOf(err))
		_, err = s.Session(t.Context(), theirs.TokenHash, 0)
		require.NoError(t, err)
		require.Zero(t, s.rows("account_links"))
		require.Zero(t, s.rows("sign_in_tries"))
		events, err := s.AccountEvents(t.Context(), s.funder, 1)
		require.NoError(t, err)
		require.Equal(t, []marketplace.AccountEvent{{At: noon, Event: marketplace.AccountPasswordChanged, Peer: "192.0.2.9"}}, events)

		require.Equal(t, marketplace.CodeTaken, marketplace.CodeOf(s.ChangeAccount(t.Context(), after.SetEmail("worker@example.com", "peer", noon))))
		require.Equal(t, after, s.user(s.funder))
		// What is set to nothing is nothing afterwards.
		cleared := after
		cleared.Wallet = marketplace.Wallet{}
		require.NoError(t, s.ChangeAccount(t.Context(), after.SetWallet("", marketplace.Wallet{}, "peer", noon)))
		cleared.WalletAddressURL, cleared.Version = "", after.Version+1
		require.Equal(t, cleared, s.user(s.funder))
	})
}

func TestSessionsOf_LastUsedFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		for i := range 3 {
			require.NoError(t, s.CreateSession(t.Context(), marketplace.Session{
				ID: fmt.Sprint(i), TokenHash: fmt.Sprint("h", i), UserID: s.funder, CreatedAt: noon, SeenAt: noon, ExpiresAt: noon.Add(time.Duration(i+1) * time.Hour),
			}, "x"))
		}
		require.NoError(t, s.SeenSession(t.Context(), "1", noon.Add(time.Minute)))
		// One from before there was such a column.
		require.NoError(t, s.db.Transact(t.Context(), func(tx *gorm.DB) error { return tx.Exec("UPDATE sessions SET seen_at = NULL WHERE id = '2'").Error }))
		ids := func(now time.Time) (all []string) {
			sessions, err := s.SessionsOf(t.Context(), s.funder, now)
			require.NoError(t, err)
			for _, session := range sessions {
				all = append(all, session.ID)
			}
			return all
		}
		require.Equal(t, []string{"1", "2", "0"}, ids(noon))
		require.Equal(t, []string{"1", "2"}, ids(noon.Add(time.Hour)), "the expired are over")
		require.NoError(t, s.DeleteSession(t.Context(), "1", s.worker))
		require.Equal(t, []string{"1", "2", "0"}, ids(noon), "not theirs to end")
		require.NoError(t, s.DeleteSession(t.Context(), "1", s.funder))
		require.Equal(t, []string{"2", "0"}, ids(noon))
	})
}

// TestTries_OfAKindAreCountedByThemselves: many looks at wallets keep nobody from signing in, and are remembered for as long as theirs are.
func TestTries_OfAKindAreCountedByThemselves(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		try := func(kind string, at time.Time, within time.Duration) int {
			byEmail, byPeer, err := s.AddTry(t.Context(), marketplace.Try{Kind: kind, Email: "a@x", Peer: "p", At: at}, at.Add(-within))
			require.NoError(t, err)
			require.Equal(t, byEmail, byPeer)
			return byEmail
		}
		require.Equal(t, 1, try("wallet", noon, time.Hour))
		require.Equal(t, 2, try("wallet", noon.Add(time.Minute), time.Hour))
		require.Equal(t, 1, try(marketplace.TryPassword, noon.Add(time.Minute), time.Minute))
		require.Equal(t, 1, try(marketplace.TryPassword, noon.Add(30*time.Minute), time.Minute))
		require.Equal(t, 3, try("wallet", noon.Add(30*time.Minute), time.Hour), "a shorter window of another kind forgets none")
		require.NoError(t, s.CreateSession(t.Context(), marketplace.Session{ID: "1", TokenHash: "h", UserID: s.funder, CreatedAt: noon, SeenAt: noon, ExpiresAt: noon}, "a@x"))
		require.Equal(t, 4, try("wallet", noon.Add(30*time.Minute), time.Hour), "signing in forgets those with a password only")
		require.Equal(t, 1, try(marketplace.TryPassword, noon.Add(30*time.Minute), time.Minute))
	})
}

func TestUsers_ListHasNoHashes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *fixture) {
		all, err := s.Users(t.Context(), 0, 10)
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.Equal(t, s.funder, all[0].ID)
		require.Empty(t, all[0].PasswordHash)
		require.NoError(t, s.SetWallet(t.Context(), s.funder, "https://w.example/new"))
		events, err := s.AccountEvents(t.Context(), s.funder, 1)
		require.NoError(t, err)
		require.Equal(t, marketplace.AccountWalletChanged, events[0].Event)
		require.Equal(t, "https://w.example/a → https://w.example/new", events[0].Detail)
		require.True(t, events[0].ByOperator())
		require.WithinDuration(t, time.Now(), events[0].At, time.Hour)
	})
}
