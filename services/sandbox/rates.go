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
