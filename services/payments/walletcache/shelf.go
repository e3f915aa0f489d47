package walletcache

import (
	"context"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"tianguis.example/chassis/clock"
)

// shelf keeps things until they end, the last used longest when there are too many.
type shelf[K comparable, V any] struct {
	clock   clock.Clock
	kept    *lru.Cache[K, kept[V]]
	flights singleflight.Group
}

type kept[V any] struct {
	value V
	until time.Time
}

func newShelf[K comparable, V any](c clock.Clock) *shelf[K, V] {
	return &shelf[K, V]{clock: c, kept: newLRU[K, kept[V]]()}
}

func newLRU[K comparable, V any]() *lru.Cache[K, V] {
	items, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // a size below one
	}
	return items
}

// get gives what is kept, or fetches it. fetch says how long it may be kept; not at all if that is zero or less. All who want the same
// wait for one fetch, which ends even when they leave; errors are not kept.
func (s *shelf[K, V]) get(ctx context.Context, key K, fetch func(context.Context) (V, time.Duration, error)) (V, error) {
	if item, ok := s.kept.Get(key); ok && s.clock.Now().Before(item.until) {
		return item.value, nil
	}
	type fetched struct{ value V }
	flight := s.flights.DoChan(fmt.Sprint(key), func() (any, error) {
		asked := s.clock.Now()
		value, life, err := fetch(context.WithoutCancel(ctx))
		if err == nil && life > 0 {
			s.kept.Add(key, kept[V]{value, asked.Add(life)})
		}
		return fetched{value}, err
	})
	select {
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	case landed := <-flight:
		result, _ := landed.Val.(fetched)
		return result.value, landed.Err
	}
}

// forget drops what is meant.
func (s *shelf[K, V]) forget(meant func(K, V) bool) {
	for _, key := range s.kept.Keys() {
		if item, ok := s.kept.Peek(key); ok && meant(key, item.value) {
			s.kept.Remove(key)
		}
	}
}
