package payments_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "tianguis.example/payments"

// mayImport is the drawing of this module: which package may import which of ours. A package that is not in it fails the test.
var mayImport = map[string][]string{
	// logging for logging.Secret alone: a token in a Payment must not be printable.
	".":            {"openpayments", "operator", "webhook", "money", "tianguis.example/chassis/clock", "tianguis.example/chassis/logging"},
	"money":        {},
	"webhook":      {"money"},
	"egress":       {},
	"apikey":       {"tianguis.example/chassis/clock", "tianguis.example/chassis/ratelimit"},
	"operator":     {},
	"openpayments": {"money"},
	// The contract that every implementation of the rules' wallets is held to.
	"openpayments/contracttest": {".", "openpayments", "egress", "money"},
	"walletcache":               {".", "openpayments", "tianguis.example/chassis/clock"},
	"api":                       {"money"},
	"outbox":                    {"operator", "webhook", "tianguis.example/chassis/clock", "tianguis.example/chassis/worker"},
	"store":                     {".", "apikey", "operator", "outbox", "webhook", "money", "tianguis.example/chassis/canonical", "tianguis.example/chassis/database", "tianguis.example/chassis/logging"},
	// openpayments for the types that the rules answer with (the interface in routes.go); rest calls no wallet.
	"rest": {
		".", "operator", "outbox", "webhook", "api", "apikey", "money", "openpayments",
		"tianguis.example/chassis/httpserver", "tianguis.example/chassis/logging", "tianguis.example/chassis/clock", "tianguis.example/chassis/ratelimit", "tianguis.example/chassis/turnstile",
	},
	"listener":     {"api", "webhook", "tianguis.example/chassis/clock"},
	"sheet":        {".", "operator", "money"},
	"console":      {".", "operator", "outbox", "sheet", "webhook", "apikey", "tianguis.example/chassis/clock", "tianguis.example/chassis/httpserver", "tianguis.example/chassis/logging"},
	"cmd":          {"*"},
	"cmd/payments": {"cmd"},
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	err := filepath.WalkDir(".", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		folder := filepath.ToSlash(filepath.Dir(file))
		seen[folder] = true
		allowed, known := mayImport[folder]
		if !known {
			t.Errorf("%s: its package is not in the drawing", file)
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if !strings.HasPrefix(path, "tianguis.example/") {
				continue // third parties: depguard
			}
			if path == module {
				path = "."
			}
			path = strings.TrimPrefix(path, module+"/")
			if !slices.Contains(allowed, path) && !slices.Contains(allowed, "*") {
				t.Errorf("%s imports %s, which is not in the drawing", file, path)
			}
		}
		return nil
	})
	require.NoError(t, err)
	for drawn := range mayImport {
		require.True(t, seen[drawn], "the drawing has a package %s, which is not there", drawn)
	}
}
