package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

// Asset is a currency with the number of decimal places that its accounts are kept in.
type Asset struct {
	Code  string `json:"assetCode"`
	Scale uint8  `json:"assetScale"`
}

// String is the asset as people and the ledger write it: "MXN/2".
func (a Asset) String() string { return fmt.Sprintf("%s/%d", a.Code, a.Scale) }

// Amount is an integer number of minor units of an asset; its JSON is an Open Payments amount.
type Amount struct {
	Value int64
	Asset
}

type amountJSON struct {
	Value string `json:"value"`
	Asset
}

// MarshalJSON writes the value as a string, as Open Payments has it.
func (a Amount) MarshalJSON() ([]byte, error) {
	return json.Marshal(amountJSON{strconv.FormatInt(a.Value, 10), a.Asset})
}

// UnmarshalJSON refuses a value that is no integer from 0 to the largest int64:
// the specification allows uint64, the ledger does not.
func (a *Amount) UnmarshalJSON(data []byte) error {
	var wire amountJSON
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	value, err := strconv.ParseInt(wire.Value, 10, 64)
	if err != nil || value < 0 {
		return fmt.Errorf("amount %q is not a whole number of minor units", wire.Value)
	}
	*a = Amount{value, wire.Asset}
	return nil
}

// Decimal is the amount in major units, for people: 1250 of USD/2 is "12.50".
func (a Amount) Decimal() string {
	negative := a.Value < 0
	digits := new(big.Int).Abs(big.NewInt(a.Value)).String()
	if a.Scale > 0 {
		if missing := int(a.Scale) + 1 - len(digits); missing > 0 {
			digits = strings.Repeat("0", missing) + digits
		}
		point := len(digits) - int(a.Scale)
		digits = digits[:point] + "." + digits[point:]
	}
	if negative {
		return "-" + digits
	}
	return digits
}

// Rate is the price of one major unit of an asset, as an exact fraction of a common unit.
type Rate struct {
	Num int64 `json:"num"`
	Den int64 `json:"den"`
}

type rounding bool

const (
	down rounding = false
	up   rounding = true
)

var errOutOfRange = errors.New("amount is out of range")

// convert turns value minor units of one asset into minor units of another, in whole
// numbers throughout, rounding as told. It fails for an asset without a price, or
// when the result does not fit.
func (b *Bank) convert(value int64, from, to Asset, round rounding) (int64, error) {
	if from == to {
		return value, nil
	}
	num, den := big.NewInt(value), big.NewInt(1)
	if from.Code != to.Code {
		buy, ok := b.s.Rates[from.Code]
		sell, ok2 := b.s.Rates[to.Code]
		if !ok || !ok2 {
			return 0, fmt.Errorf("no rate between %s and %s", from.Code, to.Code)
		}
		num.Mul(num, big.NewInt(buy.Num)).Mul(num, big.NewInt(sell.Den))
		den.Mul(big.NewInt(buy.Den), big.NewInt(sell.Num))
	}
	ten := big.NewInt(10)
	num.Mul(num, new(big.Int).Exp(ten, big.NewInt(int64(to.Scale)), nil))
	den.Mul(den, new(big.Int).Exp(ten, big.NewInt(int64(from.Scale)), nil))
	return divide(num, den, round)
}

// partsPerMillion is value*(1000000+ppm)/1000000, rounded down.
func partsPerMillion(value, ppm int64) (int64, error) {
	num := new(big.Int).Mul(big.NewInt(value), big.NewInt(1_000_000+ppm))
	return divide(num, big.NewInt(1_000_000), down)
}

func divide(num, den *big.Int, round rounding) (int64, error) {
	quotient, rest := new(big.Int).QuoRem(num, den, new(big.Int))
	if round == up && rest.Sign() > 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	if !quotient.IsInt64() {
		return 0, errOutOfRange
	}
	return quotient.Int64(), nil
}
