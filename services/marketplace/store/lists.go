package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"tianguis.example/chassis/database"
	"tianguis.example/marketplace"
)

// branch is one way in which jobs concern a person, for which there is an index.
type branch struct {
	from  string // "jobs j", alone or joined
	where string
	args  []any
}

const standing = "(SELECT job_id FROM job_applications WHERE worker_id = ? AND withdrawn_at IS NULL)"

func funded(who marketplace.UserID) branch {
	return branch{"jobs j", "j.funder_id = ?", []any{int64(who)}}
}

func worked(who marketplace.UserID) branch {
	return branch{"jobs j", "j.worker_id = ?", []any{int64(who)}}
}

func applied(who marketplace.UserID) branch {
	return branch{"job_applications a JOIN jobs j ON j.id = a.job_id", "a.worker_id = ? AND a.withdrawn_at IS NULL", []any{int64(who)}}
}

func open(who marketplace.UserID) branch {
	return branch{"jobs j", "j.state = 'recruiting' AND j.funder_id <> ? AND j.id NOT IN " + standing, []any{int64(who), int64(who)}}
}

func (b branch) in(states ...marketplace.State) branch {
	return b.and("j.state IN ?", states)
}

func (b branch) and(where string, args ...any) branch {
	b.where += " AND " + where
	b.args = append(b.args[:len(b.args):len(b.args)], args...)
	return b
}

// The orders of a list.
const (
	newest = "j.id DESC"
	// What can be paid comes first: a worker waits for it.
	ready = "CASE j.state WHEN 'reviewing' THEN 0 WHEN 'submitting' THEN 1 WHEN 'selecting' THEN 2 ELSE 3 END, j.id DESC"
)

// list reads the first of all the branches together. Each gives no more than the list can hold, so that a long one is not read to its end.
func (s *Store) list(ctx context.Context, viewer marketplace.User, order string, limit int, branches ...branch) ([]marketplace.JobLine, error) {
	var union []string
	var args []any
	for i, b := range branches {
		union = append(union, fmt.Sprintf("SELECT id FROM (SELECT j.id FROM %s WHERE %s ORDER BY %s LIMIT %d) b%d", b.from, b.where, order, limit, i))
		args = append(args, b.args...)
	}
	lines, err := s.lines(ctx, "WHERE j.id IN ("+strings.Join(union, " UNION ")+") ORDER BY "+order+fmt.Sprintf(" LIMIT %d", limit), args...)
	for i, line := range lines {
		lines[i] = line.SeenBy(viewer)
	}
	return lines, err
}

// JobsOf lists what a person sees first: the jobs that they have to do with, or could have.
func (s *Store) JobsOf(ctx context.Context, viewer marketplace.User) (all marketplace.JobsOfPerson, err error) {
	me := viewer.ID
	const (
		recruiting, selecting, submitting, reviewing = marketplace.Recruiting, marketplace.Selecting, marketplace.Submitting, marketplace.Reviewing
		complete, canceled, expired                  = marketplace.Complete, marketplace.Canceled, marketplace.Expired
	)
	if all.Waiting, err = s.list(ctx, viewer, ready, marketplace.JobLines,
		funded(me).in(marketplace.Draft, selecting, reviewing), worked(me).in(submitting)); err != nil {
		return all, err
	}
	if all.Going, err = s.list(ctx, viewer, newest, marketplace.JobLines,
		funded(me).in(recruiting, submitting), worked(me).in(reviewing), applied(me).in(recruiting, selecting)); err != nil {
		return all, err
	}
	if all.Open, err = s.list(ctx, viewer, newest, marketplace.JobLines, open(me)); err != nil {
		return all, err
	}
	all.Ended, err = s.list(ctx, viewer, newest, marketplace.JobLines,
		funded(me).in(complete, canceled, expired), worked(me).in(complete, canceled, expired))
	return all, err
}

// FindJobs lists a page of the jobs that a person may know of, and that the filter asks for.
func (s *Store) FindJobs(ctx context.Context, viewer marketplace.User, f marketplace.JobFilter) (found marketplace.JobsFound, err error) {
	var branches []branch
	switch me := viewer.ID; f.Scope {
	case marketplace.ScopeFunder:
		branches = []branch{funded(me)}
	case marketplace.ScopeWorker:
		branches = []branch{worked(me), applied(me)}
	case marketplace.ScopeOpen:
		branches = []branch{open(me)}
	default:
		branches = []branch{funded(me), worked(me), applied(me), open(me)}
	}
	words := s.words(f.Words)
	for i, b := range branches {
		if f.State != "" {
			b = b.in(f.State)
		}
		if f.Before != 0 {
			b = b.and("j.id < ?", int64(f.Before))
		}
		for _, w := range words {
			b = b.and(w.where, w.args...)
		}
		branches[i] = b
	}
	lines, err := s.list(ctx, viewer, newest, marketplace.JobLines+1, branches...)
	if len(lines) > marketplace.JobLines {
		lines = lines[:marketplace.JobLines]
		found.Next = lines[len(lines)-1].ID
	}
	found.Lines = lines
	return found, err
}

// maxWords is how many words of a question count.
const maxWords = 8

// words are the conditions that a job has each of the words, at least at the beginning of one of its own, whatever their case and accents.
func (s *Store) words(asked string) []branch {
	return s.wordsOf(asked, "j.id IN (SELECT rowid FROM jobs_words WHERE jobs_words MATCH ?)", "j.words @@ to_tsquery('simple', folded(?) || ':*')")
}

// wordsOf are the conditions for each of the words: on SQLite one for all of them, on Postgres one for each.
func (s *Store) wordsOf(asked, sqlite, postgres string) (all []branch) {
	split := strings.FieldsFunc(norm.NFC.String(asked), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
	split = slices.DeleteFunc(split, func(word string) bool { // accents without letters
		return !strings.ContainsFunc(word, func(r rune) bool { return !unicode.IsMark(r) })
	})
	split = split[:min(len(split), maxWords)]
	switch {
	case len(split) == 0:
		return nil
	case s.db.Dialect() == database.SQLite:
		return []branch{{where: sqlite, args: []any{`"` + strings.Join(split, `"* "`) + `"*`}}}
	}
	for _, word := range split {
		all = append(all, branch{where: postgres, args: []any{word}})
	}
	return all
}
