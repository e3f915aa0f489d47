package money

import "errors"

// What can be wrong with an amount. Every error of this package is one of these by
// errors.Is, and its text may be shown to the person who typed the amount.
var (
	// ErrNotDecimal: the text is not digits with at most one point between them.
	ErrNotDecimal = errors.New("the amount is not a plain decimal number like 100.00")
	// ErrTooPrecise: the asset has no unit as small as the text's last digit.
	ErrTooPrecise = errors.New("the amount has more decimals than its asset")
	// ErrNotPositive: the text says zero or less, and a payment is of more.
	ErrNotPositive = errors.New("the amount must be more than zero")
	// ErrTooLarge: more than math.MaxInt64 minor units.
	ErrTooLarge = errors.New("the amount is too large")
	// ErrNegative: less than nothing.
	ErrNegative = errors.New("an amount cannot be negative")
	// ErrInvalidAsset: an asset code that cannot be one.
	ErrInvalidAsset = errors.New("the asset code is not valid")
	// ErrAssetMismatch: two amounts whose asset or scale differs.
	ErrAssetMismatch = errors.New("the amounts are not of the same asset")
	// ErrInvalidJSON: not an Open Payments amount object.
	ErrInvalidJSON = errors.New("not an amount object with value, assetCode and assetScale")
)
