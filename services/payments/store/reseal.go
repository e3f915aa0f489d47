package store

import (
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"
)

// Resealed is what resealing did.
type Resealed struct {
	Key      string   `json:"key"`      // the id of the current key
	Resealed int64    `json:"resealed"` // payments that were written by an older key, and are now by the current one
	Failed   []string `json:"failed"`   // payments that could not be, with the reason; the first thousand
	Left     int64    `json:"left"`     // payments that an older key is still needed for
}

// sealedColumns are all that Keys.close has written.
var sealedColumns = []string{"client_nonce_sealed", "continue_token_sealed", "interact_ref_sealed", "access_token_sealed"}

const (
	resealBatch = 100
	resealTries = 10
)

// Reseal seals with the current key what was sealed with an older one, and signs the heads of the audit chains anew, so that the older key can be removed
// once there is a checkpoint of the current key too. The service may go on meanwhile, and it may be called again.
func (s *Store) Reseal(ctx context.Context) (Resealed, error) {
	done := Resealed{Key: s.keys.current().id, Failed: []string{}}
	for after := ""; ; {
		var ids []string
		query := s.older(s.db.Read(ctx)).Where("id > ?", after).Order("id").Limit(resealBatch)
		if err := query.Pluck("id", &ids).Error; err != nil {
			return done, err
		}
		for _, id := range ids {
			changed, err := s.resealPayment(ctx, id)
			if ctx.Err() != nil {
				return done, ctx.Err()
			}
			if err != nil && len(done.Failed) < maxFindings {
				done.Failed = append(done.Failed, fmt.Sprintf("payment %s: %v", id, err))
			}
			if changed {
				done.Resealed++
			}
			after = id
		}
		if len(ids) < resealBatch {
			return done, s.older(s.db.Read(ctx)).Count(&done.Left).Error
		}
	}
}

// older are the payments that hold something of another key than the current one.
func (s *Store) older(query *gorm.DB) *gorm.DB {
	k := s.keys.current()
	where := []string{"(audit_head <> '' AND audit_head NOT LIKE ?)"}
	values := []any{k.id + ":%"}
	for _, column := range sealedColumns {
		where = append(where, "("+column+" <> '' AND "+column+" NOT LIKE ?)")
		values = append(values, sealedBy(k)+"%")
	}
	return query.Model(&paymentRow{}).Where("("+strings.Join(where, " OR ")+")", values...)
}

// resealPayment writes one payment's row anew. The version is the fence, and stays: whoever has the payment in hand has the same secrets, and writes
// them with its own key.
func (s *Store) resealPayment(ctx context.Context, id string) (changed bool, err error) {
	for range resealTries {
		var row paymentRow
		if err := s.db.Read(ctx).Where("id = ?", id).Take(&row).Error; err != nil {
			return false, err
		}
		p, err := s.payment(row)
		if err != nil {
			return false, err
		}
		sealed := s.paymentToRow(p)
		values := map[string]any{
			"client_nonce_sealed": sealed.ClientNonceSealed, "continue_token_sealed": sealed.ContinueTokenSealed,
			"interact_ref_sealed": sealed.InteractRefSealed, "access_token_sealed": sealed.AccessTokenSealed,
		}
		if row.AuditHead != "" {
			if values["audit_head"], err = s.resignedHead(ctx, row.ID); err != nil {
				return false, err
			}
		}
		err = s.db.Transact(ctx, func(tx *gorm.DB) error {
			updated := tx.Model(&paymentRow{}).Where("id = ? AND version = ? AND audit_head = ?", row.ID, row.Version, row.AuditHead).Updates(values)
			changed = updated.RowsAffected == 1
			return updated.Error
		})
		if err != nil || changed {
			return changed && err == nil, err
		}
	}
	return false, fmt.Errorf("it changes faster than it can be written: try again")
}

// resignedHead is the head of a payment's chain by the current key; never of one that does not verify.
func (s *Store) resignedHead(ctx context.Context, id string) (string, error) {
	end, err := endOf(s.db.Read(ctx), id)
	if err != nil {
		return "", err
	}
	if end.Number != end.AuditEvents || !s.keys.isHead(end.AuditHead, id, end.Number, end.Hash) {
		return "", fmt.Errorf("its audit trail does not verify: see payments audit verify")
	}
	return s.keys.current().head(id, end.Number, end.Hash), nil
}
