package language

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

//go:embed messages/*.toml
var embedded embed.FS

// Catalogue has every language that the marketplace speaks.
type Catalogue struct {
	all     []*Language // English first
	matcher language.Matcher
}

// file is a messages/<tag>.toml.
type file struct {
	Language struct {
		Tag    string   // the region decides how numbers look
		Name   string   // in the language itself
		Date   string   // "{day} de {month} de {year}"
		Months []string // from January
	}
	// Messages are by their English sentence. One that depends on a number has a sentence for each plural form of the language (zero, one, two, few,
	// many, other), which the first number in it decides.
	Messages map[string]any
}

// Load reads the files that are compiled in.
func Load() (*Catalogue, error) {
	names, err := fs.Glob(embedded, "messages/*.toml")
	if err != nil {
		return nil, err
	}
	c := &Catalogue{}
	builder := catalog.NewBuilder(catalog.Fallback(language.English))
	for _, name := range names {
		l, err := read(builder, name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path.Base(name), err)
		}
		c.all = append(c.all, l)
	}
	slices.SortStableFunc(c.all, func(a, b *Language) int { // what nobody can choose from is English
		switch {
		case a.Code == "en":
			return -1
		case b.Code == "en":
			return 1
		}
		return strings.Compare(a.Code, b.Code)
	})
	tags := make([]language.Tag, len(c.all))
	for i, l := range c.all {
		l.printer = message.NewPrinter(l.tag, message.Catalog(builder))
		l.learnMark()
		tags[i] = l.tag
	}
	c.matcher = language.NewMatcher(tags)
	return c, nil
}

func read(builder *catalog.Builder, name string) (*Language, error) {
	text, err := embedded.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var f file
	if err := toml.Unmarshal(text, &f); err != nil {
		return nil, err
	}
	tag, err := language.Parse(f.Language.Tag)
	if err != nil {
		return nil, err
	}
	if len(f.Language.Months) != 12 {
		return nil, fmt.Errorf("a year has twelve months, and not %d", len(f.Language.Months))
	}
	l := &Language{
		Code: strings.TrimSuffix(path.Base(name), ".toml"), Name: f.Language.Name, tag: tag,
		date: f.Language.Date, months: f.Language.Months, messages: f.Messages,
	}
	for key, said := range f.Messages {
		if err := set(builder, tag, key, said); err != nil {
			return nil, fmt.Errorf("%q: %w", key, err)
		}
	}
	return l, nil
}

func set(builder *catalog.Builder, tag language.Tag, key string, said any) error {
	switch said := said.(type) {
	case string:
		return builder.SetString(tag, key, said)
	case map[string]any:
		var cases []any
		for _, form := range []string{"zero", "one", "two", "few", "many", "other"} {
			if text, ok := said[form].(string); ok {
				cases = append(cases, form, text)
			}
		}
		return builder.Set(tag, key, plural.Selectf(1, "%d", cases...))
	}
	return fmt.Errorf("it is neither a sentence nor one for each plural form")
}

// Languages are all there are, English first.
func (c *Catalogue) Languages() []*Language { return c.all }

// Match is the language that suits best of those that somebody prefers, most wanted first: codes ("es"), or an Accept-Language
// header (RFC 9110 section 12.5.4). It is English when none does.
func (c *Catalogue) Match(preferred ...string) *Language {
	_, i := language.MatchStrings(c.matcher, preferred...)
	return c.all[i]
}
