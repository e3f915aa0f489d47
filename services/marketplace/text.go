package marketplace

import (
	"strings"
	"unicode/utf8"
)

// clean is text from outside as it can be kept: whole UTF-8 without control characters (Postgres holds no NUL
// and nothing that is not UTF-8), and at most so many bytes of it.
func clean(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}
