package statementlog

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
)

// wire is a message as it is sent, of strings that each end with a zero.
func wire(kind byte, texts ...string) []byte {
	var body []byte
	for _, text := range texts {
		body = append(append(body, text...), 0)
	}
	length := binary.BigEndian.AppendUint32(nil, uint32(len(body)+lengthSize))
	if kind == 0 {
		return append(length, body...)
	}
	return append(append([]byte{kind}, length...), body...)
}

func ready(status byte) []byte { return []byte{'Z', 0, 0, 0, 5, status} }

// conversation feeds what both sides send, in pieces of one byte, and keeps the transactions.
type conversation struct {
	reader         reader
	client, server framing
	all            []Transaction
}

func (c *conversation) send(messages ...[]byte) {
	for _, m := range messages {
		for _, b := range m {
			for _, whole := range c.client.split([]byte{b}) {
				c.reader.sent(whole)
			}
		}
	}
}

func (c *conversation) answer(messages ...[]byte) {
	for _, m := range messages {
		for _, b := range m {
			for _, whole := range c.server.split([]byte{b}) {
				c.all = append(c.all, c.reader.answered(whole)...)
			}
		}
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	c := &conversation{reader: newReader(), client: framing{startup: true}}
	c.send(wire(0, "user", "tianguis"), wire('p', "a password"))
	c.answer(wire('R', "ok"), ready('I'))
	require.True(t, c.reader.idle())

	// Prepared once, run twice; only what is run counts.
	c.send(wire('P', "s1", "UPDATE  jobs\n SET state = $1"), wire('S'))
	c.answer(wire('1'), ready('I'))
	require.Empty(t, c.all)
	for range 2 {
		c.send(wire('B', "", "s1", ""), wire('E', ""), wire('S'))
		require.False(t, c.reader.idle())
		c.answer(wire('2'), wire('C', "UPDATE 3"), ready('I'))
	}
	update := Statement{SQL: "UPDATE jobs SET state = $1", Rows: 3, verb: "UPDATE"}
	require.Equal(t, []Transaction{{update}, {update}}, c.all)
	require.True(t, c.all[0].Commits())

	// A transaction is one, however many statements it has, and commits when it is told to.
	c.all = nil
	for _, end := range []string{"commit", "rollback"} {
		c.send(wire('Q', "begin"))
		c.answer(wire('C', "BEGIN"), ready('T'))
		c.send(wire('B', "", "s1", ""), wire('E', ""), wire('S'))
		c.answer(wire('2'), wire('C', "UPDATE 1"), ready('T'))
		require.False(t, c.reader.idle())
		c.send(wire('Q', end))
		c.answer(wire('C', map[string]string{"commit": "COMMIT", "rollback": "ROLLBACK"}[end]), ready('I'))
	}
	require.Len(t, c.all, 2)
	require.Len(t, c.all[0], 3)
	require.True(t, c.all[0].Commits())
	require.False(t, c.all[1].Commits())

	// What changes nothing does not commit; what failed is told all the same.
	c.all = nil
	c.send(wire('B', "", "s1", ""), wire('E', ""), wire('S'))
	c.answer(wire('2'), wire('C', "UPDATE 0"), ready('I'))
	c.send(wire('Q', "SELECT 1/0"))
	c.answer(wire('E', "division by zero"), ready('I'))
	c.send(wire('Q', "-- ping"))
	c.answer(wire('I'), ready('I'))
	require.Len(t, c.all, 3)
	for _, transaction := range c.all {
		require.False(t, transaction.Commits())
	}
	require.Equal(t, "SELECT 1/0", c.all[1][0].SQL)
	require.True(t, c.reader.idle())
}
