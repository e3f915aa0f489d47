package uploads

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/oklog/ulid/v2"

	"tianguis.example/chassis/disk"
	"tianguis.example/marketplace"
)

// Disk keeps files in a folder. Several replicas need one that they share.
//
// A file is first kept for the time being, and confirmed once a submission has it, by a change of its name. So whoever looks for files that are
// nobody's never looks at one that was confirmed: a wrong or an older database beside the folder takes nobody's work away.
type Disk struct {
	root  *os.Root
	spare uint64 // bytes
}

// forNow ends the name of a file that is kept for the time being.
const forNow = ".new"

// NewDisk makes the folder if there is none, and finds out whether files can be made in it. Whoever keeps files there leaves so many bytes of its
// disk free: the database may be on the same.
func NewDisk(folder string, spare uint64) (*Disk, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	probe := ".probe-" + ulid.Make().String()
	f, err := root.OpenFile(probe, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err == nil {
		err = errors.Join(f.Close(), root.Remove(probe))
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Disk{root, spare}, nil
}

// Close lets go of the folder.
func (d *Disk) Close() error { return d.root.Close() }

// Put is marketplace.Files': when it returns a file, no power cut takes it back; when it does not, nothing is left of it.
func (d *Disk) Put(ctx context.Context, id string, content io.Reader, most int64) (_ marketplace.File, err error) {
	name, err := nameOf(id)
	if err != nil {
		return marketplace.File{}, err
	}
	if free, known := disk.Free(d.root.Name()); known && free < d.spare+uint64(max(most, 0)) {
		return marketplace.File{}, down(errors.New("no space is left on its disk"))
	}
	f, err := d.root.OpenFile(name+forNow, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return marketplace.File{}, down(err)
	}
	defer func() {
		closed := f.Close()
		if err == nil && closed != nil {
			err = down(closed)
		}
		if err != nil {
			_ = d.root.Remove(name + forNow) // what cannot be removed is nobody's, and Sweep's
		}
	}()
	kept, err := write(f, &contextReader{ctx: ctx, in: content}, most)
	if err != nil {
		return marketplace.File{}, err
	}
	if err := errors.Join(f.Sync(), d.sync()); err != nil {
		return marketplace.File{}, down(err)
	}
	kept.ID = name
	return kept, nil
}

// headSize is how much of a file is looked into to know its type.
const headSize = 3072

func write(f io.Writer, content *contextReader, most int64) (marketplace.File, error) {
	head, err := io.ReadAll(io.LimitReader(content, headSize))
	switch {
	case err != nil:
		return marketplace.File{}, err
	case len(head) == 0:
		return marketplace.File{}, marketplace.ErrFileEmpty
	}
	mediaType, ok := typeOf(head)
	if !ok {
		return marketplace.File{}, marketplace.ErrFileType
	}
	sum, text := sha256.New(), textChecker{isText: mediaType == marketplace.PlainText}
	size, err := io.Copy(io.MultiWriter(f, sum, &text), io.LimitReader(io.MultiReader(bytes.NewReader(head), content), most+1))
	switch {
	case content.err != nil:
		return marketplace.File{}, content.err
	case err != nil:
		return marketplace.File{}, down(err)
	case size > most:
		return marketplace.File{}, marketplace.ErrFileTooLarge
	case text.broken():
		return marketplace.File{}, marketplace.ErrFileType
	}
	return marketplace.File{MediaType: mediaType, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// Keep is marketplace.Files'.
func (d *Disk) Keep(id string) error {
	name, err := nameOf(id)
	if err != nil {
		return err
	}
	if err := d.root.Rename(name+forNow, name); err != nil && !errors.Is(err, fs.ErrNotExist) { // it was confirmed before
		return down(err)
	}
	return nil
}

// Open reads a file, confirmed or not; ErrFileUnknown when there is none. The caller closes it.
func (d *Disk) Open(id string) (io.ReadSeekCloser, error) {
	name, err := nameOf(id)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{name, name + forNow, name} { // it may be confirmed between the first two looks
		f, err := d.root.Open(name)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, down(err)
		}
	}
	return nil, marketplace.ErrFileUnknown
}

// Remove is marketplace.Files'.
func (d *Disk) Remove(id string) error {
	name, err := nameOf(id)
	if err != nil {
		return nil //nolint:nilerr // no file has such a name
	}
	for _, name := range []string{name + forNow, name} {
		if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return down(err)
		}
	}
	return nil
}

// nameOf is a file's name on the disk: its id, which cannot be a path.
func nameOf(id string) (string, error) {
	parsed, err := ulid.ParseStrict(id)
	if err != nil {
		return "", marketplace.ErrFileUnknown
	}
	return parsed.String(), nil
}

func down(err error) error { return fmt.Errorf("%w: %w", marketplace.ErrFilesDown, err) }

// sync keeps a new name through a power cut.
func (d *Disk) sync() error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// contextReader ends with its context, and remembers why it ended: an error of the sender is none of the disk.
type contextReader struct {
	ctx context.Context
	in  io.Reader
	err error
}

func (r *contextReader) Read(p []byte) (n int, err error) {
	if err = r.ctx.Err(); err == nil {
		n, err = r.in.Read(p)
	}
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader's end is io.EOF itself; what wraps it is a body that broke off
		r.err = err
	}
	return n, err
}
