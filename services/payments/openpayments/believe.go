package openpayments

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"tianguis.example/payments/money"
)

// The checks that answers have in common. Their errors name the field, never its value.

// maxDuration bounds what a stranger can make us wait or rely on.
const maxDuration = 365 * 24 * time.Hour

// toDuration turns seconds into a Duration within 0 and maxDuration.
func toDuration(seconds int64) time.Duration {
	return time.Duration(min(max(seconds, 0), int64(maxDuration/time.Second))) * time.Second
}

// seconds is a JSON integer of seconds, not negative.
type seconds time.Duration

func (s *seconds) UnmarshalJSON(data []byte) error {
	var n json.Number
	if len(data) > 0 && data[0] == '"' {
		return errors.New("a number of seconds is in quotes")
	}
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	whole, err := n.Int64()
	if err != nil || whole < 0 || whole > math.MaxInt32 {
		return errors.New("a number of seconds is not an integer, negative or too large")
	}
	*s = seconds(toDuration(whole))
	return nil
}

// metadata keeps what is text of a wallet's metadata. Other clients may put there
// whatever they like (the specification leaves it open), and must not make a list
// unreadable by it.
type metadata map[string]string

func (m *metadata) UnmarshalJSON(data []byte) error {
	var all map[string]any
	_ = json.Unmarshal(data, &all) // what is not even an object holds nothing of ours
	*m = nil
	for key, value := range all {
		if text, ok := value.(string); ok {
			if *m == nil {
				*m = metadata{}
			}
			(*m)[key] = quotable(text)
		}
	}
	return nil
}

func believeURL(field, value string) error {
	if err := checkURL(value); err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	return nil
}

// believeURLOf is believeURL for an address that is of the host that answered: a token goes there, or what it says is taken for that host's word.
func believeURLOf(field, value, asked string) error {
	if err := believeURL(field, value); err != nil {
		return err
	}
	if !sameHost(value, asked) {
		return fmt.Errorf("%s: it is of another host than was asked", field)
	}
	return nil
}

// believeURLs checks pairs of field and value.
func believeURLs(pairs ...[2]string) error {
	for _, pair := range pairs {
		if err := believeURL(pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

// believeSame checks that an answer is about what was asked; nothing asked is anything.
func believeSame(field, answered, asked string) error {
	if asked != "" && !sameResource(answered, asked) {
		return fmt.Errorf("%s: it is another one than was asked for", field)
	}
	return nil
}

func believeAmount(field string, amount money.Amount) error {
	if !amount.IsSet() {
		return fmt.Errorf("%s: it is missing", field)
	}
	return nil
}
