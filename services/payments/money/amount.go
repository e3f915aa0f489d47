package money

import (
	"cmp"
	"fmt"
	"math"
	"strings"
)

// MaxAssetCodeLength is the longest asset code that is accepted, in bytes. Open
// Payments names no bound (ISO 4217 codes have three letters); columns and pages need one.
const MaxAssetCodeLength = 32

// Amount is a number of minor units of an asset: 10000 MXN at scale 2 is 100.00 MXN.
// It is a comparable value and never negative. The zero Amount is no amount at all
// (IsSet is false): it has no asset, and only it can have none.
type Amount struct {
	value      int64
	assetCode  string
	assetScale uint8
}

// New returns value minor units of the asset. It returns ErrNegative for a value
// below zero and ErrInvalidAsset for a code that is empty, longer than
// MaxAssetCodeLength or holds anything but visible ASCII without quotes, backslashes,
// ampersands and angle brackets.
func New(value int64, assetCode string, assetScale uint8) (Amount, error) {
	if value < 0 {
		return Amount{}, fmt.Errorf("%w: %d", ErrNegative, value)
	}
	if err := checkAssetCode(assetCode); err != nil {
		return Amount{}, err
	}
	return Amount{value: value, assetCode: assetCode, assetScale: assetScale}, nil
}

// mustBeEscaped are the characters that JSON or HTML escapes. No asset's code has one, and
// a body that is signed must not depend on who escapes what.
const mustBeEscaped = `"&<>\`

func checkAssetCode(code string) error {
	if code == "" {
		return fmt.Errorf("%w: it is empty", ErrInvalidAsset)
	}
	if len(code) > MaxAssetCodeLength {
		return fmt.Errorf("%w: it is longer than %d characters", ErrInvalidAsset, MaxAssetCodeLength)
	}
	for i := range len(code) {
		if code[i] <= ' ' || code[i] > '~' || strings.IndexByte(mustBeEscaped, code[i]) >= 0 {
			return fmt.Errorf("%w: %q", ErrInvalidAsset, code)
		}
	}
	return nil
}

// Value is the number of minor units.
func (a Amount) Value() int64 { return a.value }

// AssetCode is the asset's code, "MXN".
func (a Amount) AssetCode() string { return a.assetCode }

// AssetScale is how many decimal digits a minor unit stands below the major one.
func (a Amount) AssetScale() uint8 { return a.assetScale }

// IsZero reports whether the amount is worth nothing: 0.00 MXN as much as the zero
// Amount. Mind that encoding/json's omitzero asks this too; use a pointer and
// omitempty for an optional amount.
func (a Amount) IsZero() bool { return a.value == 0 }

// IsSet reports whether this is an amount of some asset, and not the zero Amount.
func (a Amount) IsSet() bool { return a.assetCode != "" }

// SameAsset reports whether both are amounts of the same asset at the same scale, so
// that their values can be compared. Two zero Amounts are not of the same asset.
func (a Amount) SameAsset(b Amount) bool {
	return a.IsSet() && a.assetCode == b.assetCode && a.assetScale == b.assetScale
}

// Add returns a + b. It returns ErrAssetMismatch unless SameAsset, and ErrTooLarge
// when the sum has no int64.
func (a Amount) Add(b Amount) (Amount, error) {
	if err := a.comparable(b); err != nil {
		return Amount{}, err
	}
	if a.value > math.MaxInt64-b.value {
		return Amount{}, fmt.Errorf("%w: %s and %s", ErrTooLarge, a, b)
	}
	a.value += b.value
	return a, nil
}

// Sub returns a - b. It returns ErrAssetMismatch unless SameAsset, and ErrNegative
// when b is the greater.
func (a Amount) Sub(b Amount) (Amount, error) {
	if err := a.comparable(b); err != nil {
		return Amount{}, err
	}
	if b.value > a.value {
		return Amount{}, fmt.Errorf("%w: %s less %s", ErrNegative, a, b)
	}
	a.value -= b.value
	return a, nil
}

// Compare returns -1 when a is less than b, 0 when they are equal, +1 when a is
// more. It returns ErrAssetMismatch unless SameAsset: a wallet's sentAmount and an
// invoice in another asset are not to be compared (traces/05-07-cross-currency.json).
func (a Amount) Compare(b Amount) (int, error) {
	if err := a.comparable(b); err != nil {
		return 0, err
	}
	return cmp.Compare(a.value, b.value), nil
}

func (a Amount) comparable(b Amount) error {
	if a.SameAsset(b) {
		return nil
	}
	return fmt.Errorf("%w: %s and %s", ErrAssetMismatch, a.asset(), b.asset())
}

func (a Amount) asset() string {
	if !a.IsSet() {
		return "no asset"
	}
	return fmt.Sprintf("%s at scale %d", a.assetCode, a.assetScale)
}

// String is the amount for a person: "100.00 MXN".
func (a Amount) String() string {
	if !a.IsSet() {
		return "no amount"
	}
	return a.Decimal() + " " + a.assetCode
}
