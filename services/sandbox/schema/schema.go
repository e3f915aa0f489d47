// Package schema says what is wrong with a JSON body, in the words of a real wallet's
// OpenAPI validator, which clients and recordings know. It knows just the few rules
// that Open Payments uses, and nothing of HTTP. The doors call it.
package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Parse reads one JSON value, keeping numbers as they were written.
func Parse(body []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("read a JSON body: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read a JSON body: there is more after it")
	}
	return value, nil
}

// Rule checks the value at a place such as "body.incomingAmount.value" and returns
// what is wrong with it, or "".
type Rule func(at string, value any) string

// Field is a property of an object.
type Field struct {
	Name     string
	Required bool
	Rule     Rule
}

// Object is an object with these fields. Others are refused when closed.
func Object(closed bool, fields ...Field) Rule {
	return func(at string, value any) string {
		object, ok := value.(map[string]any)
		if !ok {
			return at + " must be object"
		}
		for _, f := range fields {
			if _, there := object[f.Name]; !there && f.Required {
				return fmt.Sprintf("%s must have required property '%s'", at, f.Name)
			}
		}
		if closed {
			for _, name := range slices.Sorted(keys(object)) {
				if !slices.ContainsFunc(fields, func(f Field) bool { return f.Name == name }) {
					return fmt.Sprintf("%s must NOT have additional properties: %s", at, name)
				}
			}
		}
		for _, f := range fields {
			if v, there := object[f.Name]; there {
				if wrong := f.Rule(at+"."+f.Name, v); wrong != "" {
					return wrong
				}
			}
		}
		return ""
	}
}

func keys(m map[string]any) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// Array is a list with a number of items in bounds, all different if unique.
func Array(least, most int, unique bool, item Rule) Rule {
	return func(at string, value any) string {
		list, ok := value.([]any)
		switch {
		case !ok:
			return at + " must be array"
		case len(list) < least:
			return fmt.Sprintf("%s must NOT have fewer than %d items", at, least)
		case len(list) > most:
			return fmt.Sprintf("%s must NOT have more than %d items", at, most)
		}
		seen := map[string]int{}
		for n, v := range list {
			if wrong := item(fmt.Sprintf("%s.%d", at, n), v); wrong != "" {
				return wrong
			}
			if first, twice := seen[fmt.Sprint(v)]; twice && unique {
				return fmt.Sprintf("%s must NOT have duplicate items (items ## %d and %d are identical)", at, first, n)
			}
			seen[fmt.Sprint(v)] = n
		}
		return ""
	}
}

// String is text that meets further conditions.
func String(conditions ...func(at, text string) string) Rule {
	return func(at string, value any) string {
		text, ok := value.(string)
		if !ok {
			return at + " must be string"
		}
		for _, c := range conditions {
			if wrong := c(at, text); wrong != "" {
				return wrong
			}
		}
		return ""
	}
}

// Integer is a whole number within bounds.
func Integer(least, most int64) Rule {
	return func(at string, value any) string {
		number, ok := value.(fmt.Stringer) // json.Number
		if !ok {
			return at + " must be integer"
		}
		n, ok := new(big.Int).SetString(number.String(), 10)
		switch {
		case !ok:
			return at + " must be integer"
		case n.Cmp(big.NewInt(least)) < 0:
			return fmt.Sprintf("%s must be >= %d", at, least)
		case n.Cmp(big.NewInt(most)) > 0:
			return fmt.Sprintf("%s must be <= %d", at, most)
		}
		return ""
	}
}

// Any lets everything pass.
func Any(string, any) string { return "" }

// Enum is one of the words.
func Enum(words ...string) Rule {
	return func(at string, value any) string {
		if text, ok := value.(string); !ok || !slices.Contains(words, text) {
			return at + " must be equal to one of the allowed values"
		}
		return ""
	}
}

// Format is a named OpenAPI format: uint64, date-time or uri.
func Format(name string) func(at, text string) string {
	return func(at, text string) string {
		if formats[name](text) {
			return ""
		}
		return fmt.Sprintf("%s must match format %q", at, name)
	}
}

var formats = map[string]func(string) bool{
	"uint64": func(s string) bool {
		if s == "" || strings.Trim(s, "0123456789") != "" {
			return false
		}
		n, ok := new(big.Int).SetString(s, 10)
		return ok && n.IsUint64()
	},
	"date-time": func(s string) bool {
		_, err := time.Parse(time.RFC3339, strings.ToUpper(s))
		return err == nil
	},
	"uri": func(s string) bool {
		u, err := url.Parse(s)
		return err == nil && u.IsAbs() && !strings.ContainsAny(s, " \t\r\n")
	},
}

// Pattern is a regular expression, shown as the wallet shows it.
func Pattern(expression, shown string) func(at, text string) string {
	pattern := regexp.MustCompile(expression)
	return func(at, text string) string {
		if pattern.MatchString(text) {
			return ""
		}
		return fmt.Sprintf("%s must match pattern %q", at, shown)
	}
}

// Amount is an Open Payments amount.
var Amount = Object(false,
	Field{"value", true, String(Format("uint64"))},
	Field{"assetCode", true, String()},
	Field{"assetScale", true, Integer(0, 255)},
)

// Receiver is the URL of an incoming payment.
var Receiver = String(Format("uri"),
	Pattern(`^(https|http)://(.+)/incoming-payments/(.+)$`, `^(https|http):..(.+).incoming-payments.(.+)$`))
