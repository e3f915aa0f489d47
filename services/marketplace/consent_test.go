package marketplace

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/money"
)

func TestConsent_Rate(t *testing.T) {
	t.Parallel()
	amount := func(text, code string, scale uint8) money.Amount {
		a, err := money.ParseDecimal(text, code, scale)
		require.NoError(t, err)
		return a
	}
	for _, c := range []struct {
		debit, receive money.Amount
		want           string
	}{
		{amount("5.61", "USD", 2), amount("100.00", "MXN", 2), "17.8253 MXN"},
		{amount("1500", "JPY", 0), amount("10.00", "USD", 2), "0.0067 USD"},
		{amount("10.00", "USD", 2), amount("1500", "JPY", 0), "150.0000 JPY"},
		{amount("100.00", "MXN", 2), amount("99.00", "MXN", 2), ""}, // one currency needs no rate
		{money.Amount{}, amount("99.00", "MXN", 2), ""},
		{amount("9000000000000.00", "VND", 2), amount("0.01", "BTC", 2), ""}, // too small to be shown
	} {
		rate := Consent{Job: Job{Budget: c.receive}, Attempt: Attempt{Debit: c.debit}}.Rate()
		if c.want == "" {
			require.False(t, rate.IsSet(), "%s", rate)
			continue
		}
		require.Equal(t, c.want, rate.String())
	}
}
