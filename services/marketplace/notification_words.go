package marketplace

import "fmt"

// Sentence is a format of the message catalogue with what stands in it: the English sentence is the key.
type Sentence struct {
	Format string
	Args   []any // a text, an amount, or something with a word of its own (Word)
}

// String is the sentence in English.
func (s Sentence) String() string { return fmt.Sprintf(s.Format, s.Args...) }

func say(format string, args ...any) Sentence { return Sentence{format, args} }

// Words are a notification in words: the site shows the headline, an SMS the headline and the link, an e-mail all of it.
type Words struct {
	Headline Sentence
	Body     []Sentence // a paragraph each
	Action   Sentence   // what the link says
	Path     string     // where it leads, on the site
}

// Words are what a notification says.
func (n Notification) Words() Words { return n.Kind.words(n.Facts) }

// Words are what a message says.
func (m Message) Words() Words { return m.Kind.words(m.Facts) }

func (k NotificationKind) words(f Facts) Words {
	w := Words{Path: f.Path, Action: say("Open the job")}
	if w.Path == "" {
		w.Path = "/jobs/" + f.JobID.String()
	}
	switch k {
	case NotifyApplication:
		w.Headline = say("%s applied to “%s”", f.By, f.Title)
		w.Body = []Sentence{say("Compare who applied, and choose who does the work.")}
	case NotifyWithdrawal:
		w.Headline = say("%s no longer applies to “%s”", f.By, f.Title)
		w.Body = []Sentence{say("The others who applied are still there.")}
	case NotifyClosed:
		w.Headline = say("Applications to “%s” are closed", f.Title)
		w.Body = []Sentence{say("It is your turn: choose who does the work.")}
	case NotifySelection:
		w.Headline = say("You were chosen for “%s”", f.Title)
		w.Body = []Sentence{
			say("%s chose you. You receive %s when your work is accepted.", f.Funder, f.Budget),
			say("The job's page says until when the work is to be handed in."),
		}
	case NotifyNotSelected:
		w.Headline = say("Somebody else was chosen for “%s”", f.Title)
		w.Body = []Sentence{say("Thank you for applying. There are other jobs.")}
	case NotifySubmission:
		w.Headline = say("The work for “%s” was handed in", f.Title)
		w.Body = []Sentence{say("%s waits for you to look at it, and to pay %s when it is what you asked for.", f.Worker, f.Budget)}
	case NotifyAcceptance:
		w.Headline = say("Your work for “%s” was accepted", f.Title)
		w.Body = []Sentence{say("%s is paying you %s. You are told when the money has arrived.", f.Funder, f.Budget)}
	case NotifyRejection:
		w.Headline = say("Your work for “%s” was not accepted", f.Title)
		if f.Detail != "" {
			w.Body = append(w.Body, say("%s says why: %s", f.Funder, f.Detail))
		}
		w.Body = append(w.Body, say("The job's page says what can be done next."))
	case NotifyPaid:
		w.Headline = say("You have been paid %s for “%s”", f.Budget, f.Title)
		w.Body = []Sentence{say("The money from %s has arrived at your wallet, and the job is complete.", f.Funder)}
	case NotifyPaymentArrived:
		w.Headline = say("Your payment for “%s” has arrived", f.Title)
		w.Body = []Sentence{say("%s has received %s, and the job is complete. What left your wallet is in its own statement.", f.Worker, f.Budget)}
	case NotifyPaymentFailed:
		w.Headline = say("Your payment for “%s” was not completed", f.Title)
		w.Body = []Sentence{say("%s has not been paid. The job's page says why, and lets you try again.", f.Worker)}
	case NotifyPaymentLate:
		w.Headline = say("The payment for “%s” takes longer than it should", f.Title)
		w.Body = []Sentence{say("It was approved, and the money has not arrived yet. Nobody needs to do anything: we keep asking the wallets, and tell you how it ends.")}
	case NotifyPaidOutOfTurn:
		w.Headline = say("Money arrived for “%s”, which was not to be paid", f.Title)
		w.Body = []Sentence{notMovedBack}
	case NotifyPaidAgain:
		w.Headline = say("A second payment arrived for “%s”", f.Title)
		w.Body = []Sentence{notMovedBack}
	case NotifyOverpaid:
		w.Headline = say("More than was asked for arrived for “%s”", f.Title)
		w.Body = []Sentence{say("It is %s more than was asked for.", f.Detail), notMovedBack}
	case NotifyCanceled:
		w.Headline = say("“%s” was canceled", f.Title)
		if f.By != "" && f.By != f.Funder {
			w.Body = append(w.Body, say("An operator of the marketplace did that, and says why: %s", f.Detail))
		}
		w.Body = append(w.Body, say("Nothing more is to be done for this job."))
	case NotifyExpired:
		w.Headline = say("“%s” has expired", f.Title)
		w.Body = []Sentence{say("Its time ran out. Nothing more is to be done for this job.")}
	case NotifyPasswordReset:
		w.Headline, w.Action = say("Choose a new password"), say("Choose a new password")
		w.Body = []Sentence{
			say("Somebody asked for a new password for your account. If it was you, follow the link: it works once, and for a short time."),
			say("If it was not you, do nothing: your password stays as it is."),
		}
	case NotifySignUp:
		w.Headline, w.Action = say("Confirm your e-mail"), say("Make the account")
		w.Body = []Sentence{
			say("Somebody wants an account at Tianguis with this e-mail. If it was you, follow the link within a day, and type the password that you chose."),
			say("If it was not you, do nothing: there is no account, and there will be none."),
		}
	case NotifyHaveAccount:
		w.Headline, w.Action = say("You have an account already"), say("Sign in")
		w.Body = []Sentence{
			say("Somebody wanted to use this e-mail for another account at Tianguis. Nothing was changed: it is the one of your account."),
			say("If it was you, sign in, or choose a new password there. If it was not, do nothing."),
		}
	case NotifyNewEmail:
		w.Headline, w.Action = say("Confirm your new e-mail"), say("Confirm")
		w.Body = []Sentence{
			say("Somebody wants to sign in at Tianguis with this e-mail from now on. If it was you, follow the link within a day, where you are signed in."),
			say("If it was not you, do nothing: nothing was changed."),
		}
	case NotifyEmailChanged:
		w.Headline, w.Action = say("Your e-mail was changed"), say("Open your profile")
		w.Body = []Sentence{say("From now on you sign in with %s.", f.Detail), notYou}
	case NotifyPasswordChanged:
		w.Headline, w.Action = say("Your password was changed"), say("Open your profile")
		w.Body = []Sentence{notYou}
	case NotifyWalletChanged:
		w.Headline, w.Action = say("Your wallet address was changed"), say("Open your profile")
		w.Body = []Sentence{say("From now on you are paid at %s.", f.Detail), notYou}
		if f.Detail == "" {
			w.Body[0] = say("The account has none any more: nobody can pay you.")
		}
	}
	switch {
	case f.Path == "/":
		w.Action = say("See other jobs")
	case f.Path == "/operator":
		w.Action = say("Open the operator's page")
	case k == NotifyPasswordChanged || k == NotifyEmailChanged || k == NotifyWalletChanged:
		w.Path = "/profile"
	}
	return w
}

var (
	notMovedBack = say("No money is moved back by itself. If it was not meant, those who paid and received it agree how it is returned. The operator is told as well.")
	notYou       = say("If it was not you, choose a new password at once, and write to whoever runs this marketplace.")
)
