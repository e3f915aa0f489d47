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
	"unicode/utf8"

	"github.com/oklog/ulid/v2"
)

// The errors of a file that is not kept.
var (
	ErrTooLarge = errors.New("the file is too large")
	ErrEmpty    = errors.New("the file is empty")
	ErrKind     = errors.New("the file is of no kind that can be handed in")
	ErrUnknown  = errors.New("there is no such file")
)

// File is what is known of a file that is kept.
type File struct {
	ID        string // a ULID: its name on the disk
	MediaType string // by its content
	Size      int64  // bytes
	SHA256    string // of its content, in hex
}

// Disk keeps files in a folder. Several replicas need one that they share.
type Disk struct{ root *os.Root }

// NewDisk makes the folder if there is none.
func NewDisk(folder string) (*Disk, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of uploads: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open the folder of uploads: %w", err)
	}
	return &Disk{root}, nil
}

// headSize is how much of a file is looked into to know its type.
const headSize = 3072

// Put keeps a file of at most most bytes under a new id, whole or not at all: when it returns, a power cut does not take the file back. It
// returns ErrTooLarge, ErrEmpty or ErrKind.
func (d *Disk) Put(ctx context.Context, id ulid.ULID, content io.Reader, most int64) (File, error) {
	head, err := io.ReadAll(io.LimitReader(content, headSize))
	if err != nil {
		return File{}, fmt.Errorf("read the file: %w", err)
	}
	if len(head) == 0 {
		return File{}, ErrEmpty
	}
	kind, ok := kindOf(head)
	if !ok {
		return File{}, ErrKind
	}
	unfinished := ".new-" + id.String()
	f, err := d.root.OpenFile(unfinished, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return File{}, err
	}
	defer func() { _ = d.root.Remove(unfinished) }() // once it is renamed there is none
	sum, text := sha256.New(), textChecker{isText: kind == plain}
	size, err := io.Copy(io.MultiWriter(f, sum, &text), io.LimitReader(contextReader{ctx, io.MultiReader(bytes.NewReader(head), content)}, most+1))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return File{}, fmt.Errorf("keep the file: %w", err)
	}
	switch {
	case size > most:
		return File{}, ErrTooLarge
	case text.broken():
		return File{}, ErrKind
	}
	if err := d.root.Rename(unfinished, id.String()); err != nil {
		return File{}, err
	}
	if err := d.sync(); err != nil {
		return File{}, err
	}
	return File{ID: id.String(), MediaType: kind, Size: size, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}

// Open reads a file; ErrUnknown when there is none. The caller closes it.
func (d *Disk) Open(id string) (*os.File, error) {
	parsed, err := ulid.ParseStrict(id)
	if err != nil {
		return nil, ErrUnknown
	}
	f, err := d.root.Open(parsed.String())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrUnknown
	}
	return f, err
}

// Remove forgets a file; one that there is not is none to remove.
func (d *Disk) Remove(id string) error {
	parsed, err := ulid.ParseStrict(id)
	if err != nil {
		return nil //nolint:nilerr // no file has such a name
	}
	if err := d.root.Remove(parsed.String()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sync keeps a new name through a power cut.
func (d *Disk) sync() error {
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// contextReader ends with its context: a body that trickles in holds up nobody longer than its request.
type contextReader struct {
	ctx context.Context
	in  io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(p)
}

// textChecker finds out whether what looked like text at its beginning is UTF-8 to its end.
type textChecker struct {
	isText bool
	rest   []byte // of a character that is not whole yet
	wrong  bool
}

func (c *textChecker) Write(p []byte) (int, error) {
	if !c.isText || c.wrong {
		return len(p), nil
	}
	all := append(c.rest, p...)
	c.rest = nil
	for len(all) > 0 {
		r, size := utf8.DecodeRune(all)
		if r == utf8.RuneError && size <= 1 {
			if len(all) < utf8.UTFMax && !utf8.FullRune(all) {
				c.rest = bytes.Clone(all)
				return len(p), nil
			}
			c.wrong = true
			return len(p), nil
		}
		if r == 0 {
			c.wrong = true
			return len(p), nil
		}
		all = all[size:]
	}
	return len(p), nil
}

func (c *textChecker) broken() bool { return c.wrong || len(c.rest) > 0 }
