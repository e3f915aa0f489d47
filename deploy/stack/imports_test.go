package stack_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "tianguis.example/stack"

// mayImport is the drawing of this module: what of ours each package may import. A package that
// is not in it fails the test. Nothing here may know a service's rules or store: what the stack
// sees is what an operator or a caller sees.
var mayImport = map[string][]string{
	".":            {"tianguis.example/chassis/clock", "tianguis.example/sandbox/control"},
	"postgres":     {"tianguis.example/chassis/clock", "tianguis.example/chassis/database"},
	"person":       {"tianguis.example/chassis/clock"},
	"tally":        {},
	"statementlog": {},
	"prometheus":   {"."},
	"dashboard":    {},
	"chaos":        {".", "postgres", "person", "tally", "tianguis.example/chassis/clock", "tianguis.example/chassis/database", "tianguis.example/sandbox/control"},
	// What the services' limits are measured with: the wallet's protocol, and webhooks, without the services.
	"bench": {".", "postgres", "person", "tianguis.example/chassis/clock", "tianguis.example/chassis/database", "tianguis.example/sandbox/control", "tianguis.example/payments/api",
		"tianguis.example/payments/money", "tianguis.example/payments/openpayments", "tianguis.example/payments/webhook"},
	"webhooks":   {".", "postgres", "tally", "tianguis.example/chassis/clock", "tianguis.example/chassis/database"},
	"attacks":    {".", "person", "tianguis.example/chassis/clock", "tianguis.example/chassis/database", "tianguis.example/sandbox/control", "tianguis.example/payments/webhook"},
	"fuzz":       {},
	"supply":     {},
	"cmd/setup":  {"tianguis.example/chassis/clock", "tianguis.example/sandbox/control"},
	"cmd/stack":  {".", "attacks", "bench", "chaos", "dashboard", "fuzz", "supply", "prometheus", "webhooks", "postgres", "person", "tianguis.example/chassis/clock", "tianguis.example/sandbox/control", "tianguis.example/payments/api"},
	"systemtest": {".", "dashboard", "postgres", "prometheus", "person", "tianguis.example/chassis/clock", "tianguis.example/sandbox/control", "tianguis.example/payments/api"},
	"crashtest":  {".", "postgres", "person", "tianguis.example/chassis/clock", "tianguis.example/chassis/crashpoint", "tianguis.example/sandbox/control", "tianguis.example/payments/api"},
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "node_modules" {
			return fs.SkipDir
		}
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		allowed, known := mayImport[filepath.ToSlash(filepath.Dir(file))]
		if !known {
			t.Errorf("%s: its package is not in the drawing", file)
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if !strings.HasPrefix(imported, "tianguis.example/") {
				continue // third parties: depguard
			}
			if imported == module {
				imported = "."
			}
			if imported = strings.TrimPrefix(imported, module+"/"); !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s", file, imported)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// No service links what only tests need: its supply chain would be ours, for nothing.
func TestServicesLinkNoTestCode(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"payments", "marketplace", "sandbox"} {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "tianguis.example/"+service+"/cmd/"+service).Output()
		if err != nil {
			t.Fatal(err)
		}
		linked := strings.Fields(string(out))
		if !slices.Contains(linked, "tianguis.example/chassis/openapi") && service != "sandbox" {
			t.Errorf("%s does not link what it serves its document with: is this the list of all that it links?", service)
		}
		for _, p := range linked {
			if strings.HasPrefix(p, "github.com/pb33f/") || strings.HasPrefix(p, "github.com/stretchr/") || p == "testing" {
				t.Errorf("%s links %s", service, p)
			}
		}
	}
}
