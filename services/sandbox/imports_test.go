package sandbox_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "tianguis.example/sandbox"

// mayImport is the drawing of this module. A package that is not in it fails the test.
var mayImport = map[string][]string{
	".":              {"tianguis.example/chassis/clock"},
	"schema":         {},
	"page":           {"."},
	"signature":      {"."},
	"authserver":     {".", "signature", "schema", "page"},
	"resourceserver": {".", "signature", "schema"},
	"control":        {".", "tianguis.example/chassis/clock"},
	"cmd/sandbox": {".", "authserver", "resourceserver", "signature", "control", "page", "tianguis.example/chassis/cli", "tianguis.example/chassis/clock",
		"tianguis.example/chassis/httpserver", "tianguis.example/chassis/logging", "tianguis.example/chassis/settings", "tianguis.example/chassis/tracing"},
}

// never are third parties and parts of the standard library that the rules do without.
var never = map[string][]string{
	".":       {"net/http", "github.com/"},
	"schema":  {"net/http", "github.com/"},
	"control": {"github.com/"}, // others import its client
}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(".", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		name := filepath.ToSlash(filepath.Dir(file))
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("%s: its package is not in the drawing", file)
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			p, _ := strconv.Unquote(spec.Path.Value)
			for _, banned := range never[name] {
				if strings.HasPrefix(p, banned) {
					t.Errorf("%s imports %s", file, p)
				}
			}
			if !strings.HasPrefix(p, "tianguis.example/") {
				continue
			}
			if p == module {
				p = "."
			}
			if p = strings.TrimPrefix(p, module+"/"); !slices.Contains(allowed, p) {
				t.Errorf("%s imports %s", file, p)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
