package signature

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Reserialise gives what JavaScript's JSON.stringify(JSON.parse(body)) gives: no
// spaces, the last of two equal keys at the place of the first, keys that are array
// indexes first and in order, numbers as JavaScript prints them, and nothing escaped
// but quotes, backslashes, controls and lone surrogates.
func Reserialise(body []byte) ([]byte, error) {
	if !json.Valid(body) {
		return nil, errors.New("the body is not JSON")
	}
	p := parser{in: body}
	return p.value(nil), nil
}

// parser walks JSON that is known to be valid.
type parser struct {
	in []byte
	at int
}

func (p *parser) space() {
	for p.at < len(p.in) && bytes.IndexByte([]byte(" \t\r\n"), p.in[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) value(out []byte) []byte {
	p.space()
	switch c := p.in[p.at]; c {
	case '{':
		return p.object(out)
	case '[':
		return p.array(out)
	case '"':
		return quote(out, p.text())
	case 't', 'n':
		p.at += 4
		return append(out, p.in[p.at-4:p.at]...)
	case 'f':
		p.at += 5
		return append(out, "false"...)
	default:
		return p.number(out)
	}
}

func (p *parser) array(out []byte) []byte {
	out = append(out, '[')
	p.at++
	for first := true; ; first = false {
		p.space()
		if p.in[p.at] == ']' {
			p.at++
			return append(out, ']')
		}
		if !first {
			p.at++ // the comma
			out = append(out, ',')
		}
		out = p.value(out)
	}
}

type member struct {
	key   string // UTF-8, lone surrogates as the three bytes that UTF-8 forbids
	value []byte
}

func (p *parser) object(out []byte) []byte {
	var members []member
	p.at++
	for first := true; ; first = false {
		p.space()
		if p.in[p.at] == '}' {
			p.at++
			break
		}
		if !first {
			p.at++ // the comma
			p.space()
		}
		key := p.text()
		p.space()
		p.at++ // the colon
		value := p.value(nil)
		if n := slices.IndexFunc(members, func(m member) bool { return m.key == key }); n >= 0 {
			members[n].value = value
		} else {
			members = append(members, member{key, value})
		}
	}
	slices.SortStableFunc(members, func(a, b member) int {
		x, y := index(a.key), index(b.key)
		switch {
		case x == y:
			return 0
		case y < 0, x >= 0 && x < y:
			return -1
		default:
			return 1
		}
	})
	out = append(out, '{')
	for n, m := range members {
		if n > 0 {
			out = append(out, ',')
		}
		out = append(quote(out, m.key), ':')
		out = append(out, m.value...)
	}
	return append(out, '}')
}

// index is the number that a key is, if JavaScript would take it for an array index, or -1.
func index(key string) int64 {
	n, err := strconv.ParseUint(key, 10, 32)
	if err != nil || n == 1<<32-1 || strconv.FormatUint(n, 10) != key {
		return -1
	}
	return int64(n)
}

// number prints a number as JavaScript does: encoding/json follows the same rule
// (ECMAScript's Number::toString), but for minus zero and what is beyond range.
func (p *parser) number(out []byte) []byte {
	from := p.at
	for p.at < len(p.in) && bytes.IndexByte([]byte("+-.eE0123456789"), p.in[p.at]) >= 0 {
		p.at++
	}
	var n any
	if json.Unmarshal(p.in[from:p.at], &n) != nil {
		return append(out, "null"...) // Infinity
	}
	printed, _ := json.Marshal(n) // what was unmarshalled can be marshalled
	if string(printed) == "-0" {
		printed = []byte("0")
	}
	return append(out, printed...)
}

// text reads a string.
func (p *parser) text() string {
	var s []byte
	p.at++
	for {
		switch c := p.in[p.at]; c {
		case '"':
			p.at++
			return string(s)
		case '\\':
			s = p.escape(s)
		default:
			if c < utf8.RuneSelf {
				s = append(s, c)
				p.at++
				continue
			}
			r, size := utf8.DecodeRune(p.in[p.at:])
			s = utf8.AppendRune(s, r) // bytes that are no UTF-8 become U+FFFD, as they do when text is decoded
			p.at += size
		}
	}
}

func (p *parser) escape(s []byte) []byte {
	c := p.in[p.at+1]
	p.at += 2
	switch c {
	case 'u':
	case 'b':
		return append(s, '\b')
	case 'f':
		return append(s, '\f')
	case 'n':
		return append(s, '\n')
	case 'r':
		return append(s, '\r')
	case 't':
		return append(s, '\t')
	default:
		return append(s, c)
	}
	r := p.hex()
	if utf16.IsSurrogate(r) {
		if bytes.HasPrefix(p.in[p.at:], []byte(`\u`)) {
			back := p.at
			p.at += 2
			if pair := utf16.DecodeRune(r, p.hex()); pair != utf8.RuneError {
				return utf8.AppendRune(s, pair)
			}
			p.at = back
		}
		return append(s, 0xed, byte(0x80|r>>6&0x3f), byte(0x80|r&0x3f)) //nolint:gosec // G115: six bits each
	}
	return utf8.AppendRune(s, r)
}

func (p *parser) hex() rune {
	n, _ := strconv.ParseUint(string(p.in[p.at:p.at+4]), 16, 16)
	p.at += 4
	return rune(n)
}

// quote writes a string as JSON.stringify does.
func quote(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for n := 0; n < len(s); n++ {
		c := s[n]
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < 0x20:
			if short := bytes.IndexByte([]byte("\b\f\n\r\t"), c); short >= 0 {
				out = append(out, '\\', "bfnrt"[short])
			} else {
				out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			}
		case c == 0xed && n+2 < len(s) && s[n+1] >= 0xa0: // a lone surrogate: see escape
			r := uint16(c&0x0f)<<12 | uint16(s[n+1]&0x3f)<<6 | uint16(s[n+2]&0x3f)
			out = append(out, '\\', 'u', hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
			n += 2
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}
