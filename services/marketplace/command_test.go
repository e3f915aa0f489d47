package marketplace

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func decided(t *testing.T, c Case, cmd Command) Change {
	t.Helper()
	change, err := c.Decide(cmd, noon)
	require.NoError(t, err)
	return change
}

func refused(t *testing.T, code Code, c Case, cmd Command) string {
	t.Helper()
	change, err := c.Decide(cmd, noon)
	require.Equal(t, code, CodeOf(err), err)
	require.Zero(t, change)
	return err.Error()
}

func events(c Change) (all []string) {
	for _, e := range c.Entries {
		all = append(all, e.Event)
	}
	return all
}

func TestPublish_OpensUntilTheDeadline(t *testing.T) {
	t.Parallel()
	change := decided(t, caseIn(t, Draft), Command{Action: Publish, By: fernanda})
	require.Equal(t, noon.Add(7*24*time.Hour), change.After.Deadline)
}

func TestApply(t *testing.T) {
	t.Parallel()
	c := caseIn(t, Recruiting)
	change := decided(t, c, Command{Action: Apply, By: carlos, Text: " I have done this before.\r\nOn Tuesday?\x00 "})
	require.Equal(t, &Application{JobID: 7, Worker: 4, WorkerName: "Carlos", Message: "I have done this before.\nOn Tuesday?", AppliedAt: noon}, change.Application)
	require.Equal(t, []string{"apply"}, events(change))
	require.Equal(t, c.Deadline, change.After.Deadline, "nobody can put the deadline off by applying")

	refused(t, CodeInvalidInput, c, Command{Action: Apply, By: carlos, Text: " \n "})
	refused(t, CodeInvalidInput, c, Command{Action: Apply, By: carlos, Text: strings.Repeat("é", maxMessage+1)})
	decided(t, c, Command{Action: Apply, By: carlos, Text: strings.Repeat("é", maxMessage)})
	noWallet, funds := carlos, carlos
	noWallet.WalletAddressURL, funds.Role = "", Funder
	require.Contains(t, refused(t, CodeWorkerUnpayable, c, Command{Action: Apply, By: noWallet, Text: "Me"}), "wallet address")
	refused(t, CodeForbidden, c, Command{Action: Apply, By: funds, Text: "Me"})
	require.Contains(t, refused(t, CodeForbidden, c, Command{Action: Apply, By: fernanda, Text: "Me"}), "your own job")
	require.Contains(t, refused(t, CodeForbidden, c, Command{Action: Apply, By: ana, Text: "Me"}), "already")
}

func TestApply_TheOneThatReachesTheLimitCloses(t *testing.T) {
	t.Parallel()
	c := caseIn(t, Recruiting)
	c.MaxApplications = 3
	change := decided(t, c, Command{Action: Apply, By: carlos, Text: "Me"})
	require.Equal(t, []string{"apply", "close"}, events(change))
	require.Equal(t, Selecting, change.After.State)
	require.Zero(t, change.Entries[1].By, "the marketplace closes it")
	require.Equal(t, noon.Add(SelectTime), change.After.Deadline)

	c.Applications[0].WithdrawnAt = noon // makes room
	change = decided(t, c, Command{Action: Apply, By: carlos, Text: "Me"})
	require.Equal(t, Recruiting, change.After.State)
}

func TestWithdraw(t *testing.T) {
	t.Parallel()
	c := caseIn(t, Recruiting)
	change := decided(t, c, Command{Action: Withdraw, By: ana})
	require.Equal(t, noon, change.Application.WithdrawnAt)
	require.Equal(t, "Or me", change.Application.Message)
	require.True(t, c.Applications[1].Stands(), "deciding touches nothing")

	c.Applications[1].WithdrawnAt = noon
	require.Equal(t, PartOther, c.PartOf(ana), "and may apply again")
	refused(t, CodeForbidden, c, Command{Action: Withdraw, By: ana})
	change = decided(t, c, Command{Action: Apply, By: ana, Text: "After all"})
	require.Zero(t, change.Application.WithdrawnAt)

	c = caseIn(t, Selecting)
	require.Equal(t, []string{"withdraw"}, events(decided(t, c, Command{Action: Withdraw, By: ana})))
	c.Applications = c.Applications[1:]
	change = decided(t, c, Command{Action: Withdraw, By: ana})
	require.Equal(t, []string{"withdraw", "expire"}, events(change), "nobody is left to choose")
	require.Zero(t, change.After.Deadline)
}

func TestClose_NeedsSomebodyToChoose(t *testing.T) {
	t.Parallel()
	c := caseIn(t, Recruiting)
	require.Equal(t, noon.Add(SelectTime), decided(t, c, Command{Action: Close, By: fernanda}).After.Deadline)
	c.Applications = nil
	require.Contains(t, refused(t, CodeWrongState, c, Command{Action: Close, By: fernanda}), "Nobody has applied")
	require.NotContains(t, c.Allowed(fernanda), Close)
}

func TestSelect_OneOfThoseWhoStand(t *testing.T) {
	t.Parallel()
	c := caseIn(t, Selecting)
	change := decided(t, c, Command{Action: Select, By: fernanda, Worker: ana.ID})
	require.Equal(t, ana.ID, change.After.Worker)
	require.Equal(t, "Ana", change.Entries[0].Detail)
	require.Equal(t, noon.Add(5*24*time.Hour), change.After.Deadline)
	c.Applications[1].WithdrawnAt = noon
	for _, worker := range []UserID{0, ana.ID, carlos.ID, fernanda.ID} {
		refused(t, CodeInvalidInput, c, Command{Action: Select, By: fernanda, Worker: worker})
	}
}

func TestSubmitRejectSubmitAccept(t *testing.T) {
	t.Parallel()
	c := caseIn(t, Submitting)
	refused(t, CodeInvalidInput, c, Command{Action: Submit, By: beto, Text: ""})
	first := decided(t, c, Command{Action: Submit, By: beto, Text: "Done."})
	require.Equal(t, "Done.", first.Submission.Text)
	require.Zero(t, first.After.Deadline, "work that was handed in does not expire")

	c = Case{Job: first.After, Applications: c.Applications, Submission: first.Submission}
	require.Contains(t, refused(t, CodeInvalidInput, c, Command{Action: Reject, By: fernanda}), "reason")
	rejected := decided(t, c, Command{Action: Reject, By: fernanda, Text: "The colours are wrong."})
	require.Equal(t, Submitting, rejected.After.State)
	require.Equal(t, noon.Add(5*24*time.Hour), rejected.After.Deadline, "as much time again")
	require.Equal(t, "The colours are wrong.", rejected.Entries[0].Detail)
	require.Equal(t, "The colours are wrong.", rejected.Submission.Reason)
	require.Equal(t, first.Submission.ID, rejected.Submission.ID)
	require.True(t, rejected.Submission.Rejected())
	require.False(t, first.Submission.Rejected(), "deciding touches nothing")

	second := decided(t, Case{Job: rejected.After, Submission: rejected.Submission}, Command{Action: Submit, By: beto, Text: "Mended."})
	require.NotEqual(t, first.Submission.ID, second.Submission.ID)
	c = Case{Job: second.After, Submission: second.Submission}
	accepted := decided(t, c, Command{Action: Accept, By: fernanda})
	require.Equal(t, Reviewing, accepted.After.State)
	require.Equal(t, noon, accepted.After.AcceptedAt)
	c.Job = accepted.After
	refused(t, CodeWrongState, c, Command{Action: Accept, By: fernanda})
	refused(t, CodeWrongState, c, Command{Action: Reject, By: fernanda, Text: "After all not"})
	require.Equal(t, []Action{Cancel}, c.Allowed(fernanda))
}

// TestAccept_OfAJobThatWasPaidOutOfTurn: the money came while the work was sent back. There is nothing left to pay.
func TestAccept_OfAJobThatWasPaidOutOfTurn(t *testing.T) {
	t.Parallel()
	c := caseIn(t, Reviewing)
	c.ContractCompleted, c.PaymentID = true, "https://w.example/outgoing-payments/1"
	change := decided(t, c, Command{Action: Accept, By: fernanda})
	require.Equal(t, []string{"accept", "pay"}, events(change))
	require.Equal(t, Complete, change.After.State)
	require.Equal(t, c.PaymentID, change.Entries[1].Detail)
}

func TestCancel_NeedsAReasonOnceOthersKnow(t *testing.T) {
	t.Parallel()
	require.Empty(t, decided(t, caseIn(t, Draft), Command{Action: Cancel, By: fernanda}).Entries[0].Detail)
	for _, state := range []State{Recruiting, Selecting, Submitting, Reviewing} {
		refused(t, CodeInvalidInput, caseIn(t, state), Command{Action: Cancel, By: fernanda})
		change := decided(t, caseIn(t, state), Command{Action: Cancel, By: fernanda, Text: "The stall is closed."})
		require.Equal(t, "The stall is closed.", change.Entries[0].Detail)
		require.Zero(t, change.After.Deadline)
	}
}

// TestNothingEndsAJobWhileMoneyMayBeMoving: whatever an attempt is open for.
func TestNothingEndsAJobWhileMoneyMayBeMoving(t *testing.T) {
	t.Parallel()
	for _, state := range States {
		for _, open := range []AttemptState{AttemptStarting, AttemptAwaiting, AttemptConfirming} {
			c := caseIn(t, state)
			c.Attempt = &Attempt{JobID: c.ID, State: open}
			for _, a := range []Action{Cancel, Reject} {
				if _, ok := state.After(a); ok {
					refused(t, CodePaymentInFlight, c, full(a, fernanda))
					require.NotContains(t, c.Allowed(fernanda), a)
				}
			}
			if !c.Deadline.IsZero() && state != Recruiting {
				_, err := c.RunOut(c.Deadline)
				require.Equal(t, CodePaymentInFlight, CodeOf(err), state)
			}
		}
	}
}

func TestEdit(t *testing.T) {
	t.Parallel()
	c := caseIn(t, Draft)
	terms := c.Terms()
	terms.Title, terms.SubmitDays = "Another", 30
	change := decided(t, c, Command{Action: Edit, By: fernanda, Terms: terms, Version: 3})
	require.Equal(t, terms, change.After.Terms())
	refused(t, CodeChanged, c, Command{Action: Edit, By: fernanda, Terms: terms, Version: 2})

	c = caseIn(t, Recruiting)
	change = decided(t, c, Command{Action: Edit, By: fernanda, Terms: terms, Text: "It is on the second floor."})
	require.Equal(t, c.Terms(), change.After.Terms(), "workers rely on the terms")
	require.Equal(t, "It is on the second floor.", change.Entries[0].Detail)
	require.Equal(t, c.Deadline, change.After.Deadline)
	refused(t, CodeInvalidInput, c, Command{Action: Edit, By: fernanda})
}

func TestRunOut(t *testing.T) {
	t.Parallel()
	for _, state := range States {
		c := caseIn(t, state)
		if c.Deadline.IsZero() {
			require.False(t, c.Overdue(noon.Add(1000*time.Hour)), state)
			continue
		}
		_, err := c.RunOut(c.Deadline.Add(-time.Microsecond))
		require.Equal(t, CodeWrongState, CodeOf(err), "not before the deadline")
		change, err := c.RunOut(c.Deadline)
		require.NoError(t, err)
		require.Zero(t, change.Entries[0].By)
		if state == Recruiting {
			require.Equal(t, Selecting, change.After.State)
			for i := range c.Applications {
				c.Applications[i].WithdrawnAt = noon
			}
			change, err = c.RunOut(c.Deadline)
			require.NoError(t, err)
		}
		require.Equal(t, Expired, change.After.State, state)
		require.Zero(t, change.After.Deadline)
	}
}

func TestSeenBy_NobodySeesWhatIsOthers(t *testing.T) {
	t.Parallel()
	c := caseIn(t, Reviewing)
	c.ContractCompleted, c.PaymentID = true, "p"
	view := JobView{
		Job: c.Job, WorkerPerson: Person{ID: beto.ID, Name: beto.Name}, Attempt: &Attempt{State: AttemptPaid}, Applications: c.Applications,
		Submissions: []Submission{*c.Submission},
		History: []EntryView{
			{Entry: Entry{Event: EventCreated, By: 1}}, {Entry: Entry{Event: "apply", By: 2}}, {Entry: Entry{Event: "apply", By: 3}},
			{Entry: Entry{Event: "close"}}, {Entry: Entry{Event: "select", By: 1, Detail: "Beto"}}, {Entry: Entry{Event: "submit", By: 2}},
			{Entry: Entry{Event: "reject", By: 1, Detail: "Ugly"}}, {Entry: Entry{Event: EventPaymentStarted, By: 1}}, {Entry: Entry{Event: "pay"}},
		},
	}
	seen := func(who User) (JobView, []string) {
		v := view
		v.History = slices.Clone(view.History)
		v = v.SeenBy(who)
		var events []string
		for _, e := range v.History {
			events = append(events, e.Event)
		}
		return v, events
	}
	for _, who := range []User{fernanda, ofelia} {
		v, events := seen(who)
		require.Len(t, events, len(view.History))
		require.Len(t, v.Applications, 2)
	}
	v, events := seen(beto)
	require.Equal(t, []string{"created", "apply", "close", "select", "submit", "reject", "payment_started", "pay"}, events)
	require.Len(t, v.Applications, 1)
	require.Len(t, v.Submissions, 1)
	v, events = seen(ana)
	require.Equal(t, []string{"created", "apply", "close"}, events)
	require.Equal(t, ana.ID, v.Applications[0].Worker)
	require.Len(t, v.Applications, 1)
	require.Zero(t, v.Submissions)
	require.Zero(t, v.Attempt)
	require.Zero(t, v.WorkerPerson)
	require.Zero(t, v.Worker)
	require.Empty(t, v.PaymentID)
	v, events = seen(carlos)
	require.Equal(t, []string{"created", "close"}, events)
	require.Empty(t, v.Applications)
}

func TestTermsForm(t *testing.T) {
	t.Parallel()
	assets := []Asset{{"MXN", 2}, {"JPY", 0}}
	good := TermsForm{Title: " A sign ", Description: "Blue.\r\nLarge.", Amount: "150.50", Asset: "MXN", MaxApplications: "1", RecruitDays: "90", SubmitDays: "7"}
	terms, wrong := good.Terms(assets)
	require.Empty(t, wrong)
	require.Equal(t, "A sign", terms.Title)
	require.Equal(t, "Blue.\nLarge.", terms.Description)
	require.Equal(t, "150.50 MXN", terms.Budget.String())
	require.Equal(t, good.Amount, Job{}.with(terms).TermsForm().Amount)
	for field, bad := range map[string][]func(*TermsForm){
		"title":       {func(f *TermsForm) { f.Title = " " }, func(f *TermsForm) { f.Title = strings.Repeat("é", maxTitle+1) }, func(f *TermsForm) { f.Title = "a\nb" }},
		"description": {func(f *TermsForm) { f.Description = "" }, func(f *TermsForm) { f.Description = strings.Repeat("é", maxDescription+1) }},
		"amount": {
			func(f *TermsForm) { f.Amount = "" }, func(f *TermsForm) { f.Amount = "0.00" }, func(f *TermsForm) { f.Amount = "-1" },
			func(f *TermsForm) { f.Amount = "1,50" }, func(f *TermsForm) { f.Amount = "1.505" }, func(f *TermsForm) { f.Amount = "1e3" },
			func(f *TermsForm) { f.Asset, f.Amount = "JPY", "1.5" }, func(f *TermsForm) { f.Amount = strings.Repeat("9", 30) },
		},
		"asset":            {func(f *TermsForm) { f.Asset = "XXX" }, func(f *TermsForm) { f.Asset = "" }},
		"max_applications": {func(f *TermsForm) { f.MaxApplications = "0" }, func(f *TermsForm) { f.MaxApplications = "11" }, func(f *TermsForm) { f.MaxApplications = "x" }},
		"recruit_days":     {func(f *TermsForm) { f.RecruitDays = "91" }, func(f *TermsForm) { f.RecruitDays = "" }},
		"submit_days":      {func(f *TermsForm) { f.SubmitDays = "-1" }, func(f *TermsForm) { f.SubmitDays = "1.5" }},
	} {
		for i, change := range bad {
			f := good
			change(&f)
			terms, wrong := f.Terms(assets)
			require.Zero(t, terms)
			require.Len(t, wrong, 1, "%s %d", field, i)
			require.NotNil(t, wrong[field], "%s %d", field, i)
		}
	}
	for text, want := range map[string]Asset{"USD/2": {"USD", 2}, "JPY/0": {"JPY", 0}} {
		got, ok := ParseAsset(text)
		require.True(t, ok)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "USD", "USD/", "/2", "USD/-1", "USD/256", "usd/x"} {
		_, ok := ParseAsset(text)
		require.False(t, ok, text)
	}
}
