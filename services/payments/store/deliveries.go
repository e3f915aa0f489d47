package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"
	"gorm.io/gorm"

	"tianguis.example/payments"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/webhook"
)

type deliveryRow struct {
	ID         string
	EndpointID string
	PendingID  string
	OfferID    string
	EventType  string
	Body       string
	Trace      string
	State      string
	Attempts   int
	Failures   int
	NextAt     *time.Time
	CreatedAt  time.Time `gorm:"autoCreateTime:false"`
	EndedAt    *time.Time
}

func (deliveryRow) TableName() string { return "deliveries" }

func (r deliveryRow) delivery() outbox.Delivery {
	return outbox.Delivery{
		ID: r.ID, EndpointID: r.EndpointID, PendingID: r.PendingID, OfferID: r.OfferID, EventType: r.EventType, Body: []byte(r.Body), Trace: r.Trace,
		State: outbox.State(r.State), Attempts: r.Attempts, Failures: r.Failures,
		NextAt: certain(r.NextAt), CreatedAt: r.CreatedAt.UTC(), EndedAt: certain(r.EndedAt),
	}
}

type attemptRow struct {
	DeliveryID string
	Number     int
	At         time.Time
	URL        string `gorm:"column:url"`
	Status     int
	DurationUs int64
	Excerpt    string
	Error      string
	NextAt     *time.Time
}

func (attemptRow) TableName() string { return "delivery_attempts" }

func (r attemptRow) attempt() outbox.Attempt {
	return outbox.Attempt{
		DeliveryID: r.DeliveryID, Number: r.Number, At: r.At.UTC(), URL: r.URL, Status: r.Status,
		Duration: time.Duration(r.DurationUs) * time.Microsecond, Excerpt: r.Excerpt, Error: r.Error, NextAt: certain(r.NextAt),
	}
}

// insertDeliveries writes an event for each endpoint that wants it, disabled ones too.
func insertDeliveries(tx *gorm.DB, e webhook.Event, trace string, now time.Time) error {
	all, err := endpoints(tx)
	if err != nil {
		return err
	}
	var rows []deliveryRow
	for _, to := range all {
		if !to.Wants(e.Type) {
			continue
		}
		row, err := newDelivery(to.ID, e, now)
		if err != nil {
			return err
		}
		row.Trace = trace
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil
	}
	return tx.Create(&rows).Error
}

func newDelivery(endpointID string, e webhook.Event, now time.Time) (deliveryRow, error) {
	body, err := webhook.Body(e)
	if err != nil {
		return deliveryRow{}, fmt.Errorf("write the webhook: %w", err)
	}
	id, err := ulid.New(ulid.Timestamp(now), rand.Reader)
	if err != nil {
		return deliveryRow{}, fmt.Errorf("make a webhook id: %w", err)
	}
	return deliveryRow{
		ID: id.String(), EndpointID: endpointID, PendingID: e.PendingID, OfferID: e.OfferID, EventType: string(e.Type), Body: string(body),
		State: string(outbox.Pending), NextAt: &now, CreatedAt: now,
	}, nil
}

// AddPing writes a test event to the endpoint.
func (s *Store) AddPing(ctx context.Context, endpointID string, e webhook.Event, done operator.Action) (outbox.Delivery, error) {
	row, err := newDelivery(endpointID, e, e.Timestamp)
	if err != nil {
		return outbox.Delivery{}, err
	}
	return row.delivery(), s.db.Transact(ctx, func(tx *gorm.DB) error {
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return s.insertAction(tx, done)
	})
}

// ClaimDeliveries leases up to n due deliveries of an endpoint until until.
func (s *Store) ClaimDeliveries(ctx context.Context, endpointID string, n int, now, until time.Time) ([]outbox.Delivery, error) {
	var rows []deliveryRow
	// One statement is a transaction of its own, and one round trip.
	err := s.db.Write(ctx, func(tx *gorm.DB) error {
		rows = nil
		return tx.Raw(`WITH due AS MATERIALIZED (SELECT id FROM deliveries WHERE endpoint_id = ? AND next_at <= ? ORDER BY next_at LIMIT ?`+s.lockDue()+`)
			UPDATE deliveries SET next_at = ? WHERE id IN (SELECT id FROM due)
			RETURNING `+columnsOf(tx, &deliveryRow{}), endpointID, now, n, until).Scan(&rows).Error
	})
	if err != nil {
		return nil, err
	}
	return deliveries(rows), nil
}

// RecordAttempts keeps attempts and what became of their deliveries, in one transaction. When the delivery was claimed anew since, or replayed, a
// failure changes nothing; a delivery that was taken is delivered, whoever else is at it. An outcome that is Gone disables its endpoint, if that is still where
// it was sent to.
func (s *Store) RecordAttempts(ctx context.Context, all []outbox.Outcome) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error {
		recorded, err := recordDelivered(tx, all) // by outcome, the attempt's number
		if err != nil {
			return err
		}
		for i, o := range all {
			if o.Delivery.State == outbox.Delivered {
				continue
			}
			d := o.Delivery
			updated := tx.Model(&deliveryRow{}).
				Where("id = ? AND state = ? AND attempts = ? AND next_at = ?", d.ID, string(outbox.Pending), o.Attempt.Number-1, o.Lease).
				Updates(map[string]any{
					"state": string(d.State), "attempts": d.Attempts, "failures": d.Failures, "next_at": maybe(d.NextAt), "ended_at": maybe(d.EndedAt),
				})
			if updated.Error != nil {
				return updated.Error
			}
			if updated.RowsAffected == 0 {
				continue
			}
			recorded[i] = o.Attempt.Number
			if o.Gone == "" {
				continue
			}
			if err := disable(tx, d.EndpointID, o); err != nil {
				return err
			}
		}
		var attempts []attemptRow
		for i, o := range all {
			if a := o.Attempt; recorded[i] > 0 {
				attempts = append(attempts, attemptRow{
					DeliveryID: a.DeliveryID, Number: recorded[i], At: a.At, URL: a.URL, Status: a.Status,
					DurationUs: a.Duration.Microseconds(), Excerpt: a.Excerpt, Error: a.Error, NextAt: maybe(a.NextAt),
				})
			}
		}
		if len(attempts) == 0 {
			return nil
		}
		return tx.Create(&attempts).Error
	})
}

// recordDelivered ends what was delivered, which most is, in one statement. It returns the numbers of the attempts, by the outcome's place.
func recordDelivered(tx *gorm.DB, all []outbox.Outcome) (map[int]int, error) {
	recorded, places := map[int]int{}, map[string]int{}
	var ids []string
	var ended time.Time
	for i, o := range all {
		if _, twice := places[o.Delivery.ID]; twice || o.Delivery.State != outbox.Delivered {
			continue
		}
		places[o.Delivery.ID] = i
		ids = append(ids, o.Delivery.ID)
		if o.Delivery.EndedAt.After(ended) {
			ended = o.Delivery.EndedAt
		}
	}
	if len(ids) == 0 {
		return recorded, nil
	}
	var changed []struct {
		ID       string
		Attempts int
	}
	err := tx.Raw(`UPDATE deliveries SET state = ?, attempts = attempts + 1, next_at = NULL, ended_at = ? WHERE state = ? AND id IN ? RETURNING id, attempts`,
		string(outbox.Delivered), ended, string(outbox.Pending), ids).Scan(&changed).Error
	for _, c := range changed {
		recorded[places[c.ID]] = c.Attempts
	}
	return recorded, err
}

func disable(tx *gorm.DB, endpointID string, o outbox.Outcome) error {
	at := o.Attempt.At.Add(o.Attempt.Duration)
	return tx.Model(&endpointRow{}).Where("id = ? AND url = ? AND disabled_at IS NULL", endpointID, o.Attempt.URL).
		Updates(map[string]any{"disabled_at": at, "disabled_reason": o.Gone, "updated_at": at}).Error
}

// Delivery returns outbox.CodeUnknownDelivery when there is none.
func (s *Store) Delivery(ctx context.Context, id string) (outbox.Delivery, error) {
	return oneDelivery(s.db.Read(ctx), id)
}

func oneDelivery(query *gorm.DB, id string) (outbox.Delivery, error) {
	var row deliveryRow
	err := query.Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return outbox.Delivery{}, outbox.Errorf(outbox.CodeUnknownDelivery, "there is no webhook with this id")
	}
	return row.delivery(), err
}

// Deliveries are those of a payment, oldest first.
func (s *Store) Deliveries(ctx context.Context, id payments.PaymentID) ([]outbox.Delivery, error) {
	var rows []deliveryRow
	if err := s.db.Read(ctx).Where("pending_id = ?", string(id)).Order("id").Find(&rows).Error; err != nil {
		return nil, err
	}
	return deliveries(rows), nil
}

// FindDeliveries are up to limit that the filter picks, newest first.
func (s *Store) FindDeliveries(ctx context.Context, f outbox.Filter, limit int) ([]outbox.Delivery, error) {
	var rows []deliveryRow
	if err := filtered(s.db.Read(ctx), f).Order("id DESC").Limit(limit).Find(&rows).Error; err != nil {
		return nil, err
	}
	return deliveries(rows), nil
}

// undelivered is, in the words of the index deliveries_undelivered, the few that are not delivered: a parameter would not tell the database.
const undelivered = "state IN ('" + string(outbox.Pending) + "', '" + string(outbox.Dead) + "')"

func filtered(query *gorm.DB, f outbox.Filter) *gorm.DB {
	for _, is := range []struct{ column, value string }{
		{"endpoint_id", f.EndpointID}, {"state", string(f.State)}, {"event_type", f.EventType}, {"offer_id", f.OfferID}, {"pending_id", f.PendingID},
	} {
		if is.value != "" {
			query = query.Where(is.column+" = ?", is.value)
		}
	}
	if f.State == outbox.Pending || f.State == outbox.Dead {
		query = query.Where(undelivered)
	}
	// An id begins with the time at which the delivery was made, so that its order is that of the time.
	if !f.Since.IsZero() {
		query = query.Where("id >= ?", firstID(f.Since)).Where("created_at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		query = query.Where("id < ?", firstID(f.Until.Add(time.Millisecond))).Where("created_at < ?", f.Until)
	}
	if f.Before != "" {
		query = query.Where("id < ?", f.Before)
	}
	return query
}

// firstID is the lowest id that can be made at a time.
func firstID(at time.Time) string {
	var id ulid.ULID
	if err := id.SetTime(ulid.Timestamp(at)); err != nil { // beyond the year 10889
		return "Z"
	}
	return id.String()
}

// Standings are how the deliveries of each endpoint that has any stand.
func (s *Store) Standings(ctx context.Context) ([]outbox.Standing, error) {
	var rows []struct {
		EndpointID string
		Pending    int
		Dead       int
		Oldest     *string
	}
	err := s.db.Read(ctx).Raw(`SELECT endpoint_id, SUM(CASE WHEN state = ? THEN 1 ELSE 0 END) AS pending, SUM(CASE WHEN state = ? THEN 1 ELSE 0 END) AS dead,
			MIN(CASE WHEN state = ? THEN id END) AS oldest
		FROM deliveries WHERE `+undelivered+` GROUP BY endpoint_id ORDER BY endpoint_id`,
		string(outbox.Pending), string(outbox.Dead), string(outbox.Pending)).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	all := make([]outbox.Standing, len(rows))
	for i, r := range rows {
		all[i] = outbox.Standing{EndpointID: r.EndpointID, Pending: r.Pending, Dead: r.Dead}
		if r.Oldest == nil {
			continue
		}
		if id, err := ulid.Parse(*r.Oldest); err == nil {
			all[i].Oldest = ulid.Time(id.Time()).UTC()
		}
	}
	return all, nil
}

func deliveries(rows []deliveryRow) []outbox.Delivery {
	all := make([]outbox.Delivery, len(rows))
	for i, row := range rows {
		all[i] = row.delivery()
	}
	return all
}

// Attempts are those of a delivery, in their order.
func (s *Store) Attempts(ctx context.Context, deliveryID string) ([]outbox.Attempt, error) {
	var rows []attemptRow
	if err := s.db.Read(ctx).Where("delivery_id = ?", deliveryID).Order("number").Find(&rows).Error; err != nil {
		return nil, err
	}
	all := make([]outbox.Attempt, len(rows))
	for i, r := range rows {
		all[i] = r.attempt()
	}
	return all, nil
}

// LastAttempts are the last ones of these deliveries, by delivery; one that was never tried has none.
func (s *Store) LastAttempts(ctx context.Context, deliveryIDs []string) (map[string]outbox.Attempt, error) {
	var rows []attemptRow
	err := s.db.Read(ctx).Joins("JOIN deliveries d ON delivery_attempts.delivery_id = d.id AND delivery_attempts.number = d.attempts").
		Where("d.id IN ?", deliveryIDs).Find(&rows).Error
	if err != nil {
		return nil, err
	}
	last := make(map[string]outbox.Attempt, len(rows))
	for _, r := range rows {
		last[r.DeliveryID] = r.attempt()
	}
	return last, nil
}
