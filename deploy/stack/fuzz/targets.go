package fuzz

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Target is a function of a test that the go command can call with whatever bytes it thinks of.
type Target struct {
	Folder string // of its package, below the root of the repository, with slashes
	Name   string
}

func (t Target) String() string { return t.Folder + " " + t.Name }

// Targets finds those of the services below root whose folder and name contain these words ("" for all), in order.
func Targets(root, folder, name string) ([]Target, error) {
	var all []Target
	err := filepath.WalkDir(filepath.Join(root, "services"), func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		for _, declared := range parsed.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if !ok || function.Recv != nil || !strings.HasPrefix(function.Name.Name, "Fuzz") {
				continue
			}
			t := Target{filepath.ToSlash(below), function.Name.Name}
			if strings.Contains(t.Folder, folder) && strings.Contains(t.Name, name) {
				all = append(all, t)
			}
		}
		return nil
	})
	slices.SortFunc(all, func(a, b Target) int { return strings.Compare(a.String(), b.String()) })
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("no fuzz target is in a package like %q with a name like %q", folder, name)
	}
	return all, err
}
