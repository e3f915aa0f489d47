// Package apikey is the service's API keys, as every door asks for them: what they are, what each may do, and who comes in with which.
// How a request presents a key is the door's affair: as a bearer token to rest, as a password to console.
package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Scope is what a key may do.
type Scope string

// The scopes. Each includes those before it.
const (
	Read  Scope = "read"  // look at payments, sellers, webhooks
	Pay   Scope = "pay"   // start, finish and call off payments, and say who is paid
	Admin Scope = "admin" // everything: sellers with a key of their own, webhook endpoints and secrets, the operators' pages
)

// Scopes are all of them, the least first.
var Scopes = []Scope{Read, Pay, Admin}

// ParseScope reads one.
func ParseScope(text string) (Scope, error) {
	if !slices.Contains(Scopes, Scope(text)) {
		return "", fmt.Errorf("there is no scope %q: choose read, pay or admin", text)
	}
	return Scope(text), nil
}

// Includes reports whether a key of scope s may do what needs the other.
func (s Scope) Includes(other Scope) bool {
	return slices.Contains(Scopes, other) && slices.Index(Scopes, s) >= slices.Index(Scopes, other)
}

// Hash is what is kept of a key. SHA-256 will do, where a password needs a slow hash: a key is 256 random bits, of which nobody tries a part.
type Hash [sha256.Size]byte

// HashOf is the hash of a key.
func HashOf(key string) Hash { return sha256.Sum256([]byte(key)) }

// ParseHash reads 64 hexadecimal digits.
func ParseHash(text string) (h Hash, err error) {
	if raw, err := hex.DecodeString(text); err == nil && copy(h[:], raw) == len(h) && len(raw) == len(h) {
		return h, nil
	}
	return h, fmt.Errorf("a hash has %d hexadecimal digits", 2*len(h))
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Key is an API key, as it is known: without the key.
type Key struct {
	ID          string // a ULID; "" for one of the configuration
	Name        string // whose it is, for people
	Scope       Scope
	Hash        Hash
	Fingerprint string // names it in what operators did; "" for one of which the configuration has the hash only
	CreatedAt   time.Time
	LastUsedAt  time.Time // to the hour; zero for never
	RevokedAt   time.Time // from then on it opens nothing; may be to come; zero for one that stays
}

// Configured is the name of the configuration's keys.
const Configured = "PAYMENTS_API_KEY"

// Revoked reports whether it opens nothing any more.
func (k Key) Revoked(now time.Time) bool { return !k.RevokedAt.IsZero() && !now.Before(k.RevokedAt) }

// prefix is how a key begins, so that whoever finds one, or a scanner for secrets, knows what it is.
const prefix = "tianguis_"

// Generate makes a new key.
func Generate() string {
	bits := make([]byte, 32)
	_, _ = rand.Read(bits) // never returns an error (crypto/rand)
	return prefix + base64.RawURLEncoding.EncodeToString(bits)
}

// Fingerprint names a key without telling it: 8 hexadecimal digits; "" for none.
func Fingerprint(key string) string {
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("tianguis payments api key fingerprint\x00" + key))
	return hex.EncodeToString(sum[:4])
}

const (
	shortest = 16 // characters of a key that somebody made up
	hashed   = "sha256:"
)

// ParseConfigured reads the keys of the configuration, separated by spaces: each a key, or "sha256:" and its hash in hexadecimal, so that the
// configuration holds no secret. "read:" or "pay:" before it is its scope; without one it may do everything.
func ParseConfigured(text string) ([]Key, error) {
	var all []Key
	for field := range strings.FieldsSeq(text) {
		k := Key{Name: Configured, Scope: Admin}
		if before, after, ok := strings.Cut(field, ":"); ok && slices.Contains(Scopes, Scope(before)) {
			k.Scope, field = Scope(before), after
		}
		if digits, ok := strings.CutPrefix(field, hashed); ok {
			hash, err := ParseHash(digits)
			if err != nil {
				return nil, fmt.Errorf("cannot be read: after %s, %w", hashed, err)
			}
			k.Hash = hash
		} else {
			if len(field) < shortest {
				return nil, fmt.Errorf("must have %d characters at least", shortest)
			}
			if strings.Contains(field, ":") { // a scope with a slip in it would be a key that may do everything
				return nil, fmt.Errorf("has a colon where none can be: only read:, pay:, admin: and %s may stand before a key", hashed)
			}
			k.Hash, k.Fingerprint = HashOf(field), Fingerprint(field)
		}
		if slices.ContainsFunc(all, func(other Key) bool { return other.Hash == k.Hash && other.Scope != k.Scope }) {
			return nil, errors.New("names a key twice, with two scopes: leave one of them out")
		}
		all = append(all, k)
	}
	return all, nil
}

// Own picks, of the keys of the configuration, the one that this program's own commands show to the service: of those that are no hashes the first
// that may do most; "" for none.
func Own(text string) string {
	best, own := -1, ""
	for field := range strings.FieldsSeq(text) {
		scope := Admin
		if before, after, ok := strings.Cut(field, ":"); ok && slices.Contains(Scopes, Scope(before)) {
			scope, field = Scope(before), after
		}
		if i := slices.Index(Scopes, scope); i > best && !strings.HasPrefix(field, hashed) {
			best, own = i, field
		}
	}
	return own
}
