package sandbox

import (
	"fmt"
	"maps"
)

// Rates are the prices in force, by asset code.
func (b *Bank) Rates() map[string]Rate {
	b.enter()
	defer b.leave()
	return maps.Clone(b.s.Rates)
}

// SetRates changes prices. Quotes that exist keep their amounts, and a payment whose
// quote no longer covers it fails.
func (b *Bank) SetRates(changed map[string]Rate) error {
	for code, rate := range changed {
		if rate.Num <= 0 || rate.Den <= 0 {
			return fmt.Errorf("the rate of %s must be a positive fraction", code)
		}
	}
	b.enter()
	defer b.leave()
	maps.Copy(b.s.Rates, changed)
	b.touch()
	return nil
}

// Slippage is what a quote's debit carries on top, in parts per million.
func (b *Bank) Slippage() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.slippage
}

// SetSlippage changes what quotes carry from now on.
func (b *Bank) SetSlippage(ppm int64) error {
	if ppm < 0 || ppm >= 1_000_000 {
		return fmt.Errorf("a slippage of %d parts per million is not from 0 to 999999", ppm)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slippage = ppm
	return nil
}
