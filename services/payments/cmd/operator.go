package cmd

import (
	"os/user"

	"tianguis.example/payments/operator"
)

// atCommandLine is whoever runs a command, by the name that the system has for them.
func atCommandLine() operator.Operator {
	o := operator.Operator{Door: operator.ByCommandLine}
	if who, err := user.Current(); err == nil {
		return o.Claimed(who.Username)
	}
	return o
}
