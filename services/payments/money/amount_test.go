package money_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/money"
)

func amount(t *testing.T, value int64, code string, scale uint8) money.Amount {
	t.Helper()
	a, err := money.New(value, code, scale)
	require.NoError(t, err)
	return a
}

func TestNew(t *testing.T) {
	t.Parallel()
	a := amount(t, 10000, "MXN", 2)
	require.EqualValues(t, 10000, a.Value())
	require.Equal(t, "MXN", a.AssetCode())
	require.EqualValues(t, 2, a.AssetScale())
	require.True(t, a.IsSet())
	require.False(t, a.IsZero())
	require.Equal(t, "100.00 MXN", a.String())
	require.True(t, a == amount(t, 10000, "MXN", 2), "amounts compare as values")
}

func TestNew_Refuses(t *testing.T) {
	t.Parallel()
	_, err := money.New(-1, "MXN", 2)
	require.ErrorIs(t, err, money.ErrNegative)
	for _, code := range []string{"", strings.Repeat("A", money.MaxAssetCodeLength+1), "MX N", "M\nN", "pesó", "<b>", `a"b`, `a\b`, "a&b"} {
		_, err := money.New(1, code, 2)
		require.ErrorIs(t, err, money.ErrInvalidAsset, "%q", code)
		_, err = money.ParseDecimal("1", code, 2)
		require.ErrorIs(t, err, money.ErrInvalidAsset, "%q", code)
	}
	_, err = money.New(1, strings.Repeat("A", money.MaxAssetCodeLength), 2)
	require.NoError(t, err)
}

func TestAmount_Unset(t *testing.T) {
	t.Parallel()
	var none money.Amount
	require.True(t, none.IsZero())
	require.False(t, none.IsSet())
	require.False(t, none.SameAsset(none))
	require.Equal(t, "no amount", none.String())
	_, err := none.Compare(none)
	require.ErrorIs(t, err, money.ErrAssetMismatch)

	zero := amount(t, 0, "MXN", 2)
	require.True(t, zero.IsZero())
	require.True(t, zero.IsSet())
	require.NotEqual(t, none, zero)
}

func TestAmount_AddSubCompare(t *testing.T) {
	t.Parallel()
	five, three := amount(t, 500, "MXN", 2), amount(t, 300, "MXN", 2)

	sum, err := five.Add(three)
	require.NoError(t, err)
	require.Equal(t, amount(t, 800, "MXN", 2), sum)
	require.Equal(t, amount(t, 500, "MXN", 2), five, "the operand is untouched")

	rest, err := five.Sub(three)
	require.NoError(t, err)
	require.Equal(t, amount(t, 200, "MXN", 2), rest)
	rest, err = five.Sub(five)
	require.NoError(t, err)
	require.True(t, rest.IsZero())
	_, err = three.Sub(five)
	require.ErrorIs(t, err, money.ErrNegative)

	for _, c := range []struct {
		a, b money.Amount
		want int
	}{{five, three, 1}, {three, five, -1}, {five, five, 0}} {
		got, err := c.a.Compare(c.b)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}

	most := amount(t, math.MaxInt64, "MXN", 2)
	_, err = most.Add(amount(t, 1, "MXN", 2))
	require.ErrorIs(t, err, money.ErrTooLarge)
	sum, err = most.Add(amount(t, 0, "MXN", 2))
	require.NoError(t, err)
	require.Equal(t, most, sum)
}

func TestAmount_RefusesAnotherAsset(t *testing.T) {
	t.Parallel()
	a := amount(t, 1, "MXN", 2)
	for _, b := range []money.Amount{amount(t, 1, "USD", 2), amount(t, 1, "MXN", 3), amount(t, 1, "mxn", 2), {}} {
		require.False(t, a.SameAsset(b))
		_, err := a.Add(b)
		require.ErrorIs(t, err, money.ErrAssetMismatch)
		_, err = a.Sub(b)
		require.ErrorIs(t, err, money.ErrAssetMismatch)
		_, err = a.Compare(b)
		require.ErrorIs(t, err, money.ErrAssetMismatch)
		_, err = b.Compare(a)
		require.ErrorIs(t, err, money.ErrAssetMismatch)
	}
}

func FuzzAddSub(f *testing.F) {
	f.Add(int64(1), int64(2))
	f.Add(int64(math.MaxInt64), int64(1))
	f.Fuzz(func(t *testing.T, x, y int64) {
		a, errA := money.New(x, "MXN", 2)
		b, errB := money.New(y, "MXN", 2)
		if errA != nil || errB != nil {
			require.True(t, x < 0 || y < 0)
			return
		}
		sum, err := a.Add(b)
		if err != nil {
			require.ErrorIs(t, err, money.ErrTooLarge)
			return
		}
		back, err := sum.Sub(b)
		require.NoError(t, err)
		require.Equal(t, a, back)
	})
}
