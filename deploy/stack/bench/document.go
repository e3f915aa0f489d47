package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The markers in docs/benchmarks.md that the table stands between.
const (
	tableBegins = "<!-- figures: written by make bench ARGS=--write -->\n"
	tableEnds   = "<!-- /figures -->\n"
)

// Write writes the table into docs/benchmarks.md of the repository at root, and the pictures beside it.
func (r Result) Write(root string) error {
	docs := filepath.Join(root, "docs")
	file := filepath.Join(docs, "benchmarks.md")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	whole, err := r.written(string(text))
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(whole), 0o644); err != nil { //nolint:gosec // G306: for everybody to read
		return err
	}
	for name, picture := range r.Pictures() {
		if err := os.WriteFile(filepath.Join(docs, name), []byte(picture), 0o644); err != nil { //nolint:gosec // G306: for everybody to look at
			return err
		}
	}
	return nil
}

// written is the document with this table.
func (r Result) written(text string) (string, error) {
	before, rest, begins := strings.Cut(text, tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return "", fmt.Errorf("docs/benchmarks.md lacks %q or %q", tableBegins, tableEnds)
	}
	return before + tableBegins + "\n" + r.Markdown() + "\n" + tableEnds + after, nil
}
