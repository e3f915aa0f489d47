package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"gorm.io/gorm"

	"tianguis.example/chassis/canonical"
	"tianguis.example/marketplace"
)

// What operators do is one chain, numbered from 1. An action's hash is over all that it says, its number and the hash before it, and one row says
// where the chain ends. No method changes or removes an action; triggers stop a hand that would. docs/decisions/0011-what-operators-do-is-one-chain.md
// has what this finds, and what not.

type actionRow struct {
	Number  int64
	At      time.Time
	UserID  *int64
	Name    string
	Action  string
	Subject string
	Reason  string
	Detail  string
	Hash    string
}

func (r actionRow) action() marketplace.OperatorAction {
	a := marketplace.OperatorAction{
		Number: r.Number, At: r.At.UTC(), By: marketplace.Actor{Name: r.Name}, Event: r.Action, Subject: marketplace.Subject(r.Subject),
		Reason: r.Reason, Detail: r.Detail, Hash: r.Hash,
	}
	if r.UserID != nil {
		a.By.ID = marketplace.UserID(*r.UserID)
	}
	return a
}

// hashAfter is the hash of an action that comes after the one whose hash is before.
func hashAfter(before string, a marketplace.OperatorAction) string {
	sum := sha256.New()
	canonical.Write(sum, a.Number, a.At.UnixMicro(), int64(a.By.ID), a.By.Name, a.Event, string(a.Subject), a.Reason, a.Detail, before)
	return hex.EncodeToString(sum.Sum(nil))
}

// broken stands for the hash before an action when the end did not agree with the actions: the chain goes on, since operators must, and verifying
// it finds the place for ever.
const broken = "broken"

type chainEnd struct {
	Number int64
	Hash   string
}

// appendActions is the only place where the operators' audit trail is written. Whoever appends holds the row of its end until the transaction is
// over: what operators do happens one after the other.
func appendActions(tx *gorm.DB, actions ...marketplace.OperatorAction) (last int64, err error) {
	for _, a := range actions {
		var said, last chainEnd
		if err := tx.Raw("UPDATE operator_actions_end SET number = number + 1 WHERE one = 1 RETURNING number - 1 AS number, hash").Scan(&said).Error; err != nil {
			return 0, err
		}
		if _, err := one(tx, &last, "SELECT number, hash FROM operator_actions ORDER BY number DESC LIMIT 1"); err != nil {
			return 0, err
		}
		before := last.Hash
		if said != last {
			before = broken
		}
		a.At = a.At.Truncate(time.Microsecond) // as databases keep it
		a.Number = max(said.Number, last.Number) + 1
		a.Hash = hashAfter(before, a)
		err = tx.Exec("INSERT INTO operator_actions (number, at, user_id, name, action, subject, reason, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			a.Number, a.At, orNull(a.By.ID), a.By.Name, a.Event, string(a.Subject), a.Reason, a.Detail, a.Hash).Error
		if err != nil {
			return 0, err
		}
		if err := tx.Exec("UPDATE operator_actions_end SET number = ?, hash = ? WHERE one = 1", a.Number, a.Hash).Error; err != nil {
			return 0, err
		}
	}
	err = tx.Raw("SELECT number FROM operator_actions_end WHERE one = 1").Scan(&last).Error
	return last, err
}

// RecordAction keeps what an operator did that changes nothing else.
func (s *Store) RecordAction(ctx context.Context, a marketplace.OperatorAction) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		_, err := appendActions(tx, a)
		return err
	})
}

// RecordLook keeps that an operator looked at something, unless the same one did so since.
func (s *Store) RecordLook(ctx context.Context, a marketplace.OperatorAction, since time.Time) error {
	var looked int64
	err := s.db.Read(ctx).Raw(`SELECT COUNT(*) FROM (SELECT at, user_id, action FROM operator_actions WHERE subject = ? ORDER BY number DESC LIMIT 50) newest
		WHERE user_id = ? AND action = ? AND at > ?`, string(a.Subject), int64(a.By.ID), a.Event, since).Scan(&looked).Error
	if err != nil || looked > 0 {
		return err
	}
	return s.RecordAction(ctx, a)
}

// LookedInto keeps what an operator found out about a line of a job's history that needs a person. CodeNotFound when there is no such line,
// CodeWrongState when somebody was faster.
func (s *Store) LookedInto(ctx context.Context, entry int64, a marketplace.OperatorAction) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		var line struct {
			JobID int64
			Event string
		}
		found, err := one(tx, &line, "SELECT job_id, event FROM job_history WHERE id = ? AND event IN "+oddEvents, entry)
		switch {
		case err != nil:
			return err
		case !found:
			return marketplace.NotFound("There is nothing here that needs a person.")
		}
		a.Subject, a.Detail = marketplace.AboutJob(marketplace.JobID(line.JobID)), line.Event
		number, err := appendActions(tx, a)
		if err != nil {
			return err
		}
		taken := tx.Exec("INSERT INTO looked_into (history_id, number) VALUES (?, ?) ON CONFLICT DO NOTHING", entry, number)
		if taken.Error == nil && taken.RowsAffected == 0 {
			return &marketplace.Error{Code: marketplace.CodeWrongState, Message: "Somebody has looked into this already."}
		}
		return taken.Error
	})
}

// OperatorActions are those that the filter asks for, the newest first, up to limit.
func (s *Store) OperatorActions(ctx context.Context, f marketplace.ActionsFilter, limit int) ([]marketplace.OperatorAction, error) {
	var q query
	q.when(f.Event != "", "action = ?", f.Event)
	q.when(f.By != 0, "user_id = ?", int64(f.By))
	q.when(f.Subject != "", "subject = ?", string(f.Subject))
	q.when(f.Before != 0, "number < ?", f.Before)
	return s.actions(ctx, q.where()+" ORDER BY number DESC LIMIT ?", append(q.args, limit)...)
}

func (s *Store) actions(ctx context.Context, where string, args ...any) ([]marketplace.OperatorAction, error) {
	var rows []actionRow
	err := s.db.Read(ctx).Raw("SELECT number, at, user_id, name, action, subject, reason, detail, hash FROM operator_actions "+where, args...).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	all := make([]marketplace.OperatorAction, len(rows))
	for i, r := range rows {
		all[i] = r.action()
	}
	return all, nil
}
