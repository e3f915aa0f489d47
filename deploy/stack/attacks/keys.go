package attacks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/stack"
)

var (
	smallKey  = Refusal{http.StatusForbidden, `"code":"insufficient_scope"`}
	tooMany   = Refusal{http.StatusTooManyRequests, `"code":"too_many_requests"`}
	atLimit   = suspect(stack.Payments, "too_many_requests")
	tellSmall = append(suspect(stack.Payments, "insufficient_scope"), suspect(stack.Payments, "forbidden")...)
)

// fromElsewhere sends from another address of this machine, so that what is counted for it is not counted for everybody else here. Systems that have
// one address only send from there.
func (s shot) fromElsewhere(address string) shot {
	if runtime.GOOS == "linux" { // which has all of 127.0.0.0/8
		s.from = address
	}
	return s
}

// madeKey makes an API key as an operator does, and waits until it is let in.
func (s *siege) madeKey(ctx context.Context, name, scope string) (key string, err error) {
	out, err := s.stack.Payments.Run(ctx, "apikey", "create", "--name", name, "--scope", scope)
	if err != nil {
		return "", err
	}
	key = strings.TrimSpace(string(out))
	return key, s.waitFor(ctx, key, http.StatusOK)
}

// revokedKey is one that was let in, and is not any more.
func (s *siege) revokedKey(ctx context.Context, scope string) (string, error) {
	name := "revoked " + scope
	key, err := s.madeKey(ctx, name, scope)
	if err != nil {
		return "", err
	}
	all, err := s.stack.Payments.Run(ctx, "apikey", "list", "--json")
	if err != nil {
		return "", err
	}
	var known []struct{ ID, Name string }
	if err := json.Unmarshal(all, &known); err != nil {
		return "", err
	}
	for _, k := range known {
		if k.Name == name {
			if _, err := s.stack.Payments.Run(ctx, "apikey", "revoke", k.ID); err != nil {
				return "", err
			}
		}
	}
	return key, s.waitFor(ctx, key, http.StatusUnauthorized)
}

// waitFor waits until a key is answered so; its guesses are not counted for everybody else.
func (s *siege) waitFor(ctx context.Context, key string, status int) error {
	for range 100 {
		got, err := s.send(ctx, api(http.MethodGet, "/sellers", "").withAPIKey(key).fromElsewhere("127.66.0.9"))
		if err != nil || got.status == status {
			return err
		}
		if err := pauseFor(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return fmt.Errorf("a key is not answered %d within ten seconds", status)
}

func (s shot) withAPIKey(key string) shot { return s.with("Authorization", "Bearer "+key) }

// withKeyOf is an attack of shots with a key of a scope.
func withKeyOf(scope string, shots func(s *siege, key string) []shot) func(context.Context, *siege) ([]answer, error) {
	return func(ctx context.Context, s *siege) ([]answer, error) {
		key, err := s.madeKey(ctx, "only "+scope, scope)
		if err != nil {
			return nil, err
		}
		return s.fire(ctx, shots(s, key)...)
	}
}

// adminOnly are the addresses that need the scope admin.
func adminOnly(s *siege, key string) (all []shot) {
	e := "/webhooks/endpoints/marketplace"
	for _, one := range []shot{
		api(http.MethodPost, "/webhooks/endpoints", `{"url":"https://evil.example/in"}`), api(http.MethodPatch, e, `{"enabled":false}`), api(http.MethodDelete, e, ""),
		api(http.MethodPost, e+"/secrets/rotate", "{}"), api(http.MethodPost, e+"/ping", ""), api(http.MethodPost, "/webhooks/replay", `{"since":"2h"}`),
		api(http.MethodPost, "/sellers", `{"id":"hostile-file","walletAddressUrl":"`+s.stack.Sandbox.Address+stack.WorkerWallet+`","keyId":"k","privateKeyPath":"link.pem"}`),
	} {
		all = append(all, one.withAPIKey(key))
	}
	for _, path := range []string{"", "/payments", "/webhooks", "/actions.csv"} {
		all = append(all, atConsole(http.MethodGet, path, key))
	}
	for _, path := range consoleForms {
		all = append(all, atConsole(http.MethodPost, path, key))
	}
	return all
}

// limited sends n shots one after the other, and returns the first ones and the last ones: those that are looked at. The last one must have been
// refused because there were too many.
func (s *siege) limited(ctx context.Context, n int, shot func(i int) shot) ([]answer, error) {
	all := make([]answer, 0, n)
	for i := range n {
		got, err := s.send(ctx, shot(i))
		if err != nil {
			return all, err
		}
		all = append(all, got)
	}
	if last := all[n-1]; last.status != http.StatusTooManyRequests {
		return all[n-1:], fmt.Errorf("after %d of them there is no limit: %s", n, last)
	}
	return append(all[:5:5], all[n-5:]...), nil
}

// pastLimit asks whether who has the key is let in all the same, from the address at the limit.
func (s *siege) pastLimit(ctx context.Context, address string) error {
	got, err := s.send(ctx, api(http.MethodGet, "/sellers", "").keyed(s).fromElsewhere(address))
	if err == nil && got.status != http.StatusOK {
		err = fmt.Errorf("who has a right key is locked out: %s", got)
	}
	return err
}

var keyAttacks = []Attack{
	{
		ID: "key-guessed", Title: "Two hundred wrong keys from one address, at both doors; then the right one from there", By: Stranger, Aim: Keys,
		Refused: []Refusal{noKey, tooMany, {http.StatusTooManyRequests, "too many wrong keys"}}, Told: append(suspect(stack.Payments, "unauthorized"), atLimit...),
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			const address = "127.66.0.1"
			answers, err := s.limited(ctx, 200, func(i int) shot {
				return api(http.MethodGet, "/sellers", "").withAPIKey(fmt.Sprintf("guess-%d-of-the-key", i)).fromElsewhere(address)
			})
			atPages, pages := s.fire(ctx, atConsole(http.MethodGet, "/webhooks", "another guess").fromElsewhere(address))
			return append(answers, atPages...), errors.Join(err, pages, s.pastLimit(ctx, address))
		},
	},
	{
		ID: "key-looks-only", Title: "A key that may look: it pays, calls off, says who is paid, changes receivers, opens the console", By: Caller, Aim: Money,
		Refused: []Refusal{smallKey, {http.StatusForbidden, "may do less"}}, Told: tellSmall,
		Try: withKeyOf("read", func(s *siege, key string) []shot {
			all := adminOnly(s, key)
			for _, one := range []shot{
				api(http.MethodPost, "/sellers", `{"id":"platform","walletAddressUrl":"https://evil.example/me"}`), api(http.MethodPost, "/offers/1/quotes/start", startBody(honestSeller, "https://evil.example/me", "1.00")),
				api(http.MethodPost, "/payments/"+s.awaiting.pendingID+"/cancel", ""), api(http.MethodGet, "/payments/finish?"+s.awaiting.finish.Encode(), ""),
				api(http.MethodPost, "/api/payments/incoming", "{}"), api(http.MethodPost, "/api/wallet/profile", `{"walletAddressUrl":"https://evil.example/me"}`),
			} {
				all = append(all, one.withAPIKey(key))
			}
			return all
		}),
	},
	{
		ID: "key-pays-only", Title: "The marketplace's key, stolen: it changes receivers and secrets, names key files, sends again, opens the console", By: Caller, Aim: Keys,
		Refused: []Refusal{smallKey, {http.StatusForbidden, "may do less"}}, Told: tellSmall,
		Try: withKeyOf("pay", adminOnly),
	},
	{
		ID: "key-revoked", Title: "A key that was let in until it was revoked, at every door", By: Caller, Aim: Keys,
		Refused: []Refusal{noKey, {http.StatusUnauthorized, "The key, please"}}, Told: tellNoKey,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			key, err := s.revokedKey(ctx, "admin")
			if err != nil {
				return nil, err
			}
			return s.fire(ctx, api(http.MethodGet, "/sellers", "").withAPIKey(key), api(http.MethodPost, "/payments/"+s.awaiting.pendingID+"/cancel", "").withAPIKey(key),
				api(http.MethodGet, "/payments/finish?"+s.awaiting.finish.Encode(), "").withAPIKey(key), api(http.MethodPatch, "/webhooks/endpoints/marketplace", `{"enabled":false}`).withAPIKey(key),
				atConsole(http.MethodGet, "/payments", key), atConsole(http.MethodPost, "/endpoints/marketplace/disable", key))
		},
	},
	{
		ID: "key-from-the-database", Title: "What a copy of the database says of the keys, as a key: hashes, fingerprints, ids, seals", By: Stranger, Aim: Keys,
		Refused: []Refusal{noKey}, Told: tellNoKey,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			var rows []map[string]any
			if err := s.atDatabase(ctx, func(db *database.DB) error {
				return db.Read(ctx).Raw("SELECT id, hash, fingerprint, seal FROM api_keys LIMIT 2").Scan(&rows).Error
			}); err != nil {
				return nil, err
			}
			var all []shot
			for _, row := range rows {
				for _, value := range row {
					all = append(all, api(http.MethodGet, "/sellers", "").withAPIKey(fmt.Sprint(value)).fromElsewhere("127.66.0.2"))
				}
			}
			return s.fire(ctx, all...)
		},
	},
	{
		ID: "key-row-forged", Title: "A key that somebody wrote into the database, and one whose scope was raised there", By: Writer, Aim: Keys,
		Refused: []Refusal{noKey}, Told: tellNoKey,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			raised, err := s.madeKey(ctx, "to be raised", "read")
			if err != nil {
				return nil, err
			}
			const mine = "a key that the attacker made up"
			hash := sha256.Sum256([]byte(mine))
			if err := s.atDatabase(ctx, func(db *database.DB) error {
				return errors.Join(
					db.Read(ctx).Exec("UPDATE api_keys SET scope = 'admin' WHERE name = 'to be raised'").Error,
					db.Read(ctx).Exec("INSERT INTO api_keys (id, name, scope, hash, fingerprint, created_at, seal) SELECT '01ZZZZZZZZZZZZZZZZZZZZZZZZ', name, 'admin', ?, fingerprint, created_at, seal FROM api_keys LIMIT 1", hex.EncodeToString(hash[:])).Error,
				)
			}); err != nil {
				return nil, err
			}
			if err := s.waitFor(ctx, raised, http.StatusUnauthorized); err != nil {
				return nil, fmt.Errorf("a key whose scope was raised by hand is let in: %w", err)
			}
			return s.fire(ctx, api(http.MethodGet, "/webhooks/endpoints", "").withAPIKey(raised), api(http.MethodGet, "/sellers", "").withAPIKey(mine))
		},
	},
	{
		ID: "limit-api", Title: "A thousand requests without a key from one address; then the marketplace's from there", By: Stranger, Aim: Service,
		Refused: []Refusal{noKey, tooMany}, Told: append(suspect(stack.Payments, "unauthorized"), atLimit...),
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			const address = "127.66.0.3"
			answers, err := s.flood(ctx, api(http.MethodGet, "/payments/pending", "").fromElsewhere(address))
			return answers, errors.Join(err, s.pastLimit(ctx, address))
		},
	},
	{
		ID: "limit-pages", Title: "A thousand requests for pages from one address; then the payer's, from another", By: Stranger, Aim: Service,
		Refused: []Refusal{{http.StatusTooManyRequests, "Too many requests came from here"}}, Told: suspect(stack.Marketplace, "too_many_tries"),
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			answers, err := s.flood(ctx, get("/login", nil).fromElsewhere("127.66.0.4"))
			if got, other := s.send(ctx, get("/", s.payer)); other != nil || got.status != http.StatusOK {
				err = errors.Join(err, other, fmt.Errorf("the payer is locked out: %s", got))
			}
			var refused []answer
			for _, a := range answers {
				if a.status != http.StatusOK {
					refused = append(refused, a)
				}
			}
			return refused, err
		},
	},
	{
		ID: "limit-finish", Title: "A hundred hashes for one payment, from who is not its payer", By: Caller, Aim: Money,
		Refused: []Refusal{{http.StatusForbidden, `"code":"hash_invalid"`}, tooMany}, Told: append(suspect(stack.Payments, "hash_invalid"), atLimit...),
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			return s.limited(ctx, 100, func(i int) shot {
				return finishAtPayments(s, map[string]string{"pendingId": s.twin.pendingID, "interact_ref": s.twin.finish.Get("interact_ref"), "hash": fmt.Sprintf("guess%d", i)})
			})
		},
	},
	{
		ID: "limit-return", Title: "A hundred returns to the marketplace of somebody else's payment, from one address", By: Stranger, Aim: Money,
		Refused: []Refusal{{http.StatusOK, `data-ending="signed_out`}, {http.StatusTooManyRequests, "Too many requests came from here"}},
		Told:    append(suspect(stack.Marketplace, "too_many_tries"), Line{stack.Marketplace, "route", "/payments/finish"}),
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			return s.limited(ctx, 100, func(int) shot {
				return get("/payments/finish?"+s.awaiting.finish.Encode(), nil).fromElsewhere("127.66.0.5")
			})
		},
	},
}

// flood sends a thousand of a shot, eight at a time, and returns some of the first, and some of those that were refused because there were too many.
func (s *siege) flood(ctx context.Context, one shot) ([]answer, error) {
	const senders, each = 8, 125
	type result struct {
		answers []answer
		err     error
	}
	results := make(chan result, senders)
	for range senders {
		go func() {
			var r result
			for range each {
				got, err := s.send(ctx, one)
				if err != nil {
					r.err = err
					break
				}
				r.answers = append(r.answers, got)
			}
			results <- r
		}()
	}
	var first, limited []answer
	var err error
	for range senders {
		r := <-results
		err = errors.Join(err, r.err)
		for _, a := range r.answers {
			switch {
			case a.status == http.StatusTooManyRequests && len(limited) < 5:
				limited = append(limited, a)
			case a.status != http.StatusTooManyRequests && len(first) < 5:
				first = append(first, a)
			}
		}
	}
	if len(limited) == 0 {
		err = errors.Join(err, errors.New("a thousand requests at once, and there is no limit"))
	}
	return append(first, limited...), err
}

// atDatabase does something to the payments service's database, past the service.
func (s *siege) atDatabase(ctx context.Context, do func(*database.DB) error) error {
	db, err := database.Open(ctx, s.stack.Payments.Env["DATABASE_URL"], database.Options{Clock: clock.System(), MaxConns: 1})
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}
