package money_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"tianguis.example/payments/money"
)

func ExampleParseDecimal() {
	price, err := money.ParseDecimal("19.99", "MXN", 2)
	fmt.Println(price, price.Value(), err)

	_, err = money.ParseDecimal("19.999", "MXN", 2)
	fmt.Println(errors.Is(err, money.ErrTooPrecise))
	fmt.Println(err)
	// Output:
	// 19.99 MXN 1999 <nil>
	// true
	// the amount has more decimals than its asset: "19.999", but MXN has 2
}

func ExampleAmount_MarshalJSON() {
	price, _ := money.New(10000, "MXN", 2)
	text, _ := json.Marshal(price)
	fmt.Println(string(text))
	// Output: {"value":"10000","assetCode":"MXN","assetScale":2}
}
