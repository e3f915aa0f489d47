package store

import (
	"context"
	"crypto/sha256"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tianguis.example/chassis/canonical"
	"tianguis.example/payments"
	"tianguis.example/payments/operator"
)

// What operators did is one chain: each action's hash is over all that it says and the hash before it, and a row of audit_chains keeps the signed
// head. The hashes need no key, so that a key can be replaced; the head does, so that nobody without it can change, insert or remove an
// action: whatever they do ends in another head.

// operatorsChain is the chain's name, in audit_chains and under its head's signature. It is no payment's id.
const operatorsChain = "operators"

type actionRow struct {
	Number  int64 `gorm:"primaryKey;autoIncrement:false"`
	At      time.Time
	Door    string
	Name    string
	KeyID   string // the fingerprint of the API key
	Kind    string
	Subject string
	Detail  string
	Hash    string
}

func (actionRow) TableName() string { return "operator_actions" }

func (r actionRow) action() operator.Action {
	return operator.Action{
		Number: r.Number, At: r.At.UTC(), By: operator.Operator{Door: operator.Door(r.Door), Name: r.Name, Key: r.KeyID},
		Kind: operator.Kind(r.Kind), Subject: r.Subject, Detail: r.Detail,
	}
}

// hashAfter is the action's hash when before is that of the one before it.
func (r actionRow) hashAfter(before string) string {
	sum := sha256.New()
	canonical.Write(sum, "action", r.Number, r.At.UnixMicro(), r.Door, r.Name, r.KeyID, r.Kind, r.Subject, r.Detail, before)
	return hexSum(sum)
}

// operatorsEndRow is where the chain ends: as its row says, and as the actions do.
type operatorsEndRow struct {
	Events int64
	Head   string
	Number int64
	Hash   string
}

// operatorsEnd reads where the chain ends, and keeps others from moving it until the transaction is over.
func operatorsEnd(tx *gorm.DB) (end operatorsEndRow, err error) {
	err = tx.Table("audit_chains").Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate}).Where("name = ?", operatorsChain).Select("events, head").Take(&end).Error
	if err != nil {
		return end, err
	}
	var last actionRow
	err = tx.Order("number DESC").Limit(1).Find(&last).Error
	end.Number, end.Hash = last.Number, last.Hash
	return end, err
}

func moveOperatorsEnd(tx *gorm.DB, events int64, head string) error {
	return tx.Table("audit_chains").Where("name = ?", operatorsChain).Updates(map[string]any{"events": events, "head": head}).Error
}

// endHolds reports whether the row agrees with the actions.
func (ks Keys) endHolds(end operatorsEndRow) bool {
	return end.Events == end.Number && (end.Number == 0 || ks.isHead(end.Head, operatorsChain, end.Number, end.Hash))
}

// insertAction writes an action at the end of the chain, within the transaction of what it tells of.
func (s *Store) insertAction(tx *gorm.DB, a operator.Action) error {
	end, err := operatorsEnd(tx)
	if err != nil {
		return err
	}
	row := actionRow{
		Number: max(end.Events, end.Number) + 1, At: a.At.Truncate(time.Microsecond), Door: string(a.By.Door), Name: plain(a.By.Name), KeyID: a.By.Key,
		Kind: string(a.Kind), Subject: plain(a.Subject), Detail: plain(a.Detail),
	}
	before := end.Hash
	if !s.keys.endHolds(end) {
		before = broken
	}
	row.Hash = row.hashAfter(before)
	if err := tx.Create(&row).Error; err != nil {
		return err
	}
	return moveOperatorsEnd(tx, row.Number, s.keys.current().head(operatorsChain, row.Number, row.Hash))
}

// RecordAction keeps what an operator is about to do, where that is no transaction of this store.
func (s *Store) RecordAction(ctx context.Context, a operator.Action) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error { return s.insertAction(tx, a) })
}

// Actions are up to limit that the filter picks, newest first.
func (s *Store) Actions(ctx context.Context, f operator.Filter, limit int) ([]operator.Action, error) {
	query := s.db.Read(ctx).Order("number DESC").Limit(limit)
	for _, is := range []struct{ column, value string }{{"kind", string(f.Kind)}, {"door", string(f.Door)}, {"subject", f.Subject}} {
		if is.value != "" {
			query = query.Where(is.column+" = ?", is.value)
		}
	}
	if !f.Since.IsZero() {
		query = query.Where("at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		query = query.Where("at < ?", f.Until)
	}
	if f.Before > 0 {
		query = query.Where("number < ?", f.Before)
	}
	var rows []actionRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, err
	}
	all := make([]operator.Action, len(rows))
	for i, r := range rows {
		all[i] = r.action()
	}
	return all, nil
}

// verifyActions checks the chain of what operators did, a batch at a time.
func (s *Store) verifyActions(ctx context.Context, report *payments.AuditReport) error {
	// The end first: what is done meanwhile comes after it.
	var kept operatorsEndRow
	if err := s.db.Read(ctx).Table("audit_chains").Where("name = ?", operatorsChain).Select("events, head").Take(&kept).Error; err != nil {
		return err
	}
	find := func(problem payments.AuditProblem, number int64, detail string) {
		report.Add(payments.AuditFinding{Problem: problem, Action: number, Detail: detail})
	}
	for {
		var rows []actionRow
		if err := s.db.Read(ctx).Where("number > ? AND number <= ?", kept.Number, kept.Events).Order("number").Limit(eventBatch).Find(&rows).Error; err != nil {
			return err
		}
		for _, row := range rows {
			report.Actions++
			switch {
			case row.Number != kept.Number+1:
				find(payments.EventMissing, kept.Number+1, "actions of operators are missing before this one: "+numbers(kept.Number+1, row.Number-1))
			case same(row.Hash, row.hashAfter(kept.Hash)):
			case same(row.Hash, row.hashAfter(broken)):
				find(payments.EventChanged, row.Number, "when this action of an operator was written, those before it were not those that had been written")
			default:
				find(payments.EventChanged, row.Number, "this action of an operator is not what was written, or does not follow the one before it")
			}
			kept.Number, kept.Hash = row.Number, row.Hash
		}
		if len(rows) < eventBatch {
			break
		}
	}
	_, known := s.keys.headKey(kept.Head)
	switch {
	case kept.Events > kept.Number:
		find(payments.EventMissing, kept.Number+1, "the last actions of operators are missing: "+numbers(kept.Number+1, kept.Events))
	case kept.Number > 0 && !known:
		find(payments.KeyUnknown, kept.Number, "the key that signed the chain of what operators did is not in TOKEN_ENCRYPTION_KEY")
	case !s.keys.endHolds(kept):
		find(payments.HeadDiffers, kept.Number, "the end of the chain of what operators did is not what was signed")
	}
	return s.findExtraActions(ctx, kept.Events, report)
}

// findExtraActions finds actions beyond the end that a row of the chain knew, when none was written meanwhile.
func (s *Store) findExtraActions(ctx context.Context, known int64, report *payments.AuditReport) error {
	var now struct {
		Events int64
		Last   int64
	}
	err := s.db.Read(ctx).Raw(`SELECT events, (SELECT COALESCE(MAX(number), 0) FROM operator_actions) AS last FROM audit_chains WHERE name = ?`, operatorsChain).Scan(&now).Error
	if err == nil && now.Events >= known && now.Last > now.Events {
		report.Add(payments.AuditFinding{Problem: payments.EventExtra, Action: now.Last, Detail: "there are actions of operators beyond the end of their chain: " + numbers(now.Events+1, now.Last)})
	}
	return err
}
