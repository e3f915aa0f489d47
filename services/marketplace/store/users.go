package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"tianguis.example/marketplace"
)

type userRow struct {
	ID               int64
	Email            string
	Name             string
	Role             string
	WalletAddressURL string
	PasswordHash     string
	Operator         bool
	CreatedAt        time.Time
}

const userColumns = "id, email, name, role, wallet_address_url, password_hash, operator, created_at"

func (r userRow) user() marketplace.User {
	return marketplace.User{
		ID: marketplace.UserID(r.ID), Email: r.Email, Name: r.Name, Role: marketplace.Role(r.Role),
		WalletAddressURL: r.WalletAddressURL, PasswordHash: r.PasswordHash, Operator: r.Operator, CreatedAt: r.CreatedAt.UTC(),
	}
}

// CreateUser adds a person and returns the number. CodeTaken when somebody has the e-mail already.
func (s *Store) CreateUser(ctx context.Context, u marketplace.User) (marketplace.UserID, error) {
	row := userRow{
		Email: u.Email, Name: u.Name, Role: string(u.Role), WalletAddressURL: u.WalletAddressURL, PasswordHash: u.PasswordHash,
		Operator: u.Operator, CreatedAt: u.CreatedAt,
	}
	// Create, and not Raw: GORM translates a duplicate key only where it does not scan rows itself.
	err := s.db.Transact(ctx, func(tx *gorm.DB) error {
		row.ID = 0
		return tx.Table("users").Create(&row).Error
	})
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return 0, &marketplace.Error{Code: marketplace.CodeTaken, Message: "Somebody has an account with this e-mail already.", Err: err}
	}
	return marketplace.UserID(row.ID), err
}

// SetWallet changes where a person is paid.
func (s *Store) SetWallet(ctx context.Context, id marketplace.UserID, walletAddressURL string) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE users SET wallet_address_url = ? WHERE id = ?", walletAddressURL, int64(id)).Error
	})
}

// User returns a person; CodeNotFound when there is none.
func (s *Store) User(ctx context.Context, id marketplace.UserID) (marketplace.User, error) {
	return s.userBy(ctx, "id", int64(id))
}

// UserByEmail returns a person by the normal spelling of the e-mail; CodeNotFound when there is none.
func (s *Store) UserByEmail(ctx context.Context, email string) (marketplace.User, error) {
	return s.userBy(ctx, "email", email)
}

func (s *Store) userBy(ctx context.Context, column string, value any) (marketplace.User, error) {
	var row userRow
	found, err := one(s.db.Read(ctx), &row, "SELECT "+userColumns+" FROM users WHERE "+column+" = ?", value)
	if err != nil {
		return marketplace.User{}, err
	}
	if !found {
		return marketplace.User{}, marketplace.NotFound("There is no such person.")
	}
	return row.user(), nil
}

// walletsOf is of how many people, the newest, WalletAddresses looks at the wallets.
const walletsOf = 1000

// WalletAddresses are up to limit different ones that people gave, those of the newest accounts first. It looks at the newest accounts alone.
func (s *Store) WalletAddresses(ctx context.Context, limit int) (all []string, err error) {
	err = s.db.Read(ctx).Raw(`SELECT wallet_address_url FROM (SELECT id, wallet_address_url FROM users WHERE wallet_address_url <> '' ORDER BY id DESC LIMIT ?) newest
		GROUP BY wallet_address_url ORDER BY MAX(id) DESC LIMIT ?`, walletsOf, limit).Scan(&all).Error
	return all, err
}
