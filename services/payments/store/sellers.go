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
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		var known sellerRow
		if err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Where("id = ?", row.ID).Limit(1).Find(&known).Error; err != nil {
			return err
		}
		if known.ID == row.ID && known.WalletAddressURL == row.WalletAddressURL && known.KeyID == row.KeyID && known.PrivateKeyPath == row.PrivateKeyPath {
			return nil
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
