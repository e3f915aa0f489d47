package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"tianguis.example/marketplace"
)

// tell keeps what people are told of a job's new history, in the history's own transaction: whatever is recorded is told,
// and nothing else is.
func tell(tx *gorm.DB, id marketplace.JobID, entries []marketplace.Entry) error {
	var all []marketplace.Notification
	for _, e := range entries {
		if !marketplace.TellsAnybody(e.Event) {
			continue
		}
		parties, facts, err := concerned(tx, id, e)
		if err != nil {
			return fmt.Errorf("whom %s of job %s concerns: %w", e.Event, id, err)
		}
		all = append(all, marketplace.Tell(e, parties, facts)...)
	}
	return insertNotifications(tx, all)
}

// concerned reads whom an entry of a job's history may concern, and what there is to say of it.
func concerned(tx *gorm.DB, id marketplace.JobID, e marketplace.Entry) (marketplace.Parties, marketplace.Facts, error) {
	var row lineRow
	if _, err := one(tx, &row, "SELECT "+lineColumns+" FROM jobs j "+linePeople+" WHERE j.id = ?", int64(id)); err != nil {
		return marketplace.Parties{}, marketplace.Facts{}, err
	}
	job, err := row.line()
	if err != nil {
		return marketplace.Parties{}, marketplace.Facts{}, err
	}
	p := marketplace.Parties{Funder: job.Funder, Worker: job.Worker}
	f := marketplace.Facts{JobID: job.ID, Title: job.Title, Budget: job.Budget, Funder: job.FunderName, Worker: job.WorkerName}
	if e.By != 0 {
		if err := tx.Raw("SELECT name FROM users WHERE id = ?", int64(e.By)).Scan(&f.By).Error; err != nil {
			return p, f, err
		}
	}
	if marketplace.TellsApplicants(e.Event) {
		err := tx.Raw("SELECT worker_id FROM job_applications WHERE job_id = ? AND withdrawn_at IS NULL ORDER BY applied_at, worker_id", int64(id)).Scan(&p.Applicants).Error
		if err != nil {
			return p, f, err
		}
	}
	if marketplace.TellsOperators(e.Event) {
		if err := tx.Raw("SELECT id FROM users WHERE operator AND disabled_at IS NULL").Scan(&p.Operators).Error; err != nil {
			return p, f, err
		}
	}
	return p, f, nil
}

// toldAtOnce is how many people are told in one statement: a job may have many applicants, and a statement has room for some ten thousand values.
const toldAtOnce = 100

// insertNotifications keeps notifications, and the messages that go out for them: all that is told goes through it, in the
// transaction of what it tells of. The site and the messages are read by others.
func insertNotifications(tx *gorm.DB, all []marketplace.Notification) error {
	for some := range slices.Chunk(all, toldAtOnce) {
		var shown [][]any
		var ids []marketplace.UserID
		for _, n := range some {
			ids = append(ids, n.To)
			if !n.Kind.InSite() {
				continue
			}
			facts, err := json.Marshal(n.Facts)
			if err != nil {
				return err
			}
			shown = append(shown, []any{int64(n.To), string(n.Kind), string(facts), n.At})
		}
		if err := insertRows(tx, "notifications (user_id, kind, facts, at)", shown); err != nil {
			return err
		}
		people, err := addressees(tx, ids)
		if err != nil {
			return err
		}
		var messages []marketplace.Message
		for _, n := range some {
			to, known := people[n.To]
			if !known {
				return fmt.Errorf("tell person %d: there is none", n.To)
			}
			messages = append(messages, n.Messages(to)...)
		}
		if err := insertMessages(tx, messages...); err != nil {
			return err
		}
	}
	return nil
}

// insertLetter keeps a message about an account to a mailbox, whoever reads it. No preference is about those.
func insertLetter(tx *gorm.DB, m marketplace.Message) error {
	if m.Kind.InSite() {
		return fmt.Errorf("%s is for a person, and not for a mailbox", m.Kind)
	}
	return insertMessages(tx, m)
}

// addressees are how these people are reached.
func addressees(tx *gorm.DB, ids []marketplace.UserID) (map[marketplace.UserID]marketplace.Addressee, error) {
	var rows []struct {
		ID                                   int64
		Email, Name, Language, Phone, Wanted string
	}
	err := tx.Raw(`SELECT u.id, u.email, u.name, u.language, COALESCE(p.phone, '') AS phone, COALESCE(p.wanted, '{}') AS wanted
		FROM users u LEFT JOIN notification_preferences p ON p.user_id = u.id WHERE u.id IN ?`, ids).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	all := make(map[marketplace.UserID]marketplace.Addressee, len(rows))
	for _, r := range rows {
		a := marketplace.Addressee{
			ID: marketplace.UserID(r.ID), Email: r.Email, Name: r.Name, Language: cmp.Or(r.Language, "en"), Preferences: marketplace.Preferences{Phone: r.Phone},
		}
		if err := json.Unmarshal([]byte(r.Wanted), &a.Preferences.Wanted); err != nil {
			return nil, fmt.Errorf("what person %d wants to be told: %w", r.ID, err)
		}
		all[a.ID] = a
	}
	return all, nil
}

// Notify tells people something that is about no job, such as a new password.
func (s *Store) Notify(ctx context.Context, all ...marketplace.Notification) error {
	return s.db.Transact(ctx, func(tx *gorm.DB) error { return insertNotifications(tx, all) })
}

// NotificationsOf are up to n of what a person was told, the newest first, older than before; from the newest on when that is 0.
func (s *Store) NotificationsOf(ctx context.Context, viewer marketplace.UserID, before int64, n int) ([]marketplace.Notification, error) {
	where, args := "", []any{int64(viewer)}
	if before > 0 {
		where, args = " AND id < ?", append(args, before)
	}
	var rows []notificationRow
	err := s.db.Read(ctx).Raw("SELECT "+notificationColumns+" FROM notifications WHERE user_id = ?"+where+" ORDER BY id DESC LIMIT ?", append(args, n)...).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	all := make([]marketplace.Notification, len(rows))
	for i, row := range rows {
		if all[i], err = row.notification(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

type notificationRow struct {
	ID     int64
	UserID int64
	Kind   string
	Facts  string
	At     time.Time
	ReadAt *time.Time
}

const notificationColumns = "id, user_id, kind, facts, at, read_at"

func (r notificationRow) notification() (marketplace.Notification, error) {
	n := marketplace.Notification{ID: r.ID, To: marketplace.UserID(r.UserID), Kind: marketplace.NotificationKind(r.Kind), At: r.At.UTC()}
	if r.ReadAt != nil {
		n.ReadAt = r.ReadAt.UTC()
	}
	if err := json.Unmarshal([]byte(r.Facts), &n.Facts); err != nil {
		return n, fmt.Errorf("the facts of notification %d: %w", r.ID, err)
	}
	return n, nil
}

// Unread is how many notifications a person has not seen, counted up to most.
func (s *Store) Unread(ctx context.Context, viewer marketplace.UserID, most int) (n int, err error) {
	err = s.db.Read(ctx).Raw("SELECT COUNT(*) FROM (SELECT 1 FROM notifications WHERE user_id = ? AND read_at IS NULL LIMIT ?) unread", int64(viewer), most).Scan(&n).Error
	return n, err
}

// ReadNotification marks one of a person's own as seen, and returns it; CodeNotFound for any other.
func (s *Store) ReadNotification(ctx context.Context, viewer marketplace.UserID, id int64, now time.Time) (marketplace.Notification, error) {
	var row notificationRow
	err := s.db.Transact(ctx, func(tx *gorm.DB) error {
		found, err := one(tx, &row, "SELECT "+notificationColumns+" FROM notifications WHERE id = ? AND user_id = ?", id, int64(viewer))
		if err != nil {
			return err
		}
		if !found {
			return marketplace.NotFound("There is no such notification.")
		}
		return tx.Exec("UPDATE notifications SET read_at = ? WHERE id = ? AND read_at IS NULL", now, id).Error
	})
	if err != nil {
		return marketplace.Notification{}, err
	}
	return row.notification()
}

// ReadAllNotifications marks a person's notifications as seen, up to the one that was the newest on the page.
func (s *Store) ReadAllNotifications(ctx context.Context, viewer marketplace.UserID, upTo int64, now time.Time) error {
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec("UPDATE notifications SET read_at = ? WHERE user_id = ? AND id <= ? AND read_at IS NULL", now, int64(viewer), upTo).Error
	})
}

// PreferencesOf is what a person wants to be told outside of the site.
func (s *Store) PreferencesOf(ctx context.Context, viewer marketplace.UserID) (marketplace.Preferences, error) {
	all, err := addressees(s.db.Read(ctx), []marketplace.UserID{viewer})
	return all[viewer].Preferences, err
}

// SavePreferences keeps what a person wants to be told from now on; what waits to be sent already goes out all the same.
func (s *Store) SavePreferences(ctx context.Context, who marketplace.UserID, p marketplace.Preferences) error {
	wanted, err := json.Marshal(p.Wanted)
	if err != nil {
		return err
	}
	return s.db.Write(ctx, func(tx *gorm.DB) error {
		return tx.Exec(`INSERT INTO notification_preferences (user_id, phone, wanted) VALUES (?, ?, ?)
			ON CONFLICT (user_id) DO UPDATE SET phone = excluded.phone, wanted = excluded.wanted`, int64(who), p.Phone, string(wanted)).Error
	})
}
