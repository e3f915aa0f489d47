package marketplace

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"tianguis.example/payments/money"
)

// Terms are what a funder asks for and offers. They are the funder's to change until the job is published: afterwards workers rely on them, and
// the funder can only add to the description.
type Terms struct {
	Title           string
	Description     string
	Budget          money.Amount // what the worker is to receive
	MaxApplications int          // 1 to MaxApplications
	RecruitDays     int          // 1 to MaxDays
	SubmitDays      int          // 1 to MaxDays
}

// Asset is a currency in which a budget can be given.
type Asset struct {
	Code  string
	Scale uint8 // decimals of its smallest unit
}

// ParseAsset reads an asset as settings write it: "USD/2".
func ParseAsset(text string) (Asset, bool) {
	code, scale, ok := strings.Cut(text, "/")
	n, err := strconv.ParseUint(scale, 10, 8)
	if !ok || err != nil {
		return Asset{}, false
	}
	_, err = money.New(1, code, uint8(n))
	return Asset{code, uint8(n)}, err == nil
}

// TermsForm is the terms as typed.
type TermsForm struct {
	Title, Description, Amount, Asset, MaxApplications, RecruitDays, SubmitDays string
}

// NewTermsForm is the form of a job that nobody has written yet.
func NewTermsForm() TermsForm {
	return TermsForm{MaxApplications: strconv.Itoa(MaxApplications), RecruitDays: strconv.Itoa(RecruitDays), SubmitDays: strconv.Itoa(SubmitDays)}
}

// TermsForm is the form with the job's terms in it.
func (j Job) TermsForm() TermsForm {
	return TermsForm{
		Title: j.Title, Description: j.Description, Amount: j.Budget.Decimal(), Asset: j.Budget.AssetCode(),
		MaxApplications: strconv.Itoa(j.MaxApplications), RecruitDays: strconv.Itoa(j.RecruitDays), SubmitDays: strconv.Itoa(j.SubmitDays),
	}
}

const (
	maxTitle       = 120    // characters
	maxDescription = 10_000 // characters
)

// Terms reads the form. What is wrong is told of each field, by the field's name; then there are no terms.
func (f TermsForm) Terms(assets []Asset) (Terms, map[string]*Error) {
	wrong := map[string]*Error{}
	note := func(field, words string, args ...any) {
		wrong[field] = invalid(words, args...)
	}
	t := Terms{Title: strings.TrimSpace(norm.NFC.String(f.Title)), Description: prose(f.Description)}
	if t.Title == "" || utf8.RuneCountInString(t.Title) > maxTitle || clean(t.Title, len(t.Title)) != t.Title {
		note("title", "A title is one line of at most %d characters.", maxTitle)
	}
	if t.Description == "" || utf8.RuneCountInString(t.Description) > maxDescription {
		note("description", "Describe the work in at most %d characters.", maxDescription)
	}
	known := false
	for _, asset := range assets {
		if asset.Code != f.Asset {
			continue
		}
		known = true
		var err error
		if t.Budget, err = money.ParseDecimal(strings.TrimSpace(f.Amount), asset.Code, asset.Scale); err != nil {
			note("amount", "Write an amount such as %s, without signs and with at most %d decimals.", example(asset), asset.Scale)
		}
	}
	if !known {
		note("asset", "Choose one of the currencies.")
	}
	number := func(field, text string, most int) int {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 || n > most {
			note(field, "Write a number from 1 to %d.", most)
		}
		return n
	}
	t.MaxApplications = number("max_applications", f.MaxApplications, MaxApplications)
	t.RecruitDays = number("recruit_days", f.RecruitDays, MaxDays)
	t.SubmitDays = number("submit_days", f.SubmitDays, MaxDays)
	if len(wrong) > 0 {
		return Terms{}, wrong
	}
	return t, nil
}

// example is an amount as it is written in that asset.
func example(asset Asset) string {
	if asset.Scale == 0 {
		return "150"
	}
	return "150." + strings.Repeat("0", int(asset.Scale))
}

// with is the job on these terms.
func (j Job) with(t Terms) Job {
	j.Title, j.Description, j.Budget = t.Title, t.Description, t.Budget
	j.MaxApplications, j.RecruitDays, j.SubmitDays = t.MaxApplications, t.RecruitDays, t.SubmitDays
	return j
}

// Terms are the job's.
func (j Job) Terms() Terms {
	return Terms{j.Title, j.Description, j.Budget, j.MaxApplications, j.RecruitDays, j.SubmitDays}
}
