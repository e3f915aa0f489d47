package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Resealed is what resealing did.
type Resealed struct {
	Key      string   `json:"key"`      // the id of the current key
	Resealed int64    `json:"resealed"` // payments, webhook secrets, API keys and kept answers that were written by an older key, and are now by the current one
	Failed   []string `json:"failed"`   // those that could not be, with the reason; the first thousand
	Left     int64    `json:"left"`     // those that an older key is still needed for
}

const maxFailed = 1000

func (r *Resealed) fail(what string, err error) {
	if len(r.Failed) < maxFailed {
		r.Failed = append(r.Failed, fmt.Sprintf("%s: %v", what, err))
	}
}

// sealedColumns are all of a payment that Keys.close has written.
var sealedColumns = []string{"client_nonce_sealed", "continue_token_sealed", "interact_ref_sealed", "access_token_sealed"}

const resealBatch = 1000

// Reseal seals with the current key what was sealed with an older one, and signs the heads of the audit chains anew, so that the older key can be removed
// once there is a checkpoint of the current key too. The service may go on meanwhile, and it may be called again.
func (s *Store) Reseal(ctx context.Context) (Resealed, error) {
	done := Resealed{Key: s.keys.current().id, Failed: []string{}}
	if err := s.resealPayments(ctx, &done); err != nil {
		return done, err
	}
	if err := s.resealWebhookSecrets(ctx, &done); err != nil {
		return done, err
	}
	if err := s.resealAPIKeys(ctx, &done); err != nil {
		return done, err
	}
	if err := s.resealOperators(ctx, &done); err != nil {
		return done, err
	}
	return done, s.resealAnswers(ctx, &done)
}

// resealOperators signs the head of the chain of what operators did.
func (s *Store) resealOperators(ctx context.Context, done *Resealed) error {
	var signed, wrong bool
	err := s.db.Transact(ctx, func(tx *gorm.DB) error {
		signed, wrong = false, false
		end, err := operatorsEnd(tx)
		if err != nil || end.Events == 0 || strings.HasPrefix(end.Head, s.keys.current().id+":") {
			return err
		}
		if !s.keys.endHolds(end) {
			wrong = true
			return nil
		}
		signed = true
		return moveOperatorsEnd(tx, end.Events, s.keys.current().head(operatorsChain, end.Number, end.Hash))
	})
	if wrong {
		done.fail("the chain of what operators did", errors.New("it does not verify: see payments audit verify"))
	}
	if err == nil && signed {
		done.Resealed++
	}
	return err
}

func (s *Store) resealPayments(ctx context.Context, done *Resealed) error {
	err := s.eachOlder(ctx, func(id string) error {
		err := s.resealPayment(ctx, id)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			done.fail("payment "+id, err)
		} else {
			done.Resealed++
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.eachOlder(ctx, func(string) error { done.Left++; return nil })
}

// eachOlder hands on the ids of the payments that hold something of another key than the current one. It reads all there are, so many in one statement.
func (s *Store) eachOlder(ctx context.Context, see func(id string) error) error {
	k := s.keys.current()
	where := []string{"(audit_head <> '' AND audit_head NOT LIKE ?)"}
	values := []any{k.id + ":%"}
	for _, column := range sealedColumns {
		where = append(where, "("+column+" <> '' AND "+column+" NOT LIKE ?)")
		values = append(values, sealedBy(k)+"%")
	}
	for after := ""; ; {
		var page []struct {
			ID    string
			Older bool
		}
		err := s.db.Read(ctx).Model(&paymentRow{}).Select("id, ("+strings.Join(where, " OR ")+") AS older", values...).
			Where("id > ?", after).Order("id").Limit(resealBatch).Scan(&page).Error
		if err != nil {
			return err
		}
		for _, p := range page {
			after = p.ID
			if !p.Older {
				continue
			}
			if err := see(p.ID); err != nil {
				return err
			}
		}
		if len(page) < resealBatch {
			return nil
		}
	}
}

// resealWebhookSecrets takes them all at once: there are a few for each endpoint.
func (s *Store) resealWebhookSecrets(ctx context.Context, done *Resealed) error {
	var rows []secretRow
	if err := s.db.Read(ctx).Where("secret_sealed NOT LIKE ?", sealedBy(s.keys.current())+"%").Find(&rows).Error; err != nil {
		return err
	}
	for _, row := range rows {
		pick := func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&secretRow{}).Where("endpoint_id = ? AND fingerprint = ? AND secret_sealed = ?", row.EndpointID, row.Fingerprint, row.SecretSealed)
		}
		if err := s.resealValue(ctx, pick, "secret_sealed", row.SecretSealed, secretPlace(row.EndpointID, row.Fingerprint), done); err != nil {
			done.fail("webhook secret "+row.Fingerprint, err)
		}
	}
	return ctx.Err()
}

// sealedAnswer is, in the words of the index idempotency_keys_sealed, an answer that holds a secret.
const sealedAnswer = "answer LIKE '" + sealedFormat + "%'"

// resealAnswers takes them all at once: few hold a secret, and none is kept for longer than a day.
func (s *Store) resealAnswers(ctx context.Context, done *Resealed) error {
	var rows []idempotencyRow
	query := s.db.Read(ctx).Where(sealedAnswer+" AND answer NOT LIKE ?", sealedBy(s.keys.current())+"%")
	if err := query.Find(&rows).Error; err != nil {
		return err
	}
	for _, row := range rows {
		pick := func(tx *gorm.DB) *gorm.DB {
			return tx.Model(&idempotencyRow{}).Where("scope = ? AND key = ? AND answer = ?", row.Scope, row.Key, row.Answer)
		}
		if err := s.resealValue(ctx, pick, "answer", row.Answer, answerPlace(row.Scope, row.Key), done); err != nil {
			done.fail("kept answer to "+row.Scope, err)
		}
	}
	return ctx.Err()
}

// resealValue replaces a sealed value of the row that is picked, as long as it is still that one.
func (s *Store) resealValue(ctx context.Context, pick func(*gorm.DB) *gorm.DB, column, sealed, place string, done *Resealed) error {
	text, err := s.keys.open(sealed, place)
	if err != nil {
		done.Left++
		return err
	}
	var changed int64
	err = s.db.Write(ctx, func(tx *gorm.DB) error {
		updated := pick(tx).Updates(map[string]any{column: s.keys.close(text, place)})
		changed = updated.RowsAffected
		return updated.Error
	})
	done.Resealed += changed
	return err
}

// resealPayment writes one payment's row anew. The row is locked meanwhile: a payment that changes all the time has its turn too. The version stays: whoever has
// the payment in hand has the same secrets, and writes them with its own key.
func (s *Store) resealPayment(ctx context.Context, id string) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		var row paymentRow
		if err := tx.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Where("id = ?", id).Take(&row).Error; err != nil {
			return err
		}
		p, err := s.payment(row)
		if err != nil {
			return err
		}
		sealed := s.paymentToRow(p)
		values := map[string]any{
			"client_nonce_sealed": sealed.ClientNonceSealed, "continue_token_sealed": sealed.ContinueTokenSealed,
			"interact_ref_sealed": sealed.InteractRefSealed, "access_token_sealed": sealed.AccessTokenSealed,
		}
		if row.AuditHead != "" {
			if values["audit_head"], err = s.resignedHead(tx, row.ID); err != nil {
				return err
			}
		}
		return tx.Model(&paymentRow{}).Where("id = ?", row.ID).Updates(values).Error
	})
}

// resignedHead is the head of a payment's chain by the current key; never of one that does not verify.
func (s *Store) resignedHead(tx *gorm.DB, id string) (string, error) {
	end, err := endOf(tx, id)
	if err != nil {
		return "", err
	}
	if end.Number != end.AuditEvents || !s.keys.isHead(end.AuditHead, id, end.Number, end.Hash) {
		return "", fmt.Errorf("its audit trail does not verify: see payments audit verify")
	}
	return s.keys.current().head(id, end.Number, end.Hash), nil
}
