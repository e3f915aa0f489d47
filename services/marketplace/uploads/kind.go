package uploads

import (
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// taken are the types that may be handed in: text, images, audio and video that a browser shows or plays. SVG and HTML are not among
// them, since they run scripts.
var taken = []string{
	"text/plain", "text/csv", "application/pdf",
	"image/png", "image/jpeg", "image/gif", "image/webp",
	"audio/mpeg", "audio/ogg", "audio/wav", "audio/flac", "audio/aac", "audio/mp4", "audio/x-m4a",
	"video/mp4", "video/webm", "video/ogg",
}

// plain is the type of all text.
const plain = "text/plain; charset=utf-8"

// kindOf is the type of a file by its first bytes, or false when it is none that is taken.
func kindOf(head []byte) (string, bool) {
	found := mimetype.Detect(head)
	for _, kind := range taken {
		if found.Is(kind) {
			if strings.HasPrefix(kind, "text/") {
				return plain, true // a table too is only shown
			}
			return kind, true
		}
	}
	return "", false
}

// Shown reports whether a browser may show a file of this type in a page. Anything else is for downloading.
func Shown(mediaType string) bool {
	kind, _, _ := strings.Cut(mediaType, "/")
	return kind == "image" || kind == "audio" || kind == "video"
}
