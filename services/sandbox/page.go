package sandbox

import (
	"cmp"
	"slices"
)

// PageQuery asks for a part of a list: the first so many after a cursor, or the last
// so many before one. A cursor is the id of a payment.
type PageQuery struct {
	First, Last int // at most one is set; none means the first 20
	Cursor      string
}

// Page is a part of a list, newest first.
type Page[T any] struct {
	Items                []T
	Start, End           string // cursors; empty when there are no items
	HasNext, HasPrevious bool
}

func pageOf[T any](all []T, q PageQuery, key func(T) (id string, seq int64)) (Page[T], error) {
	slices.SortFunc(all, func(x, y T) int {
		_, a := key(x)
		_, b := key(y)
		return cmp.Compare(b, a)
	})
	from, to := 0, len(all)
	if q.Cursor != "" {
		at := slices.IndexFunc(all, func(x T) bool { id, _ := key(x); return id == q.Cursor })
		if at < 0 {
			return Page[T]{}, ErrNotFound
		}
		if q.Last > 0 {
			to = at
		} else {
			from = at + 1
		}
	}
	if q.Last > 0 {
		from = max(from, to-q.Last)
	} else {
		to = min(to, from+cmp.Or(q.First, 20))
	}
	p := Page[T]{Items: all[from:to], HasPrevious: from > 0, HasNext: to < len(all)}
	if len(p.Items) > 0 {
		p.Start, _ = key(p.Items[0])
		p.End, _ = key(p.Items[len(p.Items)-1])
	}
	return p, nil
}
