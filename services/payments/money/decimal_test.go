package money_test

import (
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/money"
)

func TestParseDecimal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		scale uint8
		want  int64
	}{
		{"100.00", 2, 10000},
		{"100", 2, 10000},
		{"19.99", 2, 1999},
		{"19.9", 2, 1990},
		{"0.01", 2, 1},
		{"0.1", 2, 10},
		{"10", 0, 10},
		{"100.00", 0, 100},
		{"19.990", 2, 1999},
		{"19.99", 9, 19990000000},
		{"0.000000001", 9, 1},
		{"92233720368547758.07", 2, 9223372036854775807},
		{"9223372036854775807", 0, 9223372036854775807},
		{"9223372036854775807.000", 0, 9223372036854775807},
		{"0." + strings.Repeat("0", 254) + "1", 255, 1},
	} {
		a, err := money.ParseDecimal(c.text, "MXN", c.scale)
		require.NoError(t, err, "%s at %d", c.text, c.scale)
		require.Equal(t, c.want, a.Value(), "%s at %d", c.text, c.scale)
		require.Equal(t, c.scale, a.AssetScale())
		require.Equal(t, "MXN", a.AssetCode())
	}
}

func TestParseDecimal_Refuses(t *testing.T) {
	t.Parallel()
	for want, texts := range map[error][]string{
		money.ErrNotDecimal: {
			"", " ", " 1", "1 ", "+1", "+", "-", "--1", "-+1", "1e3", "1E3", "1,000", "1,5", "1_000", "12abc", "abc", "0x10",
			"1.", ".5", ".", "1..2", "1.2.3", "1.-2", "01", "00", "00.5", "NaN", "Inf", "١٢", "１２", "1\n", "1\x00", "-1e3", "-01",
			strings.Repeat("9", 10000), "$5",
		},
		money.ErrTooPrecise:  {"19.999", "0.001", "0.005", "1.010000001"},
		money.ErrNotPositive: {"0", "0.0", "0.00", "0.000", "-1", "-0", "-0.01", "-19.99"},
		money.ErrTooLarge:    {"92233720368547758.08", "9223372036854775807", "99999999999999999999999"},
	} {
		for _, text := range texts {
			a, err := money.ParseDecimal(text, "MXN", 2)
			require.ErrorIs(t, err, want, "%q", text)
			require.Less(t, len(err.Error()), 200, "an error is for a person to read")
			require.Equal(t, money.Amount{}, a)
		}
	}
}

func TestParseDecimal_LargestScale(t *testing.T) {
	t.Parallel()
	_, err := money.ParseDecimal("1", "MXN", 255)
	require.ErrorIs(t, err, money.ErrTooLarge)
	_, err = money.ParseDecimal("0", "MXN", 255)
	require.ErrorIs(t, err, money.ErrNotPositive)
}

func TestParseDecimal_Words(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"19.999": `the amount has more decimals than its asset: "19.999", but MXN has 2`,
		"12abc":  `the amount is not a plain decimal number like 100.00: "12abc"`,
		"0":      `the amount must be more than zero: "0"`,
	} {
		_, err := money.ParseDecimal(text, "MXN", 2)
		require.EqualError(t, err, want)
	}
}

func TestAmount_Decimal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value int64
		scale uint8
		want  string
	}{
		{10000, 2, "100.00"}, {1, 2, "0.01"}, {10, 2, "0.10"}, {0, 2, "0.00"}, {0, 0, "0"}, {7, 0, "7"},
		{1999, 2, "19.99"}, {1, 9, "0.000000001"}, {9223372036854775807, 2, "92233720368547758.07"},
		{9223372036854775807, 19, "0.9223372036854775807"}, {5, 255, "0." + strings.Repeat("0", 254) + "5"},
	} {
		require.Equal(t, c.want, amount(t, c.value, "MXN", c.scale).Decimal())
	}
}

// What is read is what was written, and exact: the same number by another road, big.Rat.
func FuzzParseDecimal(f *testing.F) {
	for _, seed := range []string{"100.00", "19.999", "0", "-1", "1e3", "1,000", "12abc", "", "1.", ".5", "01", "92233720368547758.07"} {
		f.Add(seed, uint8(2))
	}
	f.Add("1", uint8(255))
	f.Fuzz(func(t *testing.T, text string, scale uint8) {
		a, err := money.ParseDecimal(text, "MXN", scale)
		if err != nil {
			require.Equal(t, money.Amount{}, a)
			return
		}
		require.Positive(t, a.Value())
		require.Empty(t, strings.Trim(text, "0123456789."))
		want, ok := new(big.Rat).SetString(text)
		require.True(t, ok)
		unit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
		require.Zero(t, want.Mul(want, unit).Cmp(new(big.Rat).SetInt64(a.Value())))
	})
}

func FuzzDecimal(f *testing.F) {
	f.Add(int64(10000), uint8(2))
	f.Add(int64(1), uint8(255))
	f.Fuzz(func(t *testing.T, value int64, scale uint8) {
		a, err := money.New(value, "MXN", scale)
		if err != nil || value == 0 {
			return
		}
		back, err := money.ParseDecimal(a.Decimal(), "MXN", scale)
		require.NoError(t, err)
		require.Equal(t, a, back)
	})
}
