package fuzz

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
)

// parsers are the packages that read bytes from outside, with what they read. Each has a target at least.
var parsers = map[string]string{
	"services/chassis/settings":                   "the operator's files and variables",
	"services/marketplace":                        "budgets, wallet addresses and payment pointers, names of files, e-mail addresses, telephone numbers, ids",
	"services/marketplace/inbox":                  "webhooks: headers and body",
	"services/marketplace/language":               "what browsers say of languages",
	"services/marketplace/uploads":                "files, whose type their bytes tell",
	"services/marketplace/web":                    "forms with files, addresses to go on to, filters",
	"services/payments":                           "pendingIds, wallet addresses, ids of offers and sellers",
	"services/payments/apikey":                    "keys, as the configuration names and requests show them",
	"services/payments/console":                   "filters and cursors",
	"services/payments/egress":                    "addresses to connect to, hosts that an operator names",
	"services/payments/money":                     "amounts",
	"services/payments/openpayments":              "finish hashes; key files; what is written on the wire; how long a document may be kept",
	"services/payments/openpayments/contracttest": "what wallets answer: documents, grants, tokens, payments, quotes, lists, refusals",
	"services/payments/outbox":                    "addresses of endpoints, what receivers answer, times, schedules",
	"services/payments/rest":                      "bodies, paths, the return from the wallet, Idempotency-Keys, filters and cursors",
	"services/payments/sheet":                     "whatever stands in a cell",
	"services/payments/webhook":                   "webhooks, their headers and secrets",
	"services/sandbox":                            "amounts and rates",
	"services/sandbox/signature":                  "HTTP message signatures, and JSON as JavaScript writes it",
}

func TestTargets_EveryParserHasOne(t *testing.T) {
	t.Parallel()
	root, err := stack.Root()
	require.NoError(t, err)
	all, err := Targets(root, "", "")
	require.NoError(t, err)
	found := map[string]bool{}
	for _, target := range all {
		found[target.Folder] = true
		require.Contains(t, parsers, target.Folder, "say here what it reads")
	}
	for folder, reads := range parsers {
		require.True(t, found[folder], "%s reads %s, and has no fuzz target", folder, reads)
	}
	_, err = Targets(root, "no-such-package", "")
	require.Error(t, err, "to fuzz nothing is a mistake")
}

func TestLine(t *testing.T) {
	t.Parallel()
	require.Equal(t, "fuzz: 7 targets, 1 failed", Result{Tried: 7, Failed: []Target{{"a", "FuzzB"}}}.Line())
	require.Equal(t, "41 inputs", progress("fuzz: elapsed: 3s, execs: 7 (1/sec)\nfuzz: elapsed: 6s, execs: 41 (1/sec)\n"))
}
