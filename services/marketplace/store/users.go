package store

import (
	"context"
	"errors"
	"slices"
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
	WalletPublicName string
	WalletAssetCode  string
	WalletAssetScale uint8
	WalletCheckedAt  *time.Time
	Language         string
	PasswordHash     string
	Operator         bool
	DisabledAt       *time.Time
	Version          int64
	CreatedAt        time.Time
}

// userColumns are those of a userRow but the password's hash, which few need.
const userColumns = `u.id, u.email, u.name, u.role, u.wallet_address_url, u.wallet_public_name, u.wallet_asset_code, u.wallet_asset_scale, u.wallet_checked_at,
	u.language, u.operator, u.disabled_at, u.version, u.created_at`

func (r userRow) user() marketplace.User {
	u := marketplace.User{
		ID: marketplace.UserID(r.ID), Email: r.Email, Name: r.Name, Role: marketplace.Role(r.Role), WalletAddressURL: r.WalletAddressURL,
		Wallet:   marketplace.Wallet{PublicName: r.WalletPublicName, AssetCode: r.WalletAssetCode, AssetScale: r.WalletAssetScale},
		Language: r.Language, PasswordHash: r.PasswordHash, Operator: r.Operator, DisabledAt: timeOrNone(r.DisabledAt), Version: r.Version, CreatedAt: r.CreatedAt.UTC(),
	}
	if r.WalletCheckedAt != nil {
		u.Wallet.CheckedAt = r.WalletCheckedAt.UTC()
	}
	return u
}

func rowOf(u marketplace.User) userRow {
	return userRow{
		ID: int64(u.ID), Email: u.Email, Name: u.Name, Role: string(u.Role), WalletAddressURL: u.WalletAddressURL, WalletPublicName: u.Wallet.PublicName,
		WalletAssetCode: u.Wallet.AssetCode, WalletAssetScale: u.Wallet.AssetScale, WalletCheckedAt: orNever(u.Wallet.CheckedAt), Language: u.Language,
		PasswordHash: u.PasswordHash, Operator: u.Operator, DisabledAt: orNever(u.DisabledAt), Version: u.Version, CreatedAt: u.CreatedAt,
	}
}

// CreateUser adds a person for whom an operator vouches at the command line, and returns the number. CodeTaken when somebody has the e-mail already.
func (s *Store) CreateUser(ctx context.Context, u marketplace.User) (marketplace.UserID, error) {
	return s.register(ctx, u, marketplace.CommandLine, "")
}

// Register adds a person who signs up, from that peer, and returns the number. CodeTaken when somebody has the e-mail already. With useUp,
// the hash of a sign-up's token, that sign-up is used up, and it is CodeLinkExpired when it is gone.
func (s *Store) Register(ctx context.Context, u marketplace.User, peer, useUp string) (marketplace.UserID, error) {
	return s.register(ctx, u, peer, useUp)
}

func (s *Store) register(ctx context.Context, u marketplace.User, peer, useUp string) (marketplace.UserID, error) {
	row := rowOf(u)
	err := s.db.Transact(ctx, func(tx *gorm.DB) error {
		if useUp != "" {
			used := tx.Exec("DELETE FROM sign_ups WHERE token_hash = ?", useUp)
			if used.Error != nil {
				return used.Error
			}
			if used.RowsAffected == 0 {
				return marketplace.LinkExpired()
			}
		}
		row.ID, row.Version = 0, 1
		// Create, and not Raw: GORM translates a duplicate key only where it does not scan rows itself.
		if err := tx.Table("users").Create(&row).Error; err != nil {
			return err
		}
		made := marketplace.AccountEvent{At: u.CreatedAt, Event: marketplace.AccountSignUp, Peer: peer}
		if made.ByOperator() {
			added := marketplace.OperatorAction{
				At: u.CreatedAt, By: marketplace.AtCommandLine, Event: marketplace.OperatorAddedPerson, Subject: marketplace.AboutPerson(marketplace.UserID(row.ID)),
			}
			if _, err := appendActions(tx, added); err != nil {
				return err
			}
		}
		return insertAccountEvents(tx, row.ID, []marketplace.AccountEvent{made})
	})
	return marketplace.UserID(row.ID), taken(err)
}

// taken puts a second account with one e-mail into words.
func taken(err error) error {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return &marketplace.Error{Code: marketplace.CodeTaken, Message: "Somebody has an account with this e-mail already.", Err: err}
	}
	return err
}

// insertAccountEvents is the only place where the audit trail of accounts is written.
func insertAccountEvents(tx *gorm.DB, user int64, events []marketplace.AccountEvent) error {
	for _, e := range events {
		err := tx.Exec("INSERT INTO account_events (user_id, at, event, peer, detail) VALUES (?, ?, ?, ?, ?)", user, e.At, e.Event, e.Peer, e.Detail).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// ChangeAccount commits all of a change together: the account, its audit trail, that of the operators, what the person is told, the link that is used up, and the sessions that end.
// It returns marketplace.ErrStale when the account has changed since Before was read, CodeTaken for somebody else's e-mail, CodeLinkExpired,
// and marketplace.ErrLastOperator.
func (s *Store) ChangeAccount(ctx context.Context, c marketplace.AccountChange) error {
	row := rowOf(c.After)
	err := s.db.Transact(ctx, func(tx *gorm.DB) error {
		if err := auditOperators(tx, c); err != nil {
			return err
		}
		if err := useUpLink(tx, c.UseUp); err != nil {
			return err
		}
		if err := insertNotifications(tx, c.Tellings()); err != nil {
			return err
		}
		// Updates, and not Exec: see CreateUser.
		updated := tx.Table("users").Where("id = ? AND version = ?", row.ID, c.Before.Version).Updates(map[string]any{
			"email": row.Email, "name": row.Name, "role": row.Role, "wallet_address_url": row.WalletAddressURL, "wallet_public_name": row.WalletPublicName,
			"wallet_asset_code": row.WalletAssetCode, "wallet_asset_scale": row.WalletAssetScale, "wallet_checked_at": row.WalletCheckedAt,
			"language": row.Language, "password_hash": row.PasswordHash, "operator": row.Operator, "disabled_at": row.DisabledAt, "version": c.Before.Version + 1,
		})
		if updated.Error != nil {
			return updated.Error
		}
		if updated.RowsAffected == 0 {
			return marketplace.ErrStale
		}
		if err := insertAccountEvents(tx, row.ID, c.Events); err != nil {
			return err
		}
		if err := endSessions(tx, c); err != nil {
			return err
		}
		return tx.Exec("DELETE FROM sign_in_tries WHERE kind = ? AND email = ?", marketplace.TryPassword, c.Before.Email).Error
	})
	return taken(err)
}

// auditOperators keeps what operators did to the account. It comes first: they wait for each other there, so that two who take each other's rights away do
// not both find the other still there.
func auditOperators(tx *gorm.DB, c marketplace.AccountChange) error {
	if len(c.Actions) == 0 && slices.ContainsFunc(c.Events, marketplace.AccountEvent.ByOperator) {
		return errors.New("what an operator does to an account has to be audited")
	}
	if len(c.Actions) == 0 {
		return nil
	}
	if _, err := appendActions(tx, c.Actions...); err != nil || !c.LeavesOperator() {
		return err
	}
	var others int64
	err := tx.Raw("SELECT COUNT(*) FROM users WHERE operator AND disabled_at IS NULL AND id <> ?", int64(c.Before.ID)).Scan(&others).Error
	if err == nil && others == 0 {
		return marketplace.ErrLastOperator
	}
	return err
}

func useUpLink(tx *gorm.DB, tokenHash string) error {
	if tokenHash == "" {
		return nil
	}
	used := tx.Exec("DELETE FROM account_links WHERE token_hash = ?", tokenHash)
	if used.Error == nil && used.RowsAffected == 0 {
		return marketplace.LinkExpired()
	}
	return used.Error
}

func endSessions(tx *gorm.DB, c marketplace.AccountChange) error {
	keep := ""
	if c.Keep != nil {
		keep = c.Keep.ID
		err := tx.Exec("UPDATE sessions SET token_hash = ? WHERE id = ? AND user_id = ?", c.Keep.TokenHash, keep, int64(c.Before.ID)).Error
		if err != nil {
			return err
		}
	}
	if !c.EndSessions {
		return nil
	}
	if err := tx.Exec("DELETE FROM account_links WHERE user_id = ?", int64(c.Before.ID)).Error; err != nil {
		return err
	}
	return tx.Exec("DELETE FROM sessions WHERE user_id = ? AND id <> ?", int64(c.Before.ID), keep).Error
}

// SetWallet changes where a person is paid, as an operator's command does; nobody has looked at the wallet.
func (s *Store) SetWallet(ctx context.Context, id marketplace.UserID, walletAddressURL string) error {
	u, err := s.User(ctx, id)
	if err != nil {
		return err
	}
	c := u.SetWallet(walletAddressURL, marketplace.Wallet{}, marketplace.CommandLine, s.db.Read(ctx).NowFunc())
	return s.ChangeAccount(ctx, c.Audited(marketplace.AtCommandLine, ""))
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
	found, err := one(s.db.Read(ctx), &row, "SELECT "+userColumns+", u.password_hash FROM users u WHERE u."+column+" = ?", value)
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

// Users lists people by number, for the operator, without the hashes of their passwords: up to limit of them, with numbers above after.
func (s *Store) Users(ctx context.Context, after marketplace.UserID, limit int) ([]marketplace.User, error) {
	var rows []userRow
	if err := s.db.Read(ctx).Raw("SELECT "+userColumns+" FROM users u WHERE u.id > ? ORDER BY u.id LIMIT ?", int64(after), limit).Scan(&rows).Error; err != nil {
		return nil, err
	}
	all := make([]marketplace.User, len(rows))
	for i, row := range rows {
		all[i] = row.user()
	}
	return all, nil
}

// AccountEvents are what happened to a person's account, the newest first, at most so many.
func (s *Store) AccountEvents(ctx context.Context, id marketplace.UserID, limit int) ([]marketplace.AccountEvent, error) {
	var rows []marketplace.AccountEvent
	err := s.db.Read(ctx).Raw("SELECT at, event, peer, detail FROM account_events WHERE user_id = ? ORDER BY id DESC LIMIT ?", int64(id), limit).Scan(&rows).Error
	for i := range rows {
		rows[i].At = rows[i].At.UTC()
	}
	return rows, err
}
