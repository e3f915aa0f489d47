package marketplace

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// HandIn is work while it is being handed in: its files come one after the other and are kept at once, so that none of them is ever in
// memory whole. End ends it, whatever became of it.
type HandIn struct {
	m      *Market
	job    JobID
	by     UserID
	limits FileLimits
	files  []File // that may be nobody's, and are removed then
	total  int64  // bytes
}

// FileLimits are how much can be handed in at once.
func (m *Market) FileLimits() FileLimits { return fileLimits(m.fileSize) }

// HandIn begins to hand in the work of a job. Its errors are those of Act, so that nothing is kept of whoever could not hand it in anyway.
func (m *Market) HandIn(ctx context.Context, id JobID, by UserID) (*HandIn, error) {
	worker, err := m.store.User(ctx, by)
	if err != nil {
		return nil, fmt.Errorf("read the person: %w", err)
	}
	c, err := m.store.Case(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read the job: %w", err)
	}
	if err := c.MayDo(worker, Submit); err != nil {
		return nil, err
	}
	return &HandIn{m: m, job: id, by: by, limits: m.FileLimits()}, nil
}

// Add keeps a file. CodeInvalidInput, with words for the field "files", when it cannot be handed in; CodeFilesDown when it could not be kept.
// Whatever reading the content gave is returned as it is.
func (h *HandIn) Add(ctx context.Context, name string, content io.Reader) error {
	if len(h.files) == h.limits.Files {
		return invalidFiles("These are too many files: at most %d.", h.limits.Files)
	}
	id := newID(h.m.clock.Now())
	f, err := h.m.files.Put(ctx, id, content, min(h.limits.Size, h.limits.Total-h.total))
	switch {
	case errors.Is(err, ErrFileEmpty):
		return invalidFiles("“%s” is empty.", fileName(name, ""))
	case errors.Is(err, ErrFileTooLarge) && h.limits.Total-h.total < h.limits.Size:
		return invalidFiles("These files are too large: at most %s together.", FileSize(h.limits.Total))
	case errors.Is(err, ErrFileTooLarge):
		return invalidFiles("“%s” is too large: at most %s.", fileName(name, ""), FileSize(h.limits.Size))
	case errors.Is(err, ErrFileType):
		return invalidFiles("“%s” cannot be handed in: it is no text, PDF, image, audio or video that browsers can show.", fileName(name, ""))
	case errors.Is(err, ErrFilesDown):
		return &Error{Code: CodeFilesDown, Message: "The files could not be kept on our side, so nothing was handed in. Try again in a moment.", Err: err}
	case err != nil:
		return fmt.Errorf("keep a file: %w", err)
	}
	f.Name = fileName(name, f.MediaType)
	h.files, h.total = append(h.files, f), h.total+f.Size
	return nil
}

// Submit hands the work in: what was written, and the files that were added. Its errors are those of Act.
func (h *HandIn) Submit(ctx context.Context, text string) error {
	err := h.m.Act(ctx, h.job, h.by, Command{Action: Submit, Text: text, Files: h.files})
	if CodeOf(err) != "" {
		return err // and they are nobody's
	}
	kept := h.files
	h.files = nil
	if err != nil {
		return err // such as a lost answer of the database: the submission may have them. Whoever looks after the files asks later.
	}
	for _, f := range kept {
		if err := h.m.files.Keep(f.ID); err != nil {
			h.m.log.WarnContext(ctx, "confirm a file of a submission: it is done later", "file_id", f.ID, "error", err)
		}
	}
	return nil
}

// End removes the files that became nobody's.
func (h *HandIn) End(ctx context.Context) {
	for _, f := range h.files {
		if err := h.m.files.Remove(f.ID); err != nil {
			h.m.log.WarnContext(ctx, "remove a file that was not handed in: it is done later", "file_id", f.ID, "error", err)
		}
	}
	h.files = nil
}

// FieldFiles is the field of the form that hands work in which takes its files.
const FieldFiles = "files"

// invalidFiles is the error of files that cannot be handed in.
func invalidFiles(sentence string, args ...any) error {
	wrong := fieldErrors{}
	wrong.add(FieldFiles, invalid(sentence, args...))
	return wrong.err()
}
