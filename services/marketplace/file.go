package marketplace

import (
	"cmp"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// File is one of those that belong to a submission. Its content is kept outside of the database, under its id.
type File struct {
	ID        string // a ULID
	Name      string // as people see it: what its owner calls it, made safe
	MediaType string // by its content, one of FileTypes
	Size      int64  // bytes
	SHA256    string // of its content, in hex
}

// ParseFileID reads a file's id from an address; CodeNotFound when it is none.
func ParseFileID(text string) (string, error) {
	if !isULID(text) {
		return "", NotFound("There is no such file.")
	}
	return text, nil
}

// Kind is how a page shows the file: image, audio and video in the page, anything else for downloading.
func (f File) Kind() string {
	kind, _, _ := strings.Cut(f.MediaType, "/")
	return kind
}

// Shown reports whether a browser may show the file in a page.
func (f File) Shown() bool { return slices.Contains([]string{"image", "audio", "video"}, f.Kind()) }

// TypeWord is the kind of file as people read it, in English.
func (f File) TypeWord() string {
	switch f.Kind() {
	case "image":
		return "Image"
	case "audio":
		return "Audio"
	case "video":
		return "Video"
	case "text":
		return "Text"
	default:
		return "PDF"
	}
}

// Files keeps the content of files; package uploads has it.
type Files interface {
	// Put keeps content of at most so many bytes under a new id, for the time being: a file that is not confirmed with Keep is removed after a
	// day, unless a submission has it. It returns ErrFileEmpty, ErrFileTooLarge, ErrFileType, ErrFilesDown, or whatever reading the content gave.
	Put(ctx context.Context, id string, content io.Reader, most int64) (File, error)
	// Keep confirms a file that a submission has.
	Keep(id string) error
	// Remove forgets a file; one that there is not is none to remove.
	Remove(id string) error
}

// The errors of Files.
var (
	ErrFileEmpty    = errors.New("the file is empty")
	ErrFileTooLarge = errors.New("the file is too large")
	ErrFileType     = errors.New("the file is of no type that can be handed in")
	ErrFileUnknown  = errors.New("there is no such file")
	ErrFilesDown    = errors.New("the place where files are kept is away, or full")
)

// PlainText is the media type of all text. A table too is only shown.
const PlainText = "text/plain; charset=utf-8"

// FileTypes are the media types that can be handed in, with the endings of their names: what browsers show or play without running anything.
// SVG and HTML are not among them, since they run scripts; archives and office documents neither, since nobody can look into them here.
var FileTypes = map[string][]string{
	PlainText:         {".txt", ".csv", ".tsv", ".md", ".srt", ".vtt"},
	"application/pdf": {".pdf"},
	"image/png":       {".png"},
	"image/jpeg":      {".jpg", ".jpeg"},
	"image/gif":       {".gif"},
	"image/webp":      {".webp"},
	"audio/mpeg":      {".mp3"},
	"audio/ogg":       {".ogg", ".oga", ".opus"},
	"audio/wav":       {".wav"},
	"audio/flac":      {".flac"},
	"audio/aac":       {".aac"},
	"audio/mp4":       {".m4a", ".mp4"},
	"audio/x-m4a":     {".m4a"},
	"video/mp4":       {".mp4"},
	"video/webm":      {".webm"},
	"video/ogg":       {".ogv", ".ogg"},
	"video/quicktime": {".mov"}, // what telephones record
	"video/x-m4v":     {".m4v"},
}

// FileEndings are all endings of names of files that can be handed in.
func FileEndings() []string {
	var all []string
	for _, endings := range FileTypes {
		all = append(all, endings...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// FileSize is a number of bytes as it stands in a sentence: package language writes it.
type FileSize int64

// Bytes is the number.
func (s FileSize) Bytes() int64 { return int64(s) }

func (s FileSize) String() string { return strconv.FormatInt(int64(s), 10) + " bytes" }

// FileLimits are how much can be handed in at once.
type FileLimits struct {
	Files int   // how many
	Size  int64 // bytes, of each
	Total int64 // bytes, of all together
}

// MaxFiles is how many files a submission has at most.
const MaxFiles = 5

// fileLimits are those of an operator who has chosen how large one may be.
func fileLimits(size int64) FileLimits {
	return FileLimits{Files: MaxFiles, Size: size, Total: 2 * size}
}

const maxFileName = 100 // characters

// fileName is a name from outside as people are shown it, and as their machines may keep it: without folders, without what is invisible or
// turns the writing around (U+202E makes "exe.png" of "gnp.exe"), and with an ending of the type that the file really has.
func fileName(given, mediaType string) string {
	name := strings.ToValidUTF8(given, "")
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r) || strings.ContainsRune(`"<>:|?*`, r): // what Windows has no names with
			return -1
		}
		return r
	}, name)
	// Composed at the end: a letter and its accent may have met just now.
	name = norm.NFC.String(strings.Trim(strings.Join(strings.Fields(name), " "), ". "))
	endings := FileTypes[mediaType]
	if !slices.Contains(endings, strings.ToLower(path.Ext(name))) {
		name += cmp.Or(append(slices.Clone(endings), "")...)
	}
	ending := path.Ext(name)
	if stem := strings.TrimRight(shortened(strings.TrimSuffix(name, ending), maxFileName-utf8.RuneCountInString(ending)), ". "); stem != "" {
		return stem + ending
	}
	return "file" + ending
}

// shortened is at most so many characters of a text.
func shortened(text string, most int) string {
	for i := range text {
		if most == 0 {
			return text[:i]
		}
		most--
	}
	return text
}
