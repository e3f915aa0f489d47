package money

import (
	"fmt"
	"strconv"
	"strings"
)

// maxDecimalLength bounds the text that ParseDecimal looks at: 20 digits and a
// point on top of the 255 decimals of the largest scale.
const maxDecimalLength = 255 + 21

// ParseDecimal reads an amount of a payment in major units ("100.00" at scale 2 is
// 10000). It is strict, because a misread amount is money: ASCII digits, and between
// digits at most one point. Signs, exponents, separators, spaces, "1." and ".5" are
// ErrNotDecimal; so is a leading zero ("01"), which no number formatter writes and a
// slipped point leaves behind. Decimals beyond the scale are ErrTooPrecise unless they
// are zeros ("100.00" is exact at scale 0 too). Zero, and any number with a minus
// sign, is ErrNotPositive; more than math.MaxInt64 minor units is ErrTooLarge; a bad
// code is ErrInvalidAsset.
func ParseDecimal(text, assetCode string, assetScale uint8) (Amount, error) {
	if err := checkAssetCode(assetCode); err != nil {
		return Amount{}, err
	}
	unsigned, negative := strings.CutPrefix(text, "-")
	whole, fraction, ok := splitDecimal(unsigned)
	if !ok {
		return Amount{}, fmt.Errorf("%w: %s", ErrNotDecimal, shown(text))
	}
	if negative {
		return Amount{}, fmt.Errorf("%w: %s", ErrNotPositive, shown(text))
	}
	scale := int(assetScale)
	if exact := strings.TrimRight(fraction, "0"); len(exact) > scale {
		return Amount{}, fmt.Errorf("%w: %s, but %s has %d", ErrTooPrecise, shown(text), assetCode, scale)
	}
	fraction = fraction[:min(len(fraction), scale)]
	digits := strings.TrimLeft(whole+fraction+strings.Repeat("0", scale-len(fraction)), "0")
	if digits == "" {
		return Amount{}, fmt.Errorf("%w: %s", ErrNotPositive, shown(text))
	}
	value, err := strconv.ParseInt(digits, 10, 64)
	if err != nil { // digits only, so it can only be out of range
		return Amount{}, fmt.Errorf("%w: %s %s", ErrTooLarge, shown(text), assetCode)
	}
	return Amount{value: value, assetCode: assetCode, assetScale: assetScale}, nil
}

// splitDecimal parts "12.50" into "12" and "50", and reports whether text has that form.
func splitDecimal(text string) (whole, fraction string, ok bool) {
	if len(text) > maxDecimalLength {
		return "", "", false
	}
	whole, fraction, pointed := strings.Cut(text, ".")
	if !isDigits(whole) || pointed && !isDigits(fraction) {
		return "", "", false
	}
	if len(whole) > 1 && whole[0] == '0' {
		return "", "", false
	}
	return whole, fraction, true
}

// isDigits reports whether s is one or more ASCII digits.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// shown quotes what somebody typed for an error message, and no more than a line of it.
func shown(text string) string {
	const most = 40
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strconv.Quote(text)
}

// Decimal is the value in major units with exactly AssetScale decimals and no asset:
// "100.00". For every amount above zero, ParseDecimal reads it back.
func (a Amount) Decimal() string {
	digits := strconv.FormatInt(a.value, 10)
	scale := int(a.assetScale)
	if scale == 0 {
		return digits
	}
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	point := len(digits) - scale
	return digits[:point] + "." + digits[point:]
}
