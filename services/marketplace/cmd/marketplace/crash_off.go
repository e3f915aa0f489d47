//go:build !crashpoints

package main

import (
	"github.com/spf13/cobra"

	"tianguis.example/chassis/clock"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
)

// crashes are where the crash test kills this process, and how it moves its time: nowhere and not at all, unless it is
// built with the tag crashpoints.
type crashes struct{}

func newCrashes() crashes { return crashes{} }

func (crashes) store(s *store.Store) *store.Store { return s }

func (crashes) clock(c clock.Clock) clock.Clock { return c }

func (crashes) payments(p marketplace.Payments) marketplace.Payments { return p }

func (*shell) crashCommands() []*cobra.Command { return nil }
