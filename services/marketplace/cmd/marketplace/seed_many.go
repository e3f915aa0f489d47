package main

import (
	"context"
	"fmt"

	"tianguis.example/payments/money"
)

// The budgets of the jobs of `seed --jobs`: each has its own, in minor units. They are so far apart that what
// arrives at the worker's wallet tells which job it is for, even when a wallet that changes money rounds it up.
const (
	manyFirst = 100
	manyStep  = 20
)

// many adds jobs until there are n that are named alike and wait, or waited, to be paid.
func (d *seeding) many(ctx context.Context, n int) error {
	if n < 0 {
		return fmt.Errorf("--jobs %d: must not be negative", n)
	}
	have, err := d.store.AllJobs(ctx)
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(have))
	for _, job := range have {
		known[job.Title] = true
	}
	for i := range n {
		title := fmt.Sprintf("Price tag %05d", i+1)
		if known[title] {
			continue
		}
		budget, err := money.New(manyFirst+manyStep*int64(i), d.assetCode, d.assetScale)
		if err != nil {
			return fmt.Errorf("--asset %s, --asset-scale %d: %w", d.assetCode, d.assetScale, err)
		}
		s := sample{
			title: title, description: "One price tag, lettered by hand.", submission: "Done.", actions: toReview,
		}
		if err := d.job(ctx, s, budget); err != nil {
			return err
		}
	}
	return nil
}
