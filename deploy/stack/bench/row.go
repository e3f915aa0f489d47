package bench

import (
	"cmp"
	"slices"
)

// Row is one figure beside its limit.
type Row struct {
	ID   string `json:"id"`   // stable: payments-32
	What string `json:"what"` // for people
	Unit string `json:"unit"`

	LimitIs string `json:"limitIs"` // what the limit is
	Less    bool   `json:"less"`    // less is better
	Note    string `json:"note,omitempty"`
	Aim     Aim    `json:"aim"`

	Figures []float64 `json:"figures"` // of the rounds
	Limits  []float64 `json:"limits"`  // of the same rounds
}

// Aim is what is aimed at: one of these, or nothing.
type Aim struct {
	Share   float64 `json:"share,omitempty"`   // of the limit, as Row.Share counts it
	AtMost  float64 `json:"atMost,omitempty"`  // the figure itself
	AtLeast float64 `json:"atLeast,omitempty"` // the figure itself
}

// add adds a round.
func (r *Row) add(figure, limit float64) {
	r.Figures, r.Limits = append(r.Figures, figure), append(r.Limits, limit)
}

// Figure is the median of the rounds.
func (r Row) Figure() float64 { return median(r.Figures) }

// Limit is the median of the rounds.
func (r Row) Limit() float64 { return median(r.Limits) }

// Share is how near the figure comes to its limit, 1 being there: the median of the rounds, each compared with its own limit.
func (r Row) Share() float64 {
	shares := make([]float64, 0, len(r.Figures))
	for i, figure := range r.Figures {
		over, under := figure, r.Limits[i]
		if r.Less {
			over, under = under, over
		}
		if under > 0 {
			shares = append(shares, over/under)
		}
	}
	return median(shares)
}

// Aims reports whether anything is aimed at.
func (r Row) Aims() bool { return r.Aim != Aim{} }

// Met reports whether what is aimed at is reached.
func (r Row) Met() bool {
	a := r.Aim
	return (a.Share == 0 || r.Share() >= a.Share) && (a.AtMost == 0 || r.Figure() <= a.AtMost) && (a.AtLeast == 0 || r.Figure() >= a.AtLeast)
}

// median is the middle value, or the mean of the two that are in the middle; zero of none.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return sorted[n/2]
	default:
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
}

// quantile is that percentile of values; the zero value of none.
func quantile[T cmp.Ordered](values []T, percent int) (q T) {
	if len(values) == 0 {
		return q
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}
