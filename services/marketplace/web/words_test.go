package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"
	"unicode"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"tianguis.example/marketplace/language"
)

// TestWords_EveryLanguageHasEverySentence: what the templates and the code say is in each language's file, with the same verbs, and nothing
// else is.
func TestWords_EveryLanguageHasEverySentence(t *testing.T) {
	t.Parallel()
	catalogue, err := language.Load()
	require.NoError(t, err)
	said := map[string]string{} // where, by sentence
	trees(t, func(name string, root *parse.ListNode) { templateSentences(name, root, said) })
	codeSentences(t, said)
	require.Greater(t, len(said), 100)
	require.Greater(t, len(catalogue.Languages()), 1)
	for _, l := range catalogue.Languages() {
		for sentence, where := range said {
			if !l.Has(sentence) {
				t.Errorf("messages/%s.toml lacks %q, of %s", l.Code, sentence, where)
			}
		}
		for _, sentence := range l.Sentences() {
			if said[sentence] == "" {
				t.Errorf("messages/%s.toml: nobody says %q any more", l.Code, sentence)
			}
			for _, form := range l.Forms(sentence) {
				require.Equal(t, verbs(sentence), verbs(form), "messages/%s.toml: %q", l.Code, form)
			}
		}
	}
}

// verbs are those of a format, in any order.
func verbs(format string) []string {
	var all []string
	for rest := format; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found || after == "" {
			slices.Sort(all)
			return all
		}
		verb := strings.TrimLeft(after, "[0123456789]")
		all, rest = append(all, verb[:1]), verb[1:]
	}
}

// trees gives the parsed templates.
func trees(t *testing.T, f func(name string, root *parse.ListNode)) {
	t.Helper()
	for _, one := range pages(t).pages["en"] {
		for _, defined := range one.Templates() {
			if defined.Tree != nil {
				f(defined.Name(), defined.Tree.Root)
			}
		}
	}
}

// templateSentences are the first arguments of t.
func templateSentences(name string, node parse.Node, said map[string]string) {
	walk(node, func(n parse.Node) {
		command, ok := n.(*parse.CommandNode)
		if !ok || len(command.Args) < 2 {
			return
		}
		if called, ok := command.Args[0].(*parse.IdentifierNode); ok && called.Ident == "t" {
			if sentence, ok := command.Args[1].(*parse.StringNode); ok {
				said[sentence.Text] = "the template " + name
			}
		}
	})
}

// walk visits a template's nodes in the order of their text.
func walk(node parse.Node, visit func(parse.Node)) {
	branch := func(b *parse.BranchNode) {
		walk(b.Pipe, visit)
		walk(b.List, visit)
		if b.ElseList != nil {
			walk(b.ElseList, visit)
		}
	}
	visit(node)
	switch n := node.(type) {
	case *parse.ListNode:
		for _, child := range n.Nodes {
			walk(child, visit)
		}
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			walk(c, visit)
		}
	case *parse.CommandNode:
		for _, a := range n.Args {
			walk(a, visit)
		}
	case *parse.IfNode:
		branch(&n.BranchNode)
	case *parse.RangeNode:
		branch(&n.BranchNode)
	case *parse.WithNode:
		branch(&n.BranchNode)
	case *parse.TemplateNode:
		if n.Pipe != nil {
			walk(n.Pipe, visit)
		}
	}
}

// sayers are the functions whose returned sentences people read.
var sayers = []string{"Title", "Word", "TypeWord", "echosWords"}

// sentenceOf are the functions that are given a sentence, and which of their arguments it is.
var sentenceOf = map[string]int{"T": 0, "NotFound": 0, "forbidden": 0, "invalid": 0, "say": 0, "invalidFiles": 0, "note": 1, "written": 2}

// codeSentences are those of errors, of titles, and of what is given to T.
func codeSentences(t *testing.T, said map[string]string) {
	t.Helper()
	err := filepath.WalkDir("..", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		where := filepath.Clean(strings.TrimPrefix(file, "../"))
		literal := func(e ast.Expr) {
			if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if text, err := strconv.Unquote(l.Value); err == nil && text != "" {
					said[text] = where
				}
			}
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if !slices.Contains(sayers, n.Name.Name) {
					return true
				}
				ast.Inspect(n, func(inner ast.Node) bool {
					if r, ok := inner.(*ast.ReturnStmt); ok && len(r.Results) == 1 {
						literal(r.Results[0])
					}
					return true
				})
			case *ast.CallExpr:
				if at, ok := sentenceOf[called(n.Fun)]; ok && len(n.Args) > at {
					literal(n.Args[at])
				}
			case *ast.CompositeLit:
				if called(n.Type) != "Error" || foreign(n.Type) || strings.HasPrefix(where, "inbox/") {
					return true // what programs are told stays English
				}
				for _, element := range n.Elts {
					field, ok := element.(*ast.KeyValueExpr)
					if !ok || called(field.Key) != "Message" {
						continue
					}
					if _, joined := field.Value.(*ast.BinaryExpr); joined {
						t.Errorf("%s: a sentence that is put together cannot be translated: use Args", where)
					}
					literal(field.Value)
				}
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
}

// foreign is another package's type: the payments service's errors are programs' business.
func foreign(e ast.Expr) bool {
	selected, ok := e.(*ast.SelectorExpr)
	return ok && called(selected.X) == "api"
}

func called(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// notWords may stand in a template as they are, in every language.
var notWords = []string{"Tianguis", "payments payment show", "marketplace audit verify"}

// TestWords_TemplatesSayNothingThatCannotBeTranslated: between the tags, and in the attributes that people hear, there is no letter that did not
// go through t.
func TestWords_TemplatesSayNothingThatCannotBeTranslated(t *testing.T) {
	t.Parallel()
	trees(t, func(name string, root *parse.ListNode) {
		var text strings.Builder
		walk(root, func(n parse.Node) {
			switch n := n.(type) {
			case *parse.TextNode:
				text.Write(n.Text)
			case *parse.ActionNode, *parse.TemplateNode:
				text.WriteString("0")
			}
		})
		reader := html.NewTokenizer(strings.NewReader(strings.NewReplacer("<noscript>", "", "</noscript>", "").Replace(text.String())))
		for kind := reader.Next(); kind != html.ErrorToken; kind = reader.Next() {
			part := reader.Token()
			heard := []string{}
			if kind == html.TextToken {
				heard = append(heard, part.Data)
			}
			for _, a := range part.Attr {
				if slices.Contains([]string{"alt", "aria-label", "placeholder", "title", "data-once"}, a.Key) {
					heard = append(heard, a.Val)
				}
			}
			for _, words := range heard {
				words = strings.TrimSpace(strings.Join(strings.Fields(words), " "))
				for _, allowed := range notWords {
					words = strings.ReplaceAll(words, allowed, "")
				}
				if strings.ContainsFunc(words, unicode.IsLetter) {
					t.Errorf("the template %s says %q without t", name, words)
				}
			}
		}
	})
}
