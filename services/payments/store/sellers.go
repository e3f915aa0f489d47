package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tianguis.example/payments"
	"tianguis.example/payments/operator"
)

type sellerRow struct {
	ID               string
	WalletAddressURL string `gorm:"column:wallet_address_url"`
	KeyID            string
	PrivateKeyPath   string
	CreatedAt        time.Time `gorm:"autoCreateTime:false"`
	UpdatedAt        time.Time `gorm:"autoUpdateTime:false"`
}

func (sellerRow) TableName() string { return "sellers" }

func (r sellerRow) seller() payments.Seller {
	s := payments.Seller(r)
	s.CreatedAt, s.UpdatedAt = r.CreatedAt.UTC(), r.UpdatedAt.UTC()
	return s
}

// Seller returns payments.ErrUnknown when there is none.
func (s *Store) Seller(ctx context.Context, id string) (payments.Seller, error) {
	var row sellerRow
	err := s.db.Read(ctx).Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return payments.Seller{}, payments.ErrUnknown
	}
	return row.seller(), err
}

// PutSeller makes a seller, or changes all but the CreatedAt of one, and keeps who did it, unless done is nil. One that is as it is to be stays untouched: callers
// say it before each payment.
func (s *Store) PutSeller(ctx context.Context, seller payments.Seller, done *operator.Action) error {
	row := sellerRow(seller)
	if same, err := isSeller(s.db.Read(ctx), row); err != nil || same {
		return err // as it is to be at this moment, without waiting for anybody who changes it
	}
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		if same, err := isSeller(tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}), row); err != nil || same {
			return err
		}
		err := tx.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "id"}},
			DoUpdates: clause.AssignmentColumns([]string{"wallet_address_url", "key_id", "private_key_path", "updated_at"}),
		}).Create(&row).Error
		if err != nil {
			return err
		}
		if done == nil {
			return nil
		}
		return s.insertAction(tx, *done)
	})
}

// isSeller reports whether a seller is as the row has it, but for its times.
func isSeller(query *gorm.DB, row sellerRow) (bool, error) {
	var known sellerRow
	err := query.Where("id = ?", row.ID).Limit(1).Find(&known).Error
	return known.ID == row.ID && known.WalletAddressURL == row.WalletAddressURL && known.KeyID == row.KeyID && known.PrivateKeyPath == row.PrivateKeyPath, err
}

// Sellers are all, by id.
func (s *Store) Sellers(ctx context.Context) ([]payments.Seller, error) {
	var rows []sellerRow
	if err := s.db.Read(ctx).Order("id").Find(&rows).Error; err != nil {
		return nil, err
	}
	all := make([]payments.Seller, len(rows))
	for i, row := range rows {
		all[i] = row.seller()
	}
	return all, nil
}
