package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"tianguis.example/marketplace"
)

// KeepSignUp keeps a sign-up until its e-mail is proved, and forgets those that have expired. With it goes the letter for an e-mail which somebody
// has already, or else that for a free one: as much is written in both cases.
func (s *Store) KeepSignUp(ctx context.Context, signUp marketplace.SignUp, free, taken marketplace.Message) error {
	u := rowOf(signUp.User)
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("DELETE FROM sign_ups WHERE expires_at < ?", signUp.CreatedAt).Error; err != nil {
			return err
		}
		var users int64
		if err := tx.Raw("SELECT COUNT(*) FROM users WHERE email = ?", u.Email).Scan(&users).Error; err != nil {
			return err
		}
		letter := free
		if users > 0 {
			letter = taken
		}
		if err := insertLetter(tx, letter); err != nil {
			return err
		}
		return tx.Exec(`INSERT INTO sign_ups (token_hash, email, name, role, language, wallet_address_url, wallet_public_name, wallet_asset_code,
			wallet_asset_scale, wallet_checked_at, password_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			signUp.TokenHash, u.Email, u.Name, u.Role, u.Language, u.WalletAddressURL, u.WalletPublicName, u.WalletAssetCode,
			u.WalletAssetScale, u.WalletCheckedAt, u.PasswordHash, signUp.CreatedAt, signUp.ExpiresAt).Error
	})
}

// SignUp returns a sign-up that waits for its e-mail to be proved; CodeLinkExpired when there is none with this token.
func (s *Store) SignUp(ctx context.Context, tokenHash string) (marketplace.SignUp, error) {
	var row struct {
		User      userRow `gorm:"embedded"`
		ExpiresAt time.Time
	}
	found, err := one(s.db.Read(ctx), &row, `SELECT email, name, role, language, wallet_address_url, wallet_public_name, wallet_asset_code,
		wallet_asset_scale, wallet_checked_at, password_hash, created_at, expires_at FROM sign_ups WHERE token_hash = ?`, tokenHash)
	if err != nil {
		return marketplace.SignUp{}, err
	}
	if !found {
		return marketplace.SignUp{}, marketplace.LinkExpired()
	}
	u := row.User.user()
	return marketplace.SignUp{TokenHash: tokenHash, User: u, CreatedAt: u.CreatedAt, ExpiresAt: row.ExpiresAt.UTC()}, nil
}

// KeepLink keeps a link with the letter that brings it, nil for none, and forgets those that have expired.
func (s *Store) KeepLink(ctx context.Context, l marketplace.Link, letter *marketplace.Message) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("DELETE FROM account_links WHERE expires_at < ?", l.CreatedAt).Error; err != nil {
			return err
		}
		if letter != nil {
			if err := insertLetter(tx, *letter); err != nil {
				return err
			}
		}
		return tx.Exec("INSERT INTO account_links (token_hash, kind, user_id, email, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
			l.TokenHash, string(l.Kind), orNull(l.User), l.Email, l.CreatedAt, l.ExpiresAt).Error
	})
}

// Link returns a link that was sent by mail; CodeLinkExpired when there is none of this kind with this token.
func (s *Store) Link(ctx context.Context, kind marketplace.LinkKind, tokenHash string) (marketplace.Link, error) {
	var row struct {
		UserID    *int64
		Email     string
		CreatedAt time.Time
		ExpiresAt time.Time
	}
	found, err := one(s.db.Read(ctx), &row, "SELECT user_id, email, created_at, expires_at FROM account_links WHERE kind = ? AND token_hash = ?", string(kind), tokenHash)
	if err != nil {
		return marketplace.Link{}, err
	}
	if !found {
		return marketplace.Link{}, marketplace.LinkExpired()
	}
	l := marketplace.Link{TokenHash: tokenHash, Kind: kind, Email: row.Email, CreatedAt: row.CreatedAt.UTC(), ExpiresAt: row.ExpiresAt.UTC()}
	if row.UserID != nil {
		l.User = marketplace.UserID(*row.UserID)
	}
	return l, nil
}
