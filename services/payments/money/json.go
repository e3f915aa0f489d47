package money

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// wire is the amount object of the Open Payments specification: the value is a
// string, because a JSON number would be a float to many readers.
type wire struct {
	Value      *string `json:"value"`
	AssetCode  string  `json:"assetCode"`
	AssetScale *uint8  `json:"assetScale"`
}

// MarshalJSON writes {"value":"10000","assetCode":"MXN","assetScale":2}. The zero
// Amount is ErrInvalidAsset: no wallet could read it.
func (a Amount) MarshalJSON() ([]byte, error) {
	if !a.IsSet() {
		return nil, fmt.Errorf("%w: there is none", ErrInvalidAsset)
	}
	value := strconv.FormatInt(a.value, 10)
	return json.Marshal(wire{Value: &value, AssetCode: a.assetCode, AssetScale: &a.assetScale})
}

// UnmarshalJSON reads what MarshalJSON writes, and tolerates further fields. All
// three are required. A value that is not an integer in digits is ErrInvalidJSON, a
// negative one ErrNegative, one above math.MaxInt64 ErrTooLarge (the specification
// allows uint64, the databases do not). Zero is an amount here: a payment that
// received nothing yet says so.
func (a *Amount) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidJSON, err)
	}
	if w.Value == nil || w.AssetScale == nil {
		return ErrInvalidJSON
	}
	value, err := parseInteger(*w.Value)
	if err != nil {
		return err
	}
	amount, err := New(value, w.AssetCode, *w.AssetScale)
	if err != nil {
		return err
	}
	*a = amount
	return nil
}

// parseInteger reads canonical digits with an optional minus: no plus, no leading zero.
func parseInteger(text string) (int64, error) {
	value, err := strconv.ParseInt(text, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) && value < 0:
		return 0, fmt.Errorf("%w: %s", ErrNegative, shown(text))
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%w: %s", ErrTooLarge, shown(text))
	case err != nil, strconv.FormatInt(value, 10) != text:
		return 0, fmt.Errorf("%w: the value is %s", ErrInvalidJSON, shown(text))
	}
	return value, nil
}
