package store

import (
	"context"

	"gorm.io/gorm"

	"tianguis.example/marketplace"
)

type fileRow struct {
	SubmissionID string
	ID           string
	Name         string
	MediaType    string
	Size         int64
	SHA256       string `gorm:"column:sha256"`
}

const fileColumns = "f.submission_id, f.id, f.name, f.media_type, f.size, f.sha256"

func (r fileRow) file() marketplace.File {
	return marketplace.File{ID: r.ID, Name: r.Name, MediaType: r.MediaType, Size: r.Size, SHA256: r.SHA256}
}

func insertFiles(tx *gorm.DB, w marketplace.Submission) error {
	for place, f := range w.Files {
		err := tx.Exec("INSERT INTO submission_files (id, submission_id, place, name, media_type, size, sha256) VALUES (?, ?, ?, ?, ?, ?, ?)",
			f.ID, w.ID, place, f.Name, f.MediaType, f.Size, f.SHA256).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// withFiles gives the submissions of a job their files.
func (s *Store) withFiles(ctx context.Context, id marketplace.JobID, all []marketplace.Submission) error {
	if len(all) == 0 {
		return nil
	}
	var rows []fileRow
	err := s.db.Read(ctx).Raw("SELECT "+fileColumns+` FROM job_submissions w JOIN submission_files f ON f.submission_id = w.id
		WHERE w.job_id = ? ORDER BY f.submission_id, f.place`, int64(id)).Scan(&rows).Error
	if err != nil {
		return err
	}
	for i := range all {
		for _, r := range rows {
			if r.SubmissionID == all[i].ID {
				all[i].Files = append(all[i].Files, r.file())
			}
		}
	}
	return nil
}

// FileFor returns a file of a job's work to whoever may see that; CodeNotFound when there is none, or none for them.
func (s *Store) FileFor(ctx context.Context, job marketplace.JobID, id string, viewer marketplace.User) (marketplace.File, error) {
	unknown := marketplace.NotFound("There is no such file.")
	j, err := s.Job(ctx, job)
	if err != nil {
		if marketplace.CodeOf(err) == marketplace.CodeNotFound {
			return marketplace.File{}, unknown
		}
		return marketplace.File{}, err
	}
	if !marketplace.KnowsPayments(viewer, j) {
		return marketplace.File{}, unknown
	}
	var row fileRow
	found, err := one(s.db.Read(ctx), &row, "SELECT "+fileColumns+` FROM submission_files f JOIN job_submissions w ON w.id = f.submission_id
		WHERE f.id = ? AND w.job_id = ?`, id, int64(job))
	if err == nil && !found {
		err = unknown
	}
	return row.file(), err
}

// KnownFiles are those of the ids that are a submission's file.
func (s *Store) KnownFiles(ctx context.Context, ids []string) ([]string, error) {
	var known []string
	return known, s.db.Read(ctx).Raw("SELECT id FROM submission_files WHERE id IN ?", ids).Scan(&known).Error
}
