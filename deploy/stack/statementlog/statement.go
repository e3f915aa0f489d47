package statementlog

import (
	"slices"
	"strconv"
	"strings"
)

// Statement is one that the server has answered.
type Statement struct {
	SQL  string // with its placeholders, white space made single
	Rows int64  // that it returned or changed
	verb string // as the server says: SELECT, INSERT, UPDATE, DELETE, BEGIN, COMMIT, …
}

// Transaction is what was sent between two moments at which the connection was in none: often a single statement without BEGIN and COMMIT.
type Transaction []Statement

// Commits reports whether the transaction changed something, so that its end had to reach the disk.
func (t Transaction) Commits() bool {
	if len(t) > 1 && t[len(t)-1].verb != "COMMIT" {
		return false
	}
	return slices.ContainsFunc(t, func(s Statement) bool {
		return s.Rows > 0 && slices.Contains([]string{"INSERT", "UPDATE", "DELETE", "MERGE"}, s.verb)
	})
}

// reader makes transactions of a connection's messages. Both kinds of query are read, the simple one and the extended one.
type reader struct {
	prepared map[string]string // the statements by their names
	portals  map[string]string // the statements that are bound, by their portals
	asked    []string          // what was sent and is not answered, in its order
	current  Transaction
	waiting  int // for the server to say that it is ready
	inside   bool
}

func newReader() reader {
	return reader{prepared: map[string]string{}, portals: map[string]string{}}
}

// idle reports whether the connection is in no transaction, and nothing is under way.
func (r *reader) idle() bool { return r.waiting == 0 && !r.inside }

// sent reads a message of the client's.
func (r *reader) sent(m message) {
	switch m.kind {
	case 'Q': // Query
		r.asked, r.waiting = append(r.asked, single(m.text())), r.waiting+1
	case 'P': // Parse
		name := m.text()
		r.prepared[name] = single(m.text())
	case 'B': // Bind
		portal := m.text()
		r.portals[portal] = r.prepared[m.text()]
	case 'E': // Execute
		r.asked = append(r.asked, r.portals[m.text()])
	case 'S': // Sync
		r.waiting++
	}
}

// answered reads a message of the server's.
func (r *reader) answered(m message) []Transaction {
	switch m.kind {
	case 'C': // CommandComplete
		verb, rows := tag(m.text())
		r.ended(verb, rows)
	case 'I', 's': // EmptyQueryResponse, PortalSuspended
		r.ended("", 0)
	case 'E': // ErrorResponse: the server skips what came with it, up to the next Sync
		for len(r.asked) > 0 {
			r.ended("ERROR", 0)
		}
	case 'Z': // ReadyForQuery, with whether it is in a transaction
		r.waiting = max(r.waiting-1, 0) // the first one answers the client's first message
		if r.inside = m.body[0] != 'I'; !r.inside && len(r.current) > 0 {
			done := r.current
			r.current = nil
			return []Transaction{done}
		}
	}
	return nil
}

func (r *reader) ended(verb string, rows int64) {
	if len(r.asked) == 0 {
		return
	}
	r.current = append(r.current, Statement{SQL: r.asked[0], Rows: rows, verb: verb})
	r.asked = r.asked[1:]
}

// tag reads how a statement ended: "UPDATE 1", "INSERT 0 1", "COMMIT".
func tag(text string) (verb string, rows int64) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return "", 0
	}
	rows, _ = strconv.ParseInt(words[len(words)-1], 10, 64) // 0 for one that counts none
	return words[0], rows
}

func single(text string) string { return strings.Join(strings.Fields(text), " ") }
