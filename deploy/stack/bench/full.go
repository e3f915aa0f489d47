package bench

import (
	"context"
	"errors"
	"fmt"
)

// fullStore measures whole payments with many that were made before, beside an empty store.
func (r *run) fullStore(ctx context.Context) ([]Row, error) {
	sizes := []int{r.many(10_000, 200)}
	if r.Million {
		sizes = append(sizes, 1_000_000)
	}
	var rows []Row
	for _, size := range sizes {
		row, err := r.fullStoreOf(ctx, size)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

func (r *run) fullStoreOf(ctx context.Context, size int) (Row, error) {
	row := Row{
		ID: fmt.Sprintf("store-%d", size), What: fmt.Sprintf("whole payments, %d clients, %s in the store", r.crowd(), thousands(size)), Unit: "/s",
		LimitIs: "the same with an empty store", Aim: Aim{Share: 0.95},
	}
	empty, err := r.world(ctx, place{name: fmt.Sprintf("empty-%d", size)})
	if err != nil {
		return row, err
	}
	full, err := r.world(ctx, place{name: fmt.Sprintf("full-%d", size)})
	if err != nil {
		return row, err
	}
	from := now()
	if err := full.fill(ctx, size); err != nil {
		return row, fmt.Errorf("fill the stores: %w", err)
	}
	r.tell("%s payments were put into the stores in %.0f s", thousands(size), now().Sub(from).Seconds())
	for _, w := range []*world{empty, full} { // what is only slow at first is not what is compared
		if _, err := w.second(ctx, r.crowd(), r.Lasts/2); err != nil {
			return row, err
		}
	}
	for range r.Rounds {
		// Whoever comes first and last of four turns meets as much of what changes meanwhile as whoever comes between.
		paid := map[*world]float64{}
		for _, w := range []*world{empty, full, full, empty} {
			second, err := w.second(ctx, r.crowd(), r.Lasts/2)
			if err != nil {
				return row, err
			}
			paid[w] += second / 2
		}
		row.add(paid[full], paid[empty])
	}
	return row, errors.Join(empty.close(), full.close())
}
