package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tianguis.example/payments/apikey"
	"tianguis.example/payments/operator"
)

type apiKeyRow struct {
	ID          string
	Name        string
	Scope       string
	Hash        string
	Fingerprint string
	CreatedAt   time.Time `gorm:"autoCreateTime:false"`
	LastUsedAt  *time.Time
	RevokedAt   *time.Time
	Seal        string // by a key of TOKEN_ENCRYPTION_KEY, so that who can write the database cannot make itself an API key
}

func (apiKeyRow) TableName() string { return "api_keys" }

// sealed is the row's seal by k: "<key id>:<hash>".
func (r apiKeyRow) sealed(k key) string {
	return k.id + ":" + k.sum("api key", r.ID, r.Name, r.Scope, r.Hash, r.Fingerprint, r.CreatedAt.UnixMicro(), certain(r.RevokedAt).UnixMicro())
}

// known reports whether the row is what this store wrote.
func (ks Keys) known(r apiKeyRow) bool {
	k, known := ks.headKey(r.Seal)
	return known && same(r.Seal, r.sealed(k))
}

func (r apiKeyRow) key() (apikey.Key, error) {
	hash, err := apikey.ParseHash(r.Hash)
	return apikey.Key{
		ID: r.ID, Name: r.Name, Scope: apikey.Scope(r.Scope), Hash: hash, Fingerprint: r.Fingerprint,
		CreatedAt: r.CreatedAt.UTC(), LastUsedAt: certain(r.LastUsedAt), RevokedAt: certain(r.RevokedAt),
	}, err
}

// What the store says of API keys.
var (
	ErrTooManyAPIKeys = fmt.Errorf("there are %d API keys already: revoke one that nobody uses", maxAPIKeys)
	ErrUnknownAPIKey  = errors.New("there is no such API key: payments apikey list has their ids")
)

// maxAPIKeys is how many there can be that are not revoked: every request is compared with each.
const maxAPIKeys = 100

// AddAPIKey keeps a new one. Error: ErrTooManyAPIKeys.
func (s *Store) AddAPIKey(ctx context.Context, k apikey.Key, done operator.Action) error {
	row := apiKeyRow{
		ID: k.ID, Name: plain(k.Name), Scope: string(k.Scope), Hash: k.Hash.String(), Fingerprint: k.Fingerprint, CreatedAt: k.CreatedAt, RevokedAt: maybe(k.RevokedAt),
	}
	row.Seal = row.sealed(s.keys.current())
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		var live int64
		if err := tx.Model(&apiKeyRow{}).Where("revoked_at IS NULL").Count(&live).Error; err != nil {
			return err
		}
		if live >= maxAPIKeys {
			return ErrTooManyAPIKeys
		}
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return s.insertAction(tx, done)
	})
}

// APIKeys are all that were ever made, the oldest first. With an error, which names those that this store did not write, it returns the others all
// the same.
func (s *Store) APIKeys(ctx context.Context) ([]apikey.Key, error) {
	var rows []apiKeyRow
	if err := s.db.Read(ctx).Order("id").Find(&rows).Error; err != nil {
		return nil, err
	}
	all := make([]apikey.Key, 0, len(rows))
	var wrong []error
	for _, row := range rows {
		k, err := row.key()
		if err == nil && !s.keys.known(row) {
			err = errors.New("it was not written by this service, or with a key that is not in TOKEN_ENCRYPTION_KEY any more")
		}
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%w: API key %q opens nothing: %w", ErrForgedAPIKey, row.ID, err))
			continue
		}
		all = append(all, k)
	}
	return all, errors.Join(wrong...)
}

// ErrForgedAPIKey is within the error of APIKeys that names keys, and not in one of the database.
var ErrForgedAPIKey = errors.New("forged")

// RevokeAPIKey lets a key open nothing from a time on, which can be moved as long as it is to come; one that is revoked already stays so.
// Error: ErrUnknownAPIKey.
func (s *Store) RevokeAPIKey(ctx context.Context, id string, at time.Time, done operator.Action) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		var row apiKeyRow
		err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Where("id = ?", id).Take(&row).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return ErrUnknownAPIKey
		}
		if err != nil {
			return err
		}
		if !s.keys.known(row) {
			row.Seal = "" // it stays what it is
		}
		if row.RevokedAt == nil || done.At.Before(*row.RevokedAt) {
			row.RevokedAt = &at
		}
		if row.Seal != "" {
			row.Seal = row.sealed(s.keys.current())
		}
		if err := tx.Model(&apiKeyRow{}).Where("id = ?", id).Updates(map[string]any{"revoked_at": row.RevokedAt, "seal": row.Seal}).Error; err != nil {
			return err
		}
		return s.insertAction(tx, done)
	})
}

// UseAPIKeys keeps when keys were used last, by their ids.
func (s *Store) UseAPIKeys(ctx context.Context, used map[string]time.Time) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		for id, at := range used {
			if err := tx.Model(&apiKeyRow{}).Where("id = ? AND (last_used_at IS NULL OR last_used_at < ?)", id, at).Updates(map[string]any{"last_used_at": at}).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// resealAPIKeys takes them all at once: there are a few.
func (s *Store) resealAPIKeys(ctx context.Context, done *Resealed) error {
	var rows []apiKeyRow
	if err := s.db.Read(ctx).Where("seal NOT LIKE ?", s.keys.current().id+":%").Find(&rows).Error; err != nil {
		return err
	}
	for _, row := range rows {
		if !s.keys.known(row) {
			done.fail("API key "+row.ID, errors.New("it was not written by this service, or with a key that is not in TOKEN_ENCRYPTION_KEY any more"))
			continue
		}
		var changed int64
		err := s.db.Write(ctx, func(tx *gorm.DB) error {
			updated := tx.Model(&apiKeyRow{}).Where("id = ? AND seal = ?", row.ID, row.Seal).Updates(map[string]any{"seal": row.sealed(s.keys.current())})
			changed = updated.RowsAffected
			return updated.Error
		})
		if err != nil {
			return err
		}
		done.Resealed += changed
	}
	return nil
}
