package attacks

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The markers in docs/security.md that the table stands between.
const (
	tableBegins = "<!-- attacks: written by make attacks ARGS=--write -->\n"
	tableEnds   = "<!-- /attacks -->\n"
)

// document is where the table stands, below the root of the repository.
func document(root string) string { return filepath.Join(root, "docs", "security.md") }

// Table is the report: every attack, by the door that it is tried at.
func Table() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%d attacks.\n", len(All()))
	for _, door := range doors {
		fmt.Fprintf(&out, "\n### %s\n\n| attack | who | aims at | ends with | told by |\n|---|---|---|---|---|\n", door.Name)
		for _, a := range door.Attacks {
			fmt.Fprintf(&out, "| `%s`: %s | %s | %s | %s | %s |\n", a.ID, cell(a.Title), a.By, a.Aim, cell(endings(a.Refused)), cell(lines(a.Told)))
		}
	}
	return out.String()
}

func endings(all []Refusal) string {
	words := make([]string, len(all))
	for i, r := range all {
		words[i] = strings.TrimSpace(fmt.Sprintf("%d %s", r.Status, quoted(r.Says)))
		if r.Status == 0 {
			words[i] = "no answer"
		}
	}
	return strings.Join(words, ", ")
}

func quoted(text string) string {
	text = strings.Trim(strings.TrimPrefix(text, `"code":`), `"`)
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func lines(all []Line) string {
	words := make([]string, len(all))
	for i, l := range all {
		words[i] = fmt.Sprintf("%s `%s=%s`", l.Program, l.Key, l.Holds)
	}
	return strings.Join(words, ", ")
}

// cell keeps text from ending a cell of the table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// written is the document with the table as it is now.
func written(text string) (string, error) {
	before, rest, begins := strings.Cut(text, tableBegins)
	_, after, ends := strings.Cut(rest, tableEnds)
	if !begins || !ends {
		return "", fmt.Errorf("docs/security.md lacks %q or %q", tableBegins, tableEnds)
	}
	return before + tableBegins + Table() + tableEnds + after, nil
}

// WriteTable writes the table into docs/security.md of the repository at root.
func WriteTable(root string) error {
	text, err := os.ReadFile(document(root))
	if err != nil {
		return err
	}
	whole, err := written(string(text))
	if err != nil {
		return err
	}
	return os.WriteFile(document(root), []byte(whole), 0o600) //nolint:gosec // G703: the root is that of this repository
}
