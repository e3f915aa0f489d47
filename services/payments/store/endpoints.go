package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/webhook"
)

type endpointRow struct {
	ID             string
	URL            string `gorm:"column:url"`
	Description    string
	EventTypes     string // separated by commas; "" for all
	DisabledAt     *time.Time
	DisabledReason string
	CreatedAt      time.Time `gorm:"autoCreateTime:false"`
	UpdatedAt      time.Time `gorm:"autoUpdateTime:false"`
}

func (endpointRow) TableName() string { return "webhook_endpoints" }

func (r endpointRow) endpoint() outbox.Endpoint {
	e := outbox.Endpoint{
		ID: r.ID, URL: r.URL, Description: r.Description, DisabledAt: certain(r.DisabledAt), DisabledReason: r.DisabledReason,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	for _, t := range strings.FieldsFunc(r.EventTypes, func(r rune) bool { return r == ',' }) {
		e.Types = append(e.Types, webhook.Type(t))
	}
	return e
}

func endpointToRow(e outbox.Endpoint) endpointRow {
	types := make([]string, len(e.Types))
	for i, t := range e.Types {
		types[i] = string(t)
	}
	return endpointRow{
		ID: e.ID, URL: e.URL, Description: e.Description, EventTypes: strings.Join(types, ","), DisabledAt: maybe(e.DisabledAt),
		DisabledReason: e.DisabledReason, CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
	}
}

// Endpoints are all, the configured one first.
func (s *Store) Endpoints(ctx context.Context) ([]outbox.Endpoint, error) {
	return endpoints(s.db.Read(ctx))
}

func endpoints(query *gorm.DB) ([]outbox.Endpoint, error) {
	var rows []endpointRow
	if err := query.Order("id DESC").Find(&rows).Error; err != nil { // ULIDs begin with a digit
		return nil, err
	}
	all := make([]outbox.Endpoint, len(rows))
	for i, row := range rows {
		all[i] = row.endpoint()
	}
	return all, nil
}

// Endpoint returns outbox.CodeUnknownEndpoint when there is none.
func (s *Store) Endpoint(ctx context.Context, id string) (outbox.Endpoint, error) {
	return endpoint(s.db.Read(ctx), id)
}

func endpoint(query *gorm.DB, id string) (outbox.Endpoint, error) {
	var row endpointRow
	err := query.Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return outbox.Endpoint{}, outbox.Errorf(outbox.CodeUnknownEndpoint, "there is no webhook endpoint with this id")
	}
	return row.endpoint(), err
}

// AddEndpoint makes an endpoint with its secret. It returns outbox.CodeTooManyEndpoints when there are most already.
func (s *Store) AddEndpoint(ctx context.Context, e outbox.Endpoint, secret outbox.Secret, most int, done operator.Action) error {
	row, sealed := endpointToRow(e), s.secretToRow(secret)
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		var n int64
		if err := tx.Model(&endpointRow{}).Count(&n).Error; err != nil {
			return err
		}
		if n >= int64(most) {
			return outbox.Errorf(outbox.CodeTooManyEndpoints, "there are %d webhook endpoints already, and can be no more: remove one first", n)
		}
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		if err := tx.Create(&sealed).Error; err != nil {
			return err
		}
		return s.insertAction(tx, done)
	})
}

// ChangeEndpoint changes all of an endpoint but its CreatedAt. It returns outbox.CodeUnknownEndpoint when there is none any more.
func (s *Store) ChangeEndpoint(ctx context.Context, e outbox.Endpoint, done operator.Action) error {
	row := endpointToRow(e)
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		changed := tx.Model(&endpointRow{}).Where("id = ?", e.ID).
			Select("url", "description", "event_types", "disabled_at", "disabled_reason", "updated_at").Updates(&row)
		if changed.Error == nil && changed.RowsAffected == 0 {
			return outbox.Errorf(outbox.CodeUnknownEndpoint, "there is no webhook endpoint with this id")
		}
		if changed.Error != nil {
			return changed.Error
		}
		return s.insertAction(tx, done)
	})
}

// RemoveEndpoint removes an endpoint with its secrets, and ends what is pending for it. The log of its deliveries stays.
func (s *Store) RemoveEndpoint(ctx context.Context, id string, done operator.Action) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		if _, err := endpoint(tx, id); err != nil {
			return err
		}
		for _, statement := range []*gorm.DB{
			tx.Where("id = ?", id).Delete(&endpointRow{}),
			tx.Where("endpoint_id = ?", id).Delete(&secretRow{}),
			tx.Model(&deliveryRow{}).Where("endpoint_id = ? AND state = ?", id, string(outbox.Pending)).
				Updates(map[string]any{"state": string(outbox.Dead), "next_at": nil, "ended_at": done.At}),
		} {
			if statement.Error != nil {
				return statement.Error
			}
		}
		return s.insertAction(tx, done)
	})
}

// Configure writes the configured endpoint's address and secrets as the configuration has them, and returns the secrets that are kept of it. A secret
// that was replaced stays so, and so does the one that replaced it, whatever the configuration names; any other that it names no more is forgotten.
func (s *Store) Configure(ctx context.Context, url string, secrets webhook.Secrets, now time.Time) ([]outbox.Secret, error) {
	var kept []secretRow
	err := s.db.Transact(ctx, func(tx *gorm.DB) error {
		moved := tx.Model(&endpointRow{}).Where("id = ? AND url <> ?", outbox.Configured, url).Updates(map[string]any{"url": url, "updated_at": now})
		if moved.Error != nil {
			return moved.Error
		}
		var known []secretRow
		if err := tx.Where("endpoint_id = ?", outbox.Configured).Find(&known).Error; err != nil {
			return err
		}
		of := map[string]bool{}
		for _, row := range known {
			of[row.Fingerprint] = true
		}
		named := []string{""}
		for _, secret := range secrets {
			row := s.secretToRow(outbox.Secret{EndpointID: outbox.Configured, Secret: secret, Configured: true, CreatedAt: now})
			named = append(named, row.Fingerprint)
			if of[row.Fingerprint] {
				continue
			}
			if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error; err != nil {
				return err
			}
		}
		ours := tx.Where("endpoint_id = ?", outbox.Configured).Session(&gorm.Session{})
		for _, statement := range []*gorm.DB{
			// What a rotation made or replaced is not the configuration's to forget: another replica may still have an older one.
			ours.Where("configured = ? AND rotated = ? AND expires_at IS NULL AND fingerprint NOT IN ?", true, false, named).Delete(&secretRow{}),
			ours.Model(&secretRow{}).Where("fingerprint NOT IN ?", named).Update("configured", false),
			ours.Model(&secretRow{}).Where("fingerprint IN ?", named).Update("configured", true),
		} {
			if statement.Error != nil {
				return statement.Error
			}
		}
		kept = nil
		return tx.Where("endpoint_id = ?", outbox.Configured).Order("created_at, fingerprint").Find(&kept).Error
	})
	if err != nil {
		return nil, err
	}
	return s.secrets(kept)
}
