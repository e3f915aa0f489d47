package language

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"tianguis.example/payments/money"
)

// Language is one of a catalogue.
type Language struct {
	Code string // of the file, and for HTML: "es"
	Name string // in the language itself: "Español"

	tag      language.Tag
	printer  *message.Printer
	date     string
	months   []string
	mark     string // between units and their fraction
	messages map[string]any
}

// Word is what is itself to be translated when it stands in a sentence, such as a job's state.
type Word interface{ Word() string }

// Size is a number of bytes.
type Size interface{ Bytes() int64 }

// T is a sentence in the language, its verbs (%s, %d) filled in as package fmt does. A number is written as the language writes it; an amount,
// a Size and a Word are translated. A sentence that the language lacks is said in English.
func (l *Language) T(sentence string, args ...any) string {
	filled := make([]any, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case money.Amount:
			filled[i] = l.Amount(arg)
		case Size:
			filled[i] = l.Size(arg.Bytes())
		case Word:
			filled[i] = l.T(arg.Word())
		case time.Time:
			filled[i] = l.DateTime(arg)
		default:
			filled[i] = arg
		}
	}
	return l.printer.Sprintf(sentence, filled...)
}

// Known is a text of others, such as the payments service's sentences, in the language if that has it, and as it is otherwise. It is no format.
func (l *Language) Known(text string) string {
	if _, ok := l.messages[text]; ok {
		return l.printer.Sprintf(text)
	}
	return text
}

// Has reports whether the language has a sentence of its own. In English each sentence is there.
func (l *Language) Has(sentence string) bool {
	_, ok := l.messages[sentence]
	return ok || l.Code == "en"
}

// Amount is an amount with its currency's code, exact.
func (l *Language) Amount(a money.Amount) string {
	if !a.IsSet() {
		return ""
	}
	units, fraction, _ := strings.Cut(a.Decimal(), ".")
	if n, err := strconv.ParseInt(units, 10, 64); err == nil {
		units = l.printer.Sprintf("%d", n)
	}
	if fraction != "" {
		units += l.mark + fraction
	}
	return units + " " + a.AssetCode()
}

// Size is a number of bytes in the unit that people know from their files, with a decimal where that says more: 7 B, 1.2 kB, 25 MB.
func (l *Language) Size(bytes int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	unit, rest := 0, int64(0)
	for ; bytes >= 1000 && unit < len(units)-1; unit++ {
		bytes, rest = bytes/1000, bytes%1000
	}
	number := l.printer.Sprintf("%d", bytes)
	if tenths := rest / 100; bytes < 10 && tenths > 0 {
		number += l.mark + strconv.FormatInt(tenths, 10)
	}
	return number + "\u00a0" + units[unit]
}

// learnMark finds out how the language separates units from their fraction.
func (l *Language) learnMark() {
	l.mark = strings.Trim(l.printer.Sprintf("%.1f", 0.5), "05")
}

// Date is a day, in UTC.
func (l *Language) Date(t time.Time) string {
	t = t.UTC()
	return strings.NewReplacer("{day}", strconv.Itoa(t.Day()), "{month}", l.months[t.Month()-1], "{year}", strconv.Itoa(t.Year())).Replace(l.date)
}

// DateTime is a minute, in UTC.
func (l *Language) DateTime(t time.Time) string {
	return l.Date(t) + ", " + t.UTC().Format("15:04") + " UTC"
}

// Sentences are what the language's file translates, in order.
func (l *Language) Sentences() []string {
	all := make([]string, 0, len(l.messages))
	for sentence := range l.messages {
		all = append(all, sentence)
	}
	slices.Sort(all)
	return all
}

// Forms are a sentence as the language has it: one, or one for each plural form.
func (l *Language) Forms(sentence string) []string {
	switch said := l.messages[sentence].(type) {
	case string:
		return []string{said}
	case map[string]any:
		var all []string
		for _, form := range said {
			text, _ := form.(string)
			all = append(all, text)
		}
		return all
	}
	return nil
}
