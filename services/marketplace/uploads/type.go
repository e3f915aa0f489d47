package uploads

import (
	"slices"

	"github.com/gabriel-vasile/mimetype"

	"tianguis.example/marketplace"
)

// alsoText is text that the library knows more of: tables and subtitles.
var alsoText = []string{"text/csv", "text/tab-separated-values", "application/x-subrip", "text/vtt"}

// typeOf is the media type of a file by its first bytes, or false when it is none that can be handed in. All text is plain text: what is called
// a table or a script is only shown.
func typeOf(head []byte) (string, bool) {
	found := mimetype.Detect(head)
	for mediaType := range marketplace.FileTypes {
		if found.Is(mediaType) {
			return mediaType, true
		}
	}
	return marketplace.PlainText, slices.ContainsFunc(alsoText, found.Is)
}
