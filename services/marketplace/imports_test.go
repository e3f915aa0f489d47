package marketplace_test

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

const module = "tianguis.example/marketplace"

// mayImport is the drawing of this module, of our own packages. One that is not in it fails the test.
var mayImport = map[string][]string{
	".":               {"tianguis.example/payments/api", "tianguis.example/payments/money", "tianguis.example/chassis/clock"},
	"store":           {".", "tianguis.example/chassis/canonical", "tianguis.example/chassis/database", "tianguis.example/payments/money"},
	"language":        {"tianguis.example/payments/money"},
	"uploads":         {".", "tianguis.example/chassis/clock", "tianguis.example/chassis/disk"},
	"web":             {".", "language", "tianguis.example/chassis/clock", "tianguis.example/chassis/httpserver", "tianguis.example/chassis/ratelimit", "tianguis.example/chassis/turnstile"},
	"deadline":        {".", "tianguis.example/chassis/clock", "tianguis.example/chassis/worker"},
	"inbox":           {".", "tianguis.example/chassis/clock", "tianguis.example/chassis/httpserver", "tianguis.example/chassis/worker", "tianguis.example/payments/webhook"},
	"notify":          {".", "language", "tianguis.example/chassis/clock", "tianguis.example/chassis/logging", "tianguis.example/chassis/worker", "tianguis.example/payments/webhook"},
	"cmd/marketplace": {"*"},
}

// rulesMayNot keeps how things are said and kept out of the rules.
var rulesMayNot = []string{"net/http", "database/sql", "gorm.io/", "github.com/labstack/", "github.com/spf13/"}

func TestImportsPointOneWay(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir(".", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		files++
		folder := filepath.ToSlash(filepath.Dir(file))
		allowed, known := mayImport[folder]
		require.True(t, known, "%s: its package is not in the drawing", file)
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, spec := range f.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			require.NoError(t, err)
			if folder == "." {
				for _, no := range rulesMayNot {
					require.False(t, strings.HasPrefix(p, no), "%s imports %s", file, p)
				}
			}
			if !strings.HasPrefix(p, "tianguis.example/") {
				continue
			}
			if p == module {
				p = "."
			}
			p = strings.TrimPrefix(p, module+"/")
			require.True(t, slices.Contains(allowed, p) || slices.Contains(allowed, "*"), "%s imports %s", file, p)
		}
		return nil
	})
	require.NoError(t, err)
	require.NotZero(t, files)
}
