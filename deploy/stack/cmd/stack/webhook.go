package main

import (
	"context"
	"encoding/json"
	"fmt"

	"tianguis.example/stack"
)

// delivery is a webhook of `payments payment show --json`, and attempt one try to send it.
type (
	delivery struct {
		Type     string    `json:"type"`
		State    string    `json:"state"`
		Attempts []attempt `json:"attempts"`
	}
	attempt struct {
		Status int    `json:"status"`
		Error  string `json:"error"`
	}
)

func (d delivery) last() attempt {
	if len(d.Attempts) == 0 {
		return attempt{}
	}
	return d.Attempts[len(d.Attempts)-1]
}

// webhookOf is the latest webhook of a payment; the zero delivery when there is none yet.
func webhookOf(ctx context.Context, s *stack.Stack, pendingID string) (delivery, error) {
	out, err := s.Payments.Run(ctx, "payment", "show", pendingID, "--json")
	if err != nil {
		return delivery{}, err
	}
	var told struct {
		Webhooks []delivery `json:"webhooks"`
	}
	if err := json.Unmarshal(out, &told); err != nil {
		return delivery{}, fmt.Errorf("read the story of payment %s: %w", pendingID, err)
	}
	if len(told.Webhooks) == 0 {
		return delivery{}, nil
	}
	return told.Webhooks[len(told.Webhooks)-1], nil
}
