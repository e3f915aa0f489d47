package marketplace

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
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

// prose is text of several lines as it can be kept: like clean, with its line breaks. Letters are composed (NFC), so that what looks alike is alike.
func prose(text string) string {
	lines := strings.Split(strings.ReplaceAll(norm.NFC.String(text), "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(clean(strings.ReplaceAll(line, "\t", " "), len(line)), " ")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// written is what somebody wrote into a form, or an error: these words when it is nothing.
func written(text string, most int, nothing string) (string, error) {
	text = prose(text)
	switch {
	case text == "":
		return "", &Error{Code: CodeInvalidInput, Message: nothing}
	case utf8.RuneCountInString(text) > most:
		return "", invalid("This is too long: at most %d characters.", most)
	}
	return text, nil
}
