package money_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/money"
)

func TestAmount_JSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(amount(t, 10000, "MXN", 2))
	require.NoError(t, err)
	require.Equal(t, `{"value":"10000","assetCode":"MXN","assetScale":2}`, string(text))

	for text, want := range map[string]money.Amount{
		`{"value":"10000","assetCode":"MXN","assetScale":2}`:             amount(t, 10000, "MXN", 2),
		`{"value":"0","assetCode":"XRP","assetScale":0}`:                 amount(t, 0, "XRP", 0),
		`{"value":"5","assetCode":"MXN","assetScale":2,"more":{"a":[]}}`: amount(t, 5, "MXN", 2),
		`{"value":"9223372036854775807","assetCode":"X","assetScale":9}`: amount(t, 9223372036854775807, "X", 9),
	} {
		var got money.Amount
		require.NoError(t, json.Unmarshal([]byte(text), &got), text)
		require.Equal(t, want, got)
	}
}

func TestAmount_JSON_Refuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		`{}`:                                 money.ErrInvalidJSON,
		`null`:                               money.ErrInvalidJSON,
		`"5"`:                                money.ErrInvalidJSON,
		`{"assetCode":"MXN","assetScale":2}`: money.ErrInvalidJSON,
		`{"value":"1","assetCode":"MXN"}`:    money.ErrInvalidJSON,
		`{"value":"1","assetCode":"MXN","assetScale":null}`:                money.ErrInvalidJSON,
		`{"value":null,"assetCode":"MXN","assetScale":2}`:                  money.ErrInvalidJSON,
		`{"value":1,"assetCode":"MXN","assetScale":2}`:                     money.ErrInvalidJSON,
		`{"value":"1.0","assetCode":"MXN","assetScale":2}`:                 money.ErrInvalidJSON,
		`{"value":"1e3","assetCode":"MXN","assetScale":2}`:                 money.ErrInvalidJSON,
		`{"value":"01","assetCode":"MXN","assetScale":2}`:                  money.ErrInvalidJSON,
		`{"value":"+1","assetCode":"MXN","assetScale":2}`:                  money.ErrInvalidJSON,
		`{"value":"","assetCode":"MXN","assetScale":2}`:                    money.ErrInvalidJSON,
		`{"value":" 1","assetCode":"MXN","assetScale":2}`:                  money.ErrInvalidJSON,
		`{"value":"1","assetCode":"MXN","assetScale":2.5}`:                 money.ErrInvalidJSON,
		`{"value":"1","assetCode":"MXN","assetScale":256}`:                 money.ErrInvalidJSON,
		`{"value":"1","assetCode":"MXN","assetScale":-1}`:                  money.ErrInvalidJSON,
		`{"value":"1","assetCode":"MXN","assetScale":"2"}`:                 money.ErrInvalidJSON,
		`{"value":"-1","assetCode":"MXN","assetScale":2}`:                  money.ErrNegative,
		`{"value":"-99999999999999999999","assetCode":"M","assetScale":2}`: money.ErrNegative,
		`{"value":"9223372036854775808","assetCode":"MXN","assetScale":2}`: money.ErrTooLarge,
		`{"value":"1","assetCode":"","assetScale":2}`:                      money.ErrInvalidAsset,
		`{"value":"1","assetScale":2}`:                                     money.ErrInvalidAsset,
	} {
		kept := amount(t, 7, "MXN", 2)
		got := kept
		err := json.Unmarshal([]byte(text), &got)
		require.ErrorIs(t, err, want, text)
		require.Equal(t, kept, got, "a refused text changes nothing")
	}
}

func TestAmount_JSON_UnsetIsAnError(t *testing.T) {
	t.Parallel()
	_, err := json.Marshal(money.Amount{})
	require.ErrorIs(t, err, money.ErrInvalidAsset)
}

func FuzzUnmarshalJSON(f *testing.F) {
	f.Add([]byte(`{"value":"10000","assetCode":"MXN","assetScale":2}`))
	f.Add([]byte(`{"value":"18446744073709551615","assetCode":"MXN","assetScale":2}`))
	f.Add([]byte(`{"value":-1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var a money.Amount
		if json.Unmarshal(text, &a) != nil {
			require.Equal(t, money.Amount{}, a)
			return
		}
		require.True(t, a.IsSet())
		require.GreaterOrEqual(t, a.Value(), int64(0))
		written, err := json.Marshal(a)
		require.NoError(t, err)
		var back money.Amount
		require.NoError(t, json.Unmarshal(written, &back))
		require.Equal(t, a, back)
	})
}
