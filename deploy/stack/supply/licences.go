package supply

import (
	"fmt"
	"slices"
	"strings"
)

// allowed are the licences under which this project uses what others have written: each lets a program that is built with it be used, changed and sold, and asks
// for no more than its text and its authors' names to go along; MPL-2.0 also asks for changes to its own files to be given out, and we change none.
var allowed = []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "Python-2.0", "Unlicense"}

// decided is what a person read where the program that guesses licences cannot tell, or is wrong.
var decided = map[string]struct{ licence, why string }{
	"github.com/golang/freetype":            {"FTL", "of the FreeType License and GPL-2.0-or-later one may choose, and its licence asks for a mention; the charts of docs/ are drawn with it, and no service is built with it"},
	"github.com/opencontainers/go-digest":   {"Apache-2.0", "its code; CC-BY-SA-4.0 is its documentation's"},
	"github.com/gogo/protobuf":              {"BSD-3-Clause", "its text is that of BSD-3-Clause with a line more"},
	"golang.org/x/crypto":                   {"BSD-3-Clause", "the Go project's own"},
	"golang.org/x/image":                    {"BSD-3-Clause", "the Go project's own"},
	"golang.org/x/net":                      {"BSD-3-Clause", "the Go project's own"},
	"golang.org/x/sync":                     {"BSD-3-Clause", "the Go project's own"},
	"golang.org/x/sys":                      {"BSD-3-Clause", "the Go project's own"},
	"golang.org/x/text":                     {"BSD-3-Clause", "the Go project's own"},
	"std":                                   {"BSD-3-Clause", "the Go project's own"},
	"npm:@interledger/http-signature-utils": {"Apache-2.0", "its LICENSE; its package.json does not say"},
	"npm:@interledger/open-payments":        {"Apache-2.0", "its LICENSE; its package.json does not say"},
	"npm:@interledger/openapi":              {"Apache-2.0", "its LICENSE; its package.json does not say"},
	"npm:only":                              {"MIT", "its Readme.md; its package.json does not say"},
	"golang.org/x/time":                     {"BSD-3-Clause", "the Go project's own"},
}

// Licence is the licence under which a component is used, or an error that says why it may not be.
func (c Component) Licence() (string, error) {
	if d, known := decided[c.Name]; known {
		return d.licence, nil
	}
	for _, l := range c.Licences {
		if !slices.Contains(allowed, l) {
			return "", fmt.Errorf("%s %s is under %s, which is not allowed here: read its licence, and decide in deploy/stack/supply/licences.go", c.Name, c.Version, l)
		}
	}
	if len(c.Licences) == 0 {
		return "", fmt.Errorf("no licence of %s %s was found: read it, and decide in deploy/stack/supply/licences.go", c.Name, c.Version)
	}
	return strings.Join(c.Licences, " AND "), nil
}

// List sorts components, each version once, and writes a line for each: its name, version and licence. The errors are of those that may not be used, and of
// decisions about what is not used any more.
func List(all []Component) (lines []string, wrong []error) {
	used := map[string]bool{}
	for _, c := range all {
		used[c.Name] = true
		licence, err := c.Licence()
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", c.Name, c.Version, licence))
	}
	for name := range decided {
		if !used[name] {
			wrong = append(wrong, fmt.Errorf("a licence was decided of %s, which is not used: delete that line of deploy/stack/supply/licences.go", name))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines), wrong
}
