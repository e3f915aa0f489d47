package openpayments

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// listCall is the call for one page, its query in the order of traces/01-happy.json.
func listCall(op, path string, params ListParams) (call, error) {
	address, err := join(params.BaseURL, path)
	switch {
	case err != nil:
	case params.WalletAddress == "":
		err = errors.New("a list is of one wallet address")
	case params.First < 0 || params.Last < 0 || params.First > 0 && params.Last > 0:
		err = errors.New("at most one of first and last is set, and not below zero")
	}
	if err != nil {
		return call{op: op}, err
	}
	query := url.Values{"wallet-address": {params.WalletAddress}}
	if params.Cursor != "" {
		query.Set("cursor", params.Cursor)
	}
	if params.First > 0 {
		query.Set("first", strconv.Itoa(params.First))
	}
	if params.Last > 0 {
		query.Set("last", strconv.Itoa(params.Last))
	}
	return call{
		op: op, method: http.MethodGet, url: address + "?" + query.Encode(), token: params.AccessToken, authorized: true,
	}, nil
}

type pageWire[W any] struct {
	Result     []W        `json:"result"`
	Pagination Pagination `json:"pagination"`
}

func believePage[W, V any](wire pageWire[W], believe func(W) (V, error)) (Page[V], error) {
	if wire.Result == nil {
		return Page[V]{}, errors.New("result: it is missing")
	}
	page := Page[V]{Result: make([]V, 0, len(wire.Result)), Pagination: wire.Pagination}
	for i, item := range wire.Result {
		value, err := believe(item)
		if err != nil {
			return Page[V]{}, fmt.Errorf("result %d: %w", i, err)
		}
		page.Result = append(page.Result, value)
	}
	return page, nil
}
