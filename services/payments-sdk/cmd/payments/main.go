// Command payments is the payments service, and its operator's tool, reaching wallets with the official Open Payments SDK for Go.
package main

import (
	sdk "tianguis.example/payments-sdk"
	"tianguis.example/payments/cmd"
)

func main() { cmd.Main(sdk.New) }
