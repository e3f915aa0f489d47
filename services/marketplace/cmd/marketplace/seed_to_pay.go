package main

import (
	"context"
	"fmt"
	"strings"

	"tianguis.example/payments/money"
)

// The budgets of the jobs of `seed --to-pay`: each has its own, in minor units. They are so far apart that what
// arrives at the worker's wallet tells which job it is for, even when a wallet that changes money rounds it up.
const (
	firstBudget = 1000
	budgetStep  = 20
)

const priceTag = "Price tag "

// toPay adds n jobs that wait to be paid to those that there are.
func (d *seeding) toPay(ctx context.Context, n int) error {
	if n < 0 {
		return fmt.Errorf("--to-pay %d: must not be negative", n)
	}
	have, err := d.store.AllJobs(ctx)
	if err != nil {
		return err
	}
	tags := 0
	for _, job := range have {
		if strings.HasPrefix(job.Title, priceTag) {
			tags++
		}
	}
	for i := tags; i < tags+n; i++ {
		budget, err := money.New(firstBudget+budgetStep*int64(i), d.assetCode, d.assetScale)
		if err != nil {
			return fmt.Errorf("--asset %s, --asset-scale %d: %w", d.assetCode, d.assetScale, err)
		}
		s := sample{
			title: fmt.Sprintf("%s%05d", priceTag, i+1), description: "One price tag, lettered by hand.", submission: "Done.", actions: toReview,
		}
		if err := d.job(ctx, s, budget); err != nil {
			return err
		}
	}
	return nil
}
