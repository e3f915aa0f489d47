//go:build !crashpoints

package cmd

import (
	"net/http"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments"
	"tianguis.example/payments/store"
)

// crashes are where the crash test kills this process, and how it moves its time: nowhere and not at all, unless it is
// built with the tag crashpoints.
type crashes struct{}

func newCrashes() crashes { return crashes{} }

// keeper is the store as the program uses it.
type keeper = *store.Store

func (crashes) store(s *store.Store) keeper { return s }

func (crashes) clock(c clock.Clock) clock.Clock { return c }

// wallets are those of an identity.
func (crashes) wallets(of func(payments.Client) (payments.Wallets, error)) func(payments.Client) (payments.Wallets, error) {
	return of
}

// receiver is the client that webhooks are sent to the marketplace with.
func (crashes) receiver(c *http.Client) *http.Client { return c }

func crashCommands() []*cobra.Command { return nil }
