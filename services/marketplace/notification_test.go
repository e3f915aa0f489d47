package marketplace_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
)

const (
	funder    marketplace.UserID = 1
	worker    marketplace.UserID = 2
	rival     marketplace.UserID = 3
	withdrawn marketplace.UserID = 4
	operator  marketplace.UserID = 9
)

// TestTell_EveryEventToEachOfItsPeople is the whole table, written a second time.
func TestTell_EveryEventToEachOfItsPeople(t *testing.T) {
	t.Parallel()
	parties := marketplace.Parties{Funder: funder, Worker: worker, Applicants: []marketplace.UserID{worker, rival}, Operators: []marketplace.UserID{operator}}
	for event, want := range map[string]string{
		"created": "", "publish": "", "edit": "",
		"apply": "1 application", "withdraw": "1 withdrawal", "close": "1 applications_closed",
		"select": "2 selection, 3 not_selected", "submit": "1 submission", "accept": "2 acceptance", "reject": "2 rejection",
		"cancel": "1 canceled, 2 canceled, 3 canceled", "expire": "1 expired, 2 expired, 3 expired",
		"payment_started": "", "payment_failed": "1 payment_failed", "payment_late": "1 payment_late, 2 payment_late",
		"pay":              "2 payment_completed, 1 payment_arrived",
		"paid_out_of_turn": "1 paid_out_of_turn, 2 paid_out_of_turn, 9 paid_out_of_turn",
		"paid_again":       "1 paid_again, 2 paid_again, 9 paid_again", "overpaid": "1 overpaid, 2 overpaid, 9 overpaid", "rounded_up": "",
	} {
		at := noon.Add(time.Hour)
		var got []string
		for _, n := range marketplace.Tell(marketplace.Entry{At: at, Event: event, Detail: "why"}, parties, marketplace.Facts{JobID: 7, Title: "T"}) {
			require.Equal(t, at, n.At)
			require.Equal(t, "why", n.Facts.Detail)
			require.Equal(t, "T", n.Facts.Title)
			got = append(got, n.To.String()+" "+string(n.Kind))
		}
		require.Equal(t, want, strings.Join(got, ", "), event)
		require.Equal(t, want != "", marketplace.TellsAnybody(event), event)
		require.Equal(t, strings.Contains(want, "3 "), marketplace.TellsApplicants(event), event)
		require.Equal(t, strings.Contains(want, "9 "), marketplace.TellsOperators(event), event)

		// Whoever did it is told nothing, whoever that is.
		for _, doer := range []marketplace.UserID{funder, worker, rival, operator} {
			for _, n := range marketplace.Tell(marketplace.Entry{Event: event, By: doer}, parties, marketplace.Facts{}) {
				require.NotEqual(t, doer, n.To, "%s by %s", event, doer)
			}
		}
	}
}

// TestTell_EveryEventIsDecided: an event that the rules have and the table does not is a decision that nobody took.
func TestTell_EveryEventIsDecided(t *testing.T) {
	t.Parallel()
	events := eventConstants(t)
	require.Greater(t, len(events), 10)
	decided := tellingsOfSource(t)
	for _, event := range events {
		require.Contains(t, decided, event, "decide in notification.go who is told of it")
	}
	for _, action := range marketplace.Actions {
		require.Contains(t, events, string(action))
	}
}

// eventConstants are what the rules' source names as an Action or as an Event….
func eventConstants(t *testing.T) (all []string) {
	t.Helper()
	eachFile(t, func(f *ast.File) {
		for _, decl := range f.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, spec := range group.Specs {
				value := spec.(*ast.ValueSpec)
				kind, _ := value.Type.(*ast.Ident)
				for i, name := range value.Names {
					if i >= len(value.Values) || !strings.HasPrefix(name.Name, "Event") && (kind == nil || kind.Name != "Action") {
						continue
					}
					text, err := strconv.Unquote(value.Values[i].(*ast.BasicLit).Value)
					require.NoError(t, err)
					all = append(all, text)
				}
			}
		}
	})
	return all
}

// tellingsOfSource are the keys of the table, those for whom nobody is told among them.
func tellingsOfSource(t *testing.T) (keys []string) {
	t.Helper()
	constants := map[string]string{}
	eachFile(t, func(f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			if value, ok := n.(*ast.ValueSpec); ok {
				for i, name := range value.Names {
					if i < len(value.Values) {
						if l, ok := value.Values[i].(*ast.BasicLit); ok && l.Kind == token.STRING {
							constants[name.Name], _ = strconv.Unquote(l.Value)
						}
					}
				}
			}
			return true
		})
	})
	eachFile(t, func(f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			value, ok := n.(*ast.ValueSpec)
			if !ok || value.Names[0].Name != "tellings" {
				return true
			}
			for _, element := range value.Values[0].(*ast.CompositeLit).Elts {
				key := element.(*ast.KeyValueExpr).Key
				if conversion, ok := key.(*ast.CallExpr); ok { // string(Pay)
					key = conversion.Args[0]
				}
				switch key := key.(type) {
				case *ast.Ident:
					keys = append(keys, constants[key.Name])
				case *ast.BasicLit:
					text, err := strconv.Unquote(key.Value)
					require.NoError(t, err)
					keys = append(keys, text)
				}
			}
			return false
		})
	})
	require.NotEmpty(t, keys)
	return keys
}

func eachFile(t *testing.T, f func(*ast.File)) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		f(parsed)
	}
}

func TestTell_NobodyIsToldOfTheirOwnWord(t *testing.T) {
	t.Parallel()
	parties := marketplace.Parties{Funder: funder, Worker: worker}
	for reason, told := range map[string]bool{"rejected": false, "canceled": false, "expired": true, "insufficient_funds": true, "": true} {
		got := marketplace.Tell(marketplace.Entry{Event: marketplace.EventPaymentFailed, Detail: reason}, parties, marketplace.Facts{})
		require.Equal(t, told, len(got) == 1, reason)
	}
	// A funder who looks after the marketplace as well is told once; somebody who is not there, not at all.
	parties.Operators, parties.Worker = []marketplace.UserID{funder, operator}, 0
	got := marketplace.Tell(marketplace.Entry{Event: marketplace.EventPaidAgain}, parties, marketplace.Facts{})
	require.Len(t, got, 2)
	require.Equal(t, "/jobs/0", got[0].Words().Path)
	require.Equal(t, "/operator", got[1].Words().Path)
	// Whoever applied in vain may not see the job any more.
	got = marketplace.Tell(marketplace.Entry{Event: "select"}, marketplace.Parties{Funder: funder, Worker: worker, Applicants: []marketplace.UserID{funder, worker, rival}}, marketplace.Facts{JobID: 7})
	require.Len(t, got, 2, "the worker, and the rival; the funder did not apply")
	require.Equal(t, "/jobs/7", got[0].Words().Path)
	require.Equal(t, "/", got[1].Words().Path)
}

// kinds are all that the source names.
func kinds(t *testing.T) (all []marketplace.NotificationKind) {
	t.Helper()
	eachFile(t, func(f *ast.File) {
		ast.Inspect(f, func(n ast.Node) bool {
			value, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := value.Type.(*ast.Ident); ok && kind.Name == "NotificationKind" && len(value.Values) == 1 {
				text, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
				require.NoError(t, err)
				all = append(all, marketplace.NotificationKind(text))
			}
			return true
		})
	})
	require.Greater(t, len(all), 15)
	return all
}

func TestKinds_EachHasATopicAndWords(t *testing.T) {
	t.Parallel()
	headlines := map[string]bool{}
	facts := marketplace.Facts{JobID: 7, Title: "Sign", By: "Ana", Funder: "Fernanda", Worker: "Beto", Budget: amount(t, "100.00"), Detail: "d"}
	for _, kind := range kinds(t) {
		require.Contains(t, marketplace.Topics, kind.Topic(), kind)
		words := marketplace.Notification{Kind: kind, Facts: facts}.Words()
		require.NotEmpty(t, words.Headline.String(), kind)
		require.NotEmpty(t, words.Body, kind)
		require.NotEmpty(t, words.Action.String(), kind)
		require.True(t, strings.HasPrefix(words.Path, "/"), kind)
		for _, s := range append(slices.Clone(words.Body), words.Headline, words.Action) {
			require.NotContains(t, s.String(), "%!", kind)
		}
		require.False(t, headlines[words.Headline.String()], "%s: in words of its own", kind)
		headlines[words.Headline.String()] = true
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	var none marketplace.Preferences
	for _, kind := range kinds(t) {
		require.True(t, none.Wants(marketplace.Email, kind), kind)
		require.False(t, none.Wants(marketplace.SMS, kind), kind)
	}
	all := map[marketplace.Topic]bool{}
	nothing := map[marketplace.Topic]bool{}
	for _, topic := range marketplace.Topics {
		all[topic], nothing[topic] = true, false
	}
	quiet := marketplace.Preferences{Phone: "+525512345678", Wanted: map[marketplace.Channel]map[marketplace.Topic]bool{marketplace.Email: nothing, marketplace.SMS: all}}
	for _, kind := range kinds(t) {
		require.Equal(t, kind.Topic() == marketplace.TopicSecurity, quiet.Wants(marketplace.Email, kind), "%s: safety cannot be turned off", kind)
		require.Equal(t, !kind.Secret(), quiet.Wants(marketplace.SMS, kind), "%s: a secret goes by e-mail alone", kind)
	}
	quiet.Phone = ""
	require.False(t, quiet.Wants(marketplace.SMS, marketplace.NotifyPaid), "without a number there is no SMS")
}

func TestParsePhone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"": "", " ": "", "+52 55 1234 5678": "+525512345678", "+1 (415) 555-2671": "+14155552671", "+44.20.7946.0958": "+442079460958"} {
		got, err := marketplace.ParsePhone(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"55 1234 5678", "+", "+0123456789", "+1234567", "+12345678901234567", "+52 55 abc", "++525512345678", "+52;55", "＋525512345678", "+525512345678,+14155552671"} {
		_, err := marketplace.ParsePhone(text)
		require.Equal(t, marketplace.CodeInvalidInput, marketplace.CodeOf(err), "%q", text)
	}
}

func TestFacts_KeepAll(t *testing.T) {
	t.Parallel()
	for _, facts := range []marketplace.Facts{
		{}, {JobID: 7, Title: "«ñ» <b>", Budget: amount(t, "19.99"), By: "a", Funder: "f", Worker: "w", Detail: "d", Path: "/reset?token=x"},
	} {
		text, err := json.Marshal(facts)
		require.NoError(t, err)
		var back marketplace.Facts
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, facts, back)
	}
}

// TestMessages_OnlyOneWayOut: nothing but insertNotifications makes messages, so that nobody can be told past the preferences; but letters about accounts,
// of which there are none.
func TestMessages_OnlyOneWayOut(t *testing.T) {
	t.Parallel()
	var inserts []string
	err := filepath.WalkDir(".", func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if name, ok := call.Fun.(*ast.Ident); ok && name.Name == "insertMessages" {
					inserts = append(inserts, file)
				}
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, []string{"store/notifications.go", "store/notifications.go"}, inserts)
}
