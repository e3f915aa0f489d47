// Package money holds an exact amount of one asset, as Open Payments has it: an
// integer number of minor units, an asset code and an asset scale.
//
// Nothing here is approximate. Decimal text becomes an integer, and an integer
// decimal text, digit by digit; there is no float and no rounding anywhere, so what
// cannot be said exactly is an error. The package is a leaf: it imports nothing of
// ours, knows no wallet, no database and no HTTP.
package money
