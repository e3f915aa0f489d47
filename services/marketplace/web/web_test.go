package web

import (
	"bytes"
	"io/fs"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/marketplace"
)

func pages(t *testing.T) *Pages {
	t.Helper()
	p, err := New(nil, nil, clock.NewHeld(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)), slog.New(slog.DiscardHandler), Options{BaseURL: "http://localhost:8000"})
	require.NoError(t, err)
	return p
}

func (p *Pages) draw(t *testing.T, name string, f frame) *goquery.Document {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, p.pages["en"][name].ExecuteTemplate(&b, "layout", f))
	require.NotContains(t, b.String(), "ZgotmplZ", "a value that html/template refused")
	doc, err := goquery.NewDocumentFromReader(&b)
	require.NoError(t, err)
	return doc
}

func TestStatusOf_HasEveryCode(t *testing.T) {
	t.Parallel()
	for _, code := range marketplace.Codes {
		require.NotZero(t, statusOf[code], code)
	}
	require.Len(t, statusOf, len(marketplace.Codes))
}

func TestLocalPath(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/": "/", "/jobs/1": "/jobs/1", "/jobs/1?a=b": "/jobs/1?a=b", "": "/",
		"//evil.example": "/", "///evil.example": "/", `/\evil.example`: "/", `\\evil.example`: "/", "https://evil.example": "/", "http:evil.example": "/",
		"javascript:alert(1)": "/", "evil.example": "/", "/\t/evil.example": "/", "/\n/evil.example": "/", "\t//evil.example": "/", "/%zz": "/", "/a\x00b": "/",
	} {
		require.Equal(t, want, localPath(next), "%q", next)
	}
}

// TestJobPage_EveryStanding draws the job page for each state of job and payment: each has words, and a way on where there is one.
func TestJobPage_EveryStanding(t *testing.T) {
	t.Parallel()
	p := pages(t)
	attempts := []*marketplace.Attempt{nil}
	for _, s := range []marketplace.AttemptState{"starting", "awaiting", "confirming", "paid"} {
		attempts = append(attempts, &marketplace.Attempt{State: s})
	}
	for _, reason := range []string{"rejected", "expired", "canceled", "insufficient_funds", "quote_too_dear", "authorization_lost", "payment_failed", "wallet_error", "unheard_of"} {
		attempts = append(attempts, &marketplace.Attempt{State: marketplace.AttemptFailed, Reason: reason})
	}
	seen := map[string]bool{}
	for _, state := range marketplace.States {
		for _, attempt := range attempts {
			for _, funds := range []bool{true, false} {
				for _, completed := range []bool{true, false} {
					view := JobPage{ViewerFunds: funds, JobView: marketplace.JobView{
						Job: marketplace.Job{ID: 1, Title: "T", State: state, ContractCompleted: completed}, Attempt: attempt,
					}}
					doc := p.draw(t, "job_page", frame{Page: view})
					words := strings.TrimSpace(doc.Find("#payment-status").Text())
					require.NotEmpty(t, words, "%s %v", state, attempt)
					require.Equal(t, view.Payment(), doc.Find("#payment").AttrOr("data-payment", ""))
					if completed {
						require.Contains(t, words, "Paid")
					} else {
						require.NotContains(t, words, "has received")
					}
					require.Equal(t, view.CanPay(), doc.Find("#approve").Length() == 1)
					if view.CanPay() {
						require.True(t, funds && !completed && state == marketplace.Reviewing)
					}
					require.NotContains(t, doc.Find(".meta .state").Text(), string(state)[1:]+"\x00")
					seen[view.Payment()] = true
				}
			}
		}
	}
	require.Len(t, seen, 7)
}

// TestJobPage_Odd: each payment that nobody waited for is said in words of its own, to whoever may know of payments.
func TestJobPage_Odd(t *testing.T) {
	t.Parallel()
	p := pages(t)
	job := marketplace.Job{ID: 1, Title: "T", State: marketplace.Canceled, Funder: 1, Worker: 2, ContractCompleted: true}
	people := marketplace.JobView{Job: job, FunderPerson: marketplace.Person{ID: 1, Name: "Fernanda"}, WorkerPerson: marketplace.Person{ID: 2, Name: "Beto"}}
	words := map[string]string{
		marketplace.EventPaidOutOfTurn: "although this job was Canceled",
		marketplace.EventPaidAgain:     "although it was paid already",
		marketplace.EventOverpaid:      "5.00 MXN more than was asked for",
	}
	require.Len(t, words, len(marketplace.OddEvents))
	for event, said := range words {
		view := people
		view.History = []marketplace.EntryView{
			{Entry: marketplace.Entry{Event: marketplace.EventPaymentFailed, From: marketplace.Canceled}},
			{Entry: marketplace.Entry{Event: event, From: marketplace.Canceled, Detail: "5.00 MXN"}},
		}
		for _, who := range []marketplace.User{{ID: 1}, {ID: 2}, {ID: 3, Operator: true}} {
			doc := p.draw(t, "job_page", frame{Page: JobPage{JobView: view.SeenBy(who), ViewerFunds: who.ID == 1}})
			require.Equal(t, 1, doc.Find(`#odd [data-odd]`).Length())
			require.Contains(t, doc.Find(`#odd [data-odd="`+event+`"]`).Text(), said)
			require.Contains(t, doc.Find("#odd").Text(), "Fernanda and Beto agree how it is returned")
		}
		stranger := p.draw(t, "job_page", frame{Page: JobPage{JobView: view.SeenBy(marketplace.User{ID: 9})}})
		require.Zero(t, stranger.Find("#odd, #payment-id, #history li").Length())
		require.Equal(t, "none", stranger.Find("#payment").AttrOr("data-payment", ""))
	}
	require.Zero(t, p.draw(t, "job_page", frame{Page: JobPage{JobView: people}}).Find("#odd").Length(), "nothing odd")

	line := marketplace.JobLine{Job: job}
	require.True(t, line.SeenBy(marketplace.User{ID: 2}).PaidOutOfTurn())
	require.False(t, line.SeenBy(marketplace.User{ID: 9}).PaidOutOfTurn())
}

// TestOperatorPage: what needs a person comes first, and every event of a payment has words.
func TestOperatorPage(t *testing.T) {
	t.Parallel()
	p := pages(t)
	nothing := p.draw(t, "operator", frame{Page: OperatorPage{}})
	for _, part := range []string{"#odd", "#open", "#news"} {
		require.NotEmpty(t, nothing.Find(part+" p.quiet").Text(), part)
		require.Zero(t, nothing.Find(part+" li").Length(), part)
	}
	require.Zero(t, nothing.Find("#unsigned").Length())
	require.Contains(t, p.draw(t, "operator", frame{Page: OperatorPage{UnsignedWebhooks: true}}).Find("#unsigned").Text(), "WEBHOOK_ALLOW_UNSIGNED")

	var all OperatorPage
	for _, event := range marketplace.PaymentEvents {
		all.News = append(all.News, marketplace.PaymentNews{EntryView: marketplace.EntryView{Entry: marketplace.Entry{Event: event}}})
	}
	for _, state := range []marketplace.AttemptState{marketplace.AttemptStarting, marketplace.AttemptAwaiting, marketplace.AttemptConfirming} {
		all.Open = append(all.Open, marketplace.PaymentLine{Attempt: marketplace.Attempt{State: state}})
	}
	all.Odd = slices.Repeat(all.News[:1], marketplace.OperationsLines)
	doc := p.draw(t, "operator", frame{Page: all})
	said := map[string]bool{}
	for _, word := range doc.Find("#news .news-what, #open .news-what").EachIter() {
		require.NotContains(t, word.Text(), "_")
		said[word.Text()] = true
	}
	require.Len(t, said, len(all.News)+len(all.Open), "each in words of its own")
	require.Contains(t, doc.Find("#odd").Text(), "These are the newest 50.")
}

func TestEverythingSaidByStrangersIsEscaped(t *testing.T) {
	t.Parallel()
	p := pages(t)
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	view := JobPage{ViewerFunds: true, JobView: marketplace.JobView{
		Job: marketplace.Job{
			ID: 1, Title: evil, Description: evil, State: marketplace.Complete, PaymentID: "javascript:alert(1)", ContractCompleted: true,
		},
		FunderPerson: marketplace.Person{Name: evil}, WorkerPerson: marketplace.Person{Name: evil},
		History: []marketplace.EntryView{
			{ByName: evil, Entry: marketplace.Entry{Event: evil, Detail: evil}}, {ByName: evil, Entry: marketplace.Entry{Event: "edit", From: marketplace.Recruiting, Detail: evil}},
			{Entry: marketplace.Entry{Event: "select", Detail: evil}}, {Entry: marketplace.Entry{Event: "reject", Detail: evil}},
		},
		Applications: []marketplace.Application{{Worker: 2, WorkerName: evil, Message: evil}},
		Submissions:  []marketplace.Submission{{ID: evil, Text: evil, Reason: evil, RejectedAt: time.Unix(0, 0)}, {ID: evil, Text: evil}},
	}}
	acting := view
	acting.Actions = marketplace.Actions
	acting.Viewer = marketplace.User{ID: 2, Role: marketplace.Both, WalletAddressURL: evil}
	acting.Refused = Refused{Action: marketplace.Cancel, Words: evil, Text: evil}
	wrong := map[string]string{}
	for _, field := range []string{"title", "description", "amount", "asset", "max_applications", "recruit_days", "submit_days"} {
		wrong[field] = evil
	}
	terms := marketplace.TermsForm{Title: evil, Description: evil, Amount: evil, Asset: evil, MaxApplications: evil, RecruitDays: evil, SubmitDays: evil}
	failed := view
	failed.ContractCompleted, failed.State = false, marketplace.Reviewing
	failed.Attempt = &marketplace.Attempt{State: marketplace.AttemptFailed, Reason: evil, Message: evil}
	line := marketplace.JobLine{Job: view.Job, FunderName: evil, WorkerName: evil}
	visitor := visitor{User: marketplace.User{ID: 1, Name: evil, Operator: true}, FormToken: evil}
	evilListing := &Listing{form: evilForm(evil), Older: evil, path: "/operator/people", fields: []string{"q"}}
	evilPerson := marketplace.PersonLine{User: marketplace.User{ID: 1, Name: evil, Email: evil, WalletAddressURL: "https://" + evil, Operator: true}}
	odd := view
	odd.History = nil
	for _, event := range marketplace.OddEvents {
		odd.History = append(odd.History, marketplace.EntryView{Entry: marketplace.Entry{Event: event, From: evil, Detail: evil}})
	}
	operations := marketplace.Operations{
		Odd: []marketplace.PaymentNews{{JobLine: line, EntryView: odd.History[0]}}, News: []marketplace.PaymentNews{{JobLine: line, EntryView: view.History[0]}},
		Open: []marketplace.PaymentLine{{Job: line, Attempt: marketplace.Attempt{State: marketplace.AttemptAwaiting, PendingID: evil}}},
	}
	for name, page := range map[string][]any{
		"job_page": {view, failed, odd, acting},
		"job_form": {
			JobFormPage{Job: view.Job, Terms: terms, Assets: []marketplace.Asset{{Code: evil}}, Wrong: wrong, Error: evil},
			JobFormPage{Job: marketplace.Job{ID: 1, Title: evil, State: marketplace.Draft}, Terms: terms, Assets: []marketplace.Asset{{Code: evil}}, Wrong: wrong, Error: evil},
			JobFormPage{Job: marketplace.Job{ID: 1, Title: evil, State: marketplace.Recruiting}, Text: evil, Error: evil},
		},
		"operator":        {OperatorPage{Operations: operations}, OperatorPage{Operations: operations, form: evilForm(evil)}},
		"operator_people": {PeoplePage{Listing: evilListing, Lines: []marketplace.PersonLine{evilPerson}}},
		"operator_person": {PersonPage{
			PersonLine: evilPerson, Jobs: []marketplace.JobLine{line}, Acts: marketplace.PersonActs, Events: []marketplace.AccountEvent{{Event: evil, Peer: evil, Detail: evil}},
		}},
		"operator_person_act": {PersonActPage{form: evilForm(evil), PersonLine: evilPerson, Act: marketplace.DisablePerson}},
		"operator_jobs":       {OperatorJobsPage{Listing: evilListing, Lines: []marketplace.JobLine{line}}},
		"operator_payments": {OperatorPaymentsPage{Listing: evilListing, Lines: []marketplace.PaymentLine{
			{Job: line, Attempt: marketplace.Attempt{State: marketplace.AttemptFailed, PendingID: evil, Reason: evil}},
		}}},
		"operator_actions": {ActionsPage{Listing: evilListing, Lines: []marketplace.OperatorAction{
			{Event: evil, Subject: evil, Reason: evil, Detail: evil, By: marketplace.Actor{ID: 1, Name: evil}}, {Event: evil, Subject: "person:" + evil}, {Subject: "job:" + evil},
		}}},
		"job_list": {
			JobListPage{JobsOfPerson: marketplace.JobsOfPerson{Waiting: []marketplace.JobLine{line}, Open: []marketplace.JobLine{line}}},
			JobListPage{Role: evil, Filter: marketplace.JobFilter{Words: evil}, Found: &marketplace.JobsFound{Lines: []marketplace.JobLine{line}, Next: 1}},
		},
		"pay":     {PayPage{Job: view.Job, WorkerName: evil, WorkerWallet: evil, WalletAddress: evil, WalletError: evil, Error: evil}},
		"login":   {LoginPage{Email: evil, Next: evil, Error: evil}},
		"finish":  {FinishPage{Ending: marketplace.EndUnreachable, Again: "/payments/finish?a=" + evil}},
		"error":   {ErrorPage{Status: 500, Message: evil, RequestID: evil}},
		"signup":  {SignUpPage{form: evilForm(evil)}},
		"confirm": {ConfirmPage{Token: evil, Email: evil}},
		"forgot":  {ForgotPage{Mails: true, form: evilForm(evil)}},
		"reset":   {ResetPage{Token: evil, Email: evil}},
		"link":    {LinkPage{Message: evil, Ask: "/forgot"}},
		"email":   {EmailPage{Token: evil, Email: evil}},
		"profile": {ProfilePage{
			User:  marketplace.User{Email: evil, WalletAddressURL: evil, Wallet: marketplace.Wallet{PublicName: evil, AssetCode: evil, CheckedAt: time.Unix(1, 0)}},
			About: evilForm(evil), Wallet: evilForm(evil), Email: evilForm(evil), Mails: true, Looked: &marketplace.Wallet{PublicName: evil, AssetCode: evil, CheckedAt: time.Unix(1, 0)},
			Sessions: []marketplace.Session{{ID: evil, Device: marketplace.Device{Peer: evil, Name: evil}}},
			Events:   []marketplace.AccountEvent{{Event: evil, Peer: evil, Detail: evil}},
		}},

		"notifications": {NotificationsPage{All: []marketplace.Notification{{Kind: marketplace.NotifyApplication, Facts: marketplace.Facts{By: evil, Title: evil}}}}},
		"preferences":   {PreferencesPage{SMS: true, Phone: evil, PhoneError: evil, Choices: []Choice{{Topic: evil}}}},
		"dev_mail":      {DevMailPage{Mails: []DevMail{{ID: evil, To: evil, Subject: evil, Text: evil}}}},
	} {
		for _, one := range page {
			doc := p.draw(t, name, frame{Visitor: visitor, Flash: evil, Page: one})
			require.Equal(t, 1, doc.Find("script").Length(), "%s: only our own file", name)
			require.Zero(t, doc.Find("[onerror], a[href^='javascript']").Length(), name)
			require.Equal(t, 1, doc.Find("img").Length(), name)
		}
	}
}

// evilForm is one in which somebody has typed evil everywhere.
func evilForm(evil string) form {
	f := wrongForm("name", "email", "role", "language", "wallet_address", "password", "current_password")
	for name := range f.wrong {
		f.values[name], f.wrong[name] = evil, evil
	}
	f.Error = evil
	return f
}

// wrongForm is a form in which these fields are wrong.
func wrongForm(fields ...string) form {
	f := form{values: map[string]string{}, wrong: map[string]string{}, first: fields[0], Error: "no"}
	for _, name := range fields {
		f.wrong[name] = "no"
	}
	return f
}

// TestPages_Accessible holds every page to what a machine can check: one h1, a language, labels, landmarks, ids that are
// unique and referred to, buttons with words, and nothing that the content security policy would block.
func TestPages_Accessible(t *testing.T) {
	t.Parallel()
	p := pages(t)
	in := visitor{User: marketplace.User{ID: 1, Name: "Ana", Operator: true}, FormToken: "x"}
	line := marketplace.JobLine{Job: marketplace.Job{ID: 1, Title: "T", State: marketplace.Reviewing, Funder: 1}, FunderName: "A"}
	view := JobPage{ViewerFunds: true, JobView: marketplace.JobView{Job: line.Job, History: []marketplace.EntryView{{Entry: marketplace.Entry{Event: "created"}}}}}
	acting := view
	acting.Actions = marketplace.Actions
	acting.Viewer = marketplace.User{ID: 1, Role: marketplace.Both, WalletAddressURL: "https://w.example/a"}
	acting.Applications = []marketplace.Application{{Worker: 2, WorkerName: "B", Message: "M"}, {Worker: 3, WorkerName: "C", Message: "M"}}
	acting.Submissions = []marketplace.Submission{{ID: "1", Text: "T", RejectedAt: time.Unix(0, 0), Reason: "R"}, {ID: "2", Text: "T"}}
	acting.Refused = Refused{Action: marketplace.Reject, Words: "no"}
	news := []marketplace.PaymentNews{{JobLine: line, EntryView: marketplace.EntryView{Entry: marketplace.Entry{Event: marketplace.EventPaidAgain}}}}
	operator := OperatorPage{UnsignedWebhooks: true, Operations: marketplace.Operations{
		Odd: news, News: news, Open: []marketplace.PaymentLine{{Job: line, Attempt: marketplace.Attempt{State: marketplace.AttemptStarting}}},
	}}
	operator.form, operator.Refused = wrongForm("reason"), 0
	wrongListing := &Listing{form: wrongForm("q", "role", "state", "person", "asset", "payment", "job", "event", "by", "on", "before"), Older: "?", path: "/operator/jobs"}
	ana := marketplace.PersonLine{User: marketplace.User{ID: 2, Name: "Ana", Email: "a@b.example", Role: marketplace.Both, Operator: true, DisabledAt: time.Unix(0, 0)}}
	drawn := map[string]frame{
		"operator_people":     {Visitor: in, Page: PeoplePage{Listing: wrongListing, Lines: []marketplace.PersonLine{ana}}},
		"operator_person":     {Visitor: in, Page: PersonPage{PersonLine: ana, Jobs: []marketplace.JobLine{line}, Acts: marketplace.PersonActs, Events: []marketplace.AccountEvent{{Event: marketplace.AccountSignUp}}}},
		"operator_person_act": {Visitor: in, Page: PersonActPage{form: wrongForm("reason"), PersonLine: ana, Act: marketplace.DisablePerson}},
		"operator_jobs":       {Visitor: in, Page: OperatorJobsPage{Listing: wrongListing, Lines: []marketplace.JobLine{line}, Assets: []marketplace.Asset{{Code: "MXN", Scale: 2}}}},
		"operator_payments":   {Visitor: in, Page: OperatorPaymentsPage{Listing: wrongListing, Lines: []marketplace.PaymentLine{{Job: line, Attempt: marketplace.Attempt{State: marketplace.AttemptPaid}}}}},
		"operator_actions": {Visitor: in, Page: ActionsPage{
			Listing: wrongListing, Lines: []marketplace.OperatorAction{{Number: 1, Event: marketplace.AccountDisabled, Subject: "person:2"}, {Number: 2, Event: marketplace.OperatorExported, Subject: "people"}},
			Checked: marketplace.ActionsChecked{From: 1, To: 2, Anchor: "2:ab"},
		}},
		"job_list": {Visitor: in, Page: JobListPage{CanNew: true, JobsOfPerson: marketplace.JobsOfPerson{
			Waiting: []marketplace.JobLine{line}, Going: []marketplace.JobLine{line}, Open: []marketplace.JobLine{line}, Ended: []marketplace.JobLine{line},
		}}},
		"job_page": {Visitor: in, Flash: "paid", Page: acting},
		"job_form": {Visitor: in, Page: JobFormPage{Assets: []marketplace.Asset{{Code: "MXN", Scale: 2}}, Error: "no", Wrong: map[string]string{
			"title": "no", "description": "no", "amount": "no", "max_applications": "no", "recruit_days": "no", "submit_days": "no",
		}}},
		"pay":      {Visitor: in, Page: PayPage{Job: line.Job, WalletError: "no", Error: "no"}},
		"consent":  {Visitor: in, Page: ConsentPage{marketplace.Consent{Job: line.Job, Worker: marketplace.User{Name: "B"}, Attempt: marketplace.Attempt{RedirectURL: "https://w.example/c"}}}},
		"money":    {Visitor: in, Page: MoneyPage{Lines: []marketplace.MoneyLine{{ID: "01", Job: 1, JobTitle: "T", Direction: marketplace.PaidOut, Proof: "https://w.example/p"}}, Older: "01"}},
		"login":    {Page: LoginPage{Error: "no"}},
		"finish":   {Page: FinishPage{Ending: marketplace.EndUnreachable}},
		"error":    {Page: ErrorPage{Status: 404, Message: "m"}},
		"operator": {Visitor: in, Page: operator},
		"signup":   {Flash: "welcome", Page: SignUpPage{Mails: true, form: wrongForm("name", "email", "password", "role", "wallet_address")}},
		"confirm":  {Page: ConfirmPage{Token: "t", Email: "a@b.example", form: form{Error: "no"}}},
		"forgot":   {Page: ForgotPage{Mails: true, form: wrongForm("email")}},
		"reset":    {Page: ResetPage{Token: "t", Email: "a@b.example", form: wrongForm("password")}},
		"link":     {Page: LinkPage{Message: "m", Ask: "/forgot"}},
		"email":    {Visitor: in, Page: EmailPage{Token: "t", Email: "a@b.example"}},
		"profile": {Visitor: in, Page: ProfilePage{
			User: marketplace.User{WalletAddressURL: "https://wallet.example/a"}, Mails: true, Looked: &marketplace.Wallet{AssetCode: "MXN"},
			About: wrongForm("name", "role", "language"), Wallet: wrongForm("wallet_address", "current_password"),
			Email: wrongForm("email", "current_password"), Password: wrongForm("current_password", "password"),
			Sessions: []marketplace.Session{{ID: "01A"}, {ID: "01B"}}, Events: []marketplace.AccountEvent{{Event: marketplace.AccountSignUp}},
		}},

		"notifications": {Visitor: in, Unread: 120, Page: NotificationsPage{
			All: []marketplace.Notification{{ID: 2, Kind: marketplace.NotifyPaid}, {ID: 1, Kind: marketplace.NotifyPaid, ReadAt: p.clock.Now()}}, Older: 1, Unread: 1,
		}},
		"preferences": {Visitor: in, Page: PreferencesPage{SMS: true, PhoneError: "no", Choices: []Choice{{Topic: marketplace.TopicWork}, {Topic: marketplace.TopicSecurity}}}},
		"dev_mail":    {Page: DevMailPage{Mails: []DevMail{{ID: "1", Subject: "s", To: "a@example.com"}}}},
	}
	require.Len(t, drawn, len(pageNames))
	for name, f := range drawn {
		doc := p.draw(t, name, f)
		require.Equal(t, "en", doc.Find("html").AttrOr("lang", ""), name)
		require.Equal(t, 1, doc.Find("h1").Length(), name)
		require.Equal(t, 1, doc.Find("main#main").Length(), name)
		require.Equal(t, 1, doc.Find(`a.skip[href="#main"]`).Length(), name)
		require.NotEmpty(t, strings.TrimSuffix(doc.Find("title").Text(), " · Tianguis"), name)
		require.Zero(t, doc.Find("[style], style, script:not([src])").Length(), "%s: inline style or script", name)
		ids := map[string]bool{}
		doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
			id := s.AttrOr("id", "")
			require.False(t, ids[id], "%s: id %s twice", name, id)
			ids[id] = true
		})
		for _, attr := range []string{"for", "aria-labelledby", "aria-describedby"} {
			doc.Find("[" + attr + "]").Each(func(_ int, s *goquery.Selection) {
				for id := range strings.FieldsSeq(s.AttrOr(attr, "")) {
					require.True(t, ids[id], "%s: %s of nothing: %s", name, attr, id)
				}
			})
		}
		doc.Find("input:not([type=hidden]), select, textarea").Each(func(_ int, s *goquery.Selection) {
			require.Equal(t, 1, doc.Find(`label[for="`+s.AttrOr("id", "-")+`"]`).Length(), name)
		})
		doc.Find("img").Each(func(_ int, s *goquery.Selection) { _, ok := s.Attr("alt"); require.True(t, ok) })
		doc.Find("a, button").Each(func(_ int, s *goquery.Selection) { require.NotEmpty(t, strings.TrimSpace(s.Text()), name) })
		doc.Find(`form[method="post"]`).Each(func(_ int, s *goquery.Selection) {
			require.Equal(t, 1, s.Find(`input[type=hidden][name=csrf]`).Length(), "%s: a form without its token", name)
		})
	}
}

func TestFinishStatus_HasEveryEnding(t *testing.T) {
	t.Parallel()
	p := pages(t)
	for ending, status := range finishStatus {
		require.NotZero(t, status)
		doc := p.draw(t, "finish", frame{Page: FinishPage{Ending: ending}})
		require.NotEmpty(t, doc.Find("h1").Text(), ending)
		require.Equal(t, ending == marketplace.EndUnknown, doc.Find("h1").Text() == "No such payment", ending)
	}
	require.Len(t, finishStatus, 9)
}

func TestAssets_NothingFromElsewhere(t *testing.T) {
	t.Parallel()
	err := fs.WalkDir(embedded, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(embedded, path)
		require.NoError(t, err)
		for _, address := range regexp.MustCompile(`(?:https?:)?//[a-z0-9.-]+\.[a-z]+`).FindAllString(string(content), -1) {
			require.Contains(t, []string{"http://www.w3.org", "https://wallet.example"}, address, path)
		}
		return nil
	})
	require.NoError(t, err)
}
