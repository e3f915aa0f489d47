package uploads

import (
	"bytes"
	"unicode/utf8"
)

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
		switch {
		case r == utf8.RuneError && size <= 1 && !utf8.FullRune(all):
			c.rest = bytes.Clone(all)
			return len(p), nil
		case r == utf8.RuneError && size <= 1, r == 0:
			c.wrong = true
			return len(p), nil
		}
		all = all[size:]
	}
	return len(p), nil
}

func (c *textChecker) broken() bool { return c.wrong || len(c.rest) > 0 }
