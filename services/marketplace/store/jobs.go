package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"tianguis.example/marketplace"
	"tianguis.example/payments/money"
)

type jobRow struct {
	ID                int64
	Title             string
	Description       string
	State             string
	BudgetValue       int64
	BudgetAssetCode   string
	BudgetAssetScale  uint8
	FunderID          int64
	WorkerID          *int64
	MaxApplications   int
	RecruitDays       int
	SubmitDays        int
	Deadline          *time.Time
	AcceptedAt        *time.Time
	PaymentID         string
	ContractCompleted bool
	Version           int64
	CreatedAt         time.Time
	UpdatedAt         time.Time
}

const jobColumns = `j.id, j.title, j.description, j.state, j.budget_value, j.budget_asset_code, j.budget_asset_scale, j.funder_id,
	j.worker_id, j.max_applications, j.recruit_days, j.submit_days, j.deadline, j.accepted_at,
	j.payment_id, j.contract_completed, j.version, j.created_at, j.updated_at`

func (r jobRow) job() (marketplace.Job, error) {
	budget, err := money.New(r.BudgetValue, r.BudgetAssetCode, r.BudgetAssetScale)
	if err != nil {
		return marketplace.Job{}, fmt.Errorf("the budget of job %d: %w", r.ID, err)
	}
	j := marketplace.Job{
		ID: marketplace.JobID(r.ID), Title: r.Title, Description: r.Description, State: marketplace.State(r.State),
		Budget: budget, Funder: marketplace.UserID(r.FunderID), MaxApplications: r.MaxApplications, RecruitDays: r.RecruitDays, SubmitDays: r.SubmitDays,
		Deadline: timeOrNone(r.Deadline), AcceptedAt: timeOrNone(r.AcceptedAt),
		PaymentID: r.PaymentID, ContractCompleted: r.ContractCompleted, Version: r.Version,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if r.WorkerID != nil {
		j.Worker = marketplace.UserID(*r.WorkerID)
	}
	return j, nil
}

func timeOrNone(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// CreateJob adds a job with its history and returns the number.
func (s *Store) CreateJob(ctx context.Context, j marketplace.Job, history []marketplace.Entry) (marketplace.JobID, error) {
	return s.ImportJob(ctx, j, history, nil)
}

// ImportJob adds a job together with what has become of it already: changes that were decided one upon the other, from version 1 on.
func (s *Store) ImportJob(ctx context.Context, j marketplace.Job, history []marketplace.Entry, life []marketplace.Change) (marketplace.JobID, error) {
	var id int64
	err := s.db.Transact(ctx, func(tx *gorm.DB) error {
		err := tx.Raw(`INSERT INTO jobs (title, description, state, budget_value, budget_asset_code, budget_asset_scale, funder_id, worker_id,
			max_applications, recruit_days, submit_days, deadline, next_at, accepted_at, payment_id, contract_completed, version, created_at, updated_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?) RETURNING id`,
			j.Title, j.Description, string(j.State), j.Budget.Value(), j.Budget.AssetCode(), j.Budget.AssetScale(), int64(j.Funder), orNull(j.Worker),
			j.MaxApplications, j.RecruitDays, j.SubmitDays, timeOrNull(j.Deadline), timeOrNull(j.Deadline), timeOrNull(j.AcceptedAt),
			j.PaymentID, j.ContractCompleted, j.CreatedAt, j.UpdatedAt).Scan(&id).Error
		if err != nil {
			return err
		}
		if err := insertHistory(tx, marketplace.JobID(id), history); err != nil {
			return err
		}
		for _, c := range life {
			c.Before.ID = marketplace.JobID(id)
			if err := recordJob(tx, c); err != nil {
				return err
			}
		}
		return nil
	})
	return marketplace.JobID(id), err
}

// insertHistory is how every line comes into a job's history, and tells those whom it concerns.
func insertHistory(tx *gorm.DB, id marketplace.JobID, entries []marketplace.Entry) error {
	for _, e := range entries {
		err := tx.Exec(`INSERT INTO job_history (job_id, at, user_id, event, from_state, to_state, detail) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			int64(id), e.At, orNull(e.By), e.Event, string(e.From), string(e.To), e.Detail).Error
		if err != nil {
			return err
		}
	}
	return tell(tx, id, entries)
}

// Job returns a job for the rules, whoever asks; CodeNotFound when there is none.
func (s *Store) Job(ctx context.Context, id marketplace.JobID) (marketplace.Job, error) {
	return readJob(s.db.Read(ctx), id)
}

func readJob(tx *gorm.DB, id marketplace.JobID) (marketplace.Job, error) {
	var row jobRow
	found, err := one(tx, &row, "SELECT "+jobColumns+" FROM jobs j WHERE j.id = ?", int64(id))
	if err != nil {
		return marketplace.Job{}, err
	}
	if !found {
		return marketplace.Job{}, marketplace.NotFound("There is no such job.")
	}
	return row.job()
}
