package store

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tianguis.example/payments"
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

// PutSeller makes a seller, or changes all but the CreatedAt of one.
func (s *Store) PutSeller(ctx context.Context, seller payments.Seller) error {
	row := sellerRow(seller)
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{
			Columns:   []clause.Column{{Name: "id"}},
			DoUpdates: clause.AssignmentColumns([]string{"wallet_address_url", "key_id", "private_key_path", "updated_at"}),
		}).Create(&row).Error
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
