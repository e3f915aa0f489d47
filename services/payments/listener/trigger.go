package listener

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"tianguis.example/payments/api"
	"tianguis.example/payments/webhook"
)

const maxAnswer = 64 << 10 // bytes

// Trigger has every listener of the service that runs on this machine make a test event. None is no error.
func Trigger(ctx context.Context, payments *api.Client, t webhook.Type, offer string) ([]Forwarded, error) {
	all, err := payments.WebhookEndpoints(ctx)
	if err != nil {
		return nil, err
	}
	var came []Forwarded
	for _, e := range all.Endpoints {
		if e.Description != listenerMark || !answers(ctx, e.URL) || len(e.EventTypes) > 0 && t != webhook.Ping && !slices.Contains(e.EventTypes, string(t)) {
			continue
		}
		f, err := ask(ctx, e.URL+triggerPath, triggered{t, offer})
		if err != nil {
			return came, err
		}
		came = append(came, f)
	}
	return came, nil
}

func ask(ctx context.Context, address string, asked triggered) (f Forwarded, err error) {
	body, err := json.Marshal(asked)
	if err != nil {
		return f, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return f, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return f, err
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return f, err
	}
	if answer.StatusCode != http.StatusOK {
		return f, fmt.Errorf("the listener says: %s", strings.TrimSpace(string(said)))
	}
	return f, json.Unmarshal(said, &f)
}
