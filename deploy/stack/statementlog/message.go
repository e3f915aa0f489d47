package statementlog

import (
	"bytes"
	"encoding/binary"
)

// message is one of the protocol: a letter that says what it is, and what it holds.
type message struct {
	kind byte
	body []byte
}

// text takes the next string, which ends with a zero, off the body.
func (m *message) text() string {
	before, after, _ := bytes.Cut(m.body, []byte{0})
	m.body = after
	return string(before)
}

// framing cuts what flows one way into messages.
type framing struct {
	startup bool // the next one is the client's first, which has no letter
	rest    []byte
}

const lengthSize = 4 // bytes: of a message's length, which counts itself

// split returns the messages that have become whole with these bytes.
func (f *framing) split(more []byte) (whole []message) {
	f.rest = append(f.rest, more...)
	for {
		letter := 1
		if f.startup {
			letter = 0
		}
		if len(f.rest) < letter+lengthSize {
			return whole
		}
		end := letter + int(binary.BigEndian.Uint32(f.rest[letter:]))
		if len(f.rest) < end {
			return whole
		}
		if !f.startup {
			whole = append(whole, message{f.rest[0], bytes.Clone(f.rest[letter+lengthSize : end])})
		}
		f.startup, f.rest = false, f.rest[end:]
	}
}
