package notify_test

import (
	"context"
	"strings"
	"testing"
	"unicode"

	"github.com/PuerkitoBio/goquery"
	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace"
	"tianguis.example/marketplace/language"
	"tianguis.example/marketplace/notify"
	"tianguis.example/payments/money"
)

const baseURL = "https://market.example"

func languages(t *testing.T) *language.Catalogue {
	t.Helper()
	all, err := language.Load()
	require.NoError(t, err)
	return all
}

// kept is a mailbox that takes everything.
type kept struct{ mails []notify.Mail }

func (k *kept) Deliver(_ context.Context, m notify.Mail) error {
	k.mails = append(k.mails, m)
	return nil
}

func write(t *testing.T, m marketplace.Message) notify.Mail {
	t.Helper()
	mailer, err := notify.NewMailer(&kept{}, baseURL+"/", languages(t))
	require.NoError(t, err)
	mail, err := mailer.Write(m)
	require.NoError(t, err)
	return mail
}

var kinds = []marketplace.NotificationKind{
	marketplace.NotifyApplication, marketplace.NotifyWithdrawal, marketplace.NotifyClosed, marketplace.NotifySelection, marketplace.NotifyNotSelected,
	marketplace.NotifySubmission, marketplace.NotifyAcceptance, marketplace.NotifyRejection, marketplace.NotifyPaid, marketplace.NotifyPaymentArrived,
	marketplace.NotifyPaymentFailed, marketplace.NotifyPaymentLate, marketplace.NotifyPaidOutOfTurn, marketplace.NotifyPaidAgain, marketplace.NotifyOverpaid,
	marketplace.NotifyCanceled, marketplace.NotifyExpired, marketplace.NotifyPasswordReset, marketplace.NotifyPasswordChanged, marketplace.NotifyWalletChanged,
}

func message(t *testing.T, kind marketplace.NotificationKind, in string) marketplace.Message {
	t.Helper()
	budget, err := money.ParseDecimal("1500.00", "MXN", 2)
	require.NoError(t, err)
	return marketplace.Message{
		ID: "01JDX", Channel: marketplace.Email, Kind: kind, To: "beto@example.com", Name: "Beto Hernández", Language: in,
		Facts: marketplace.Facts{JobID: 7, Title: "Rótulo", Budget: budget, By: "Ana", Funder: "Fernanda", Worker: "Beto", Detail: "https://w.example/x"},
	}
}

// squeeze is text with its white space made single.
func squeeze(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestMail_EachKindInEachLanguage: no word is missing, both parts say the same, and the links lead to the marketplace.
func TestMail_EachKindInEachLanguage(t *testing.T) {
	t.Parallel()
	all := languages(t)
	for _, kind := range kinds {
		subjects := map[string]bool{}
		for _, in := range all.Languages() {
			m := message(t, kind, in.Code)
			if kind == marketplace.NotifyPasswordReset {
				m.Facts.Path = "/reset?token=s3cret"
			}
			mail := write(t, m)
			words := m.Words()
			for _, s := range append([]marketplace.Sentence{words.Headline, words.Action}, words.Body...) {
				require.True(t, in.Has(s.Format), "%s lacks %q", in.Code, s.Format)
			}
			require.NotContains(t, mail.Subject+mail.Text+mail.HTML, "%!", "%s in %s", kind, in.Code)
			require.NotContains(t, mail.Subject+mail.Text+mail.HTML, "ZgotmplZ", "%s in %s", kind, in.Code)
			require.False(t, subjects[mail.Subject], "%s in %s has the words of another language", kind, in.Code)
			subjects[mail.Subject] = true

			doc, err := goquery.NewDocumentFromReader(strings.NewReader(mail.HTML))
			require.NoError(t, err)
			require.Equal(t, in.Code, doc.Find("html").AttrOr("lang", ""))
			require.Equal(t, mail.Subject, doc.Find("h1").Text())
			body := doc.Find("body")
			shown := squeeze(body.Text())
			links := map[string]bool{}
			body.Find("a").Each(func(_ int, a *goquery.Selection) { links[a.AttrOr("href", "")] = true })
			// What stands in the text part, line by line, stands in the other one: words as words, links as links.
			lines := 0
			for line := range strings.Lines(mail.Text) {
				line = strings.TrimSpace(line)
				if line == "" || line == "--" {
					continue
				}
				lines++
				if i := strings.Index(line, baseURL+"/"); i >= 0 {
					require.True(t, links[line[i:]], "%s in %s: no link %s", kind, in.Code, line[i:])
					line = line[:i]
				}
				require.Contains(t, shown, strings.TrimSuffix(strings.TrimSpace(line), ":"), "%s in %s", kind, in.Code)
			}
			require.Greater(t, lines, 4)
			require.Len(t, links, map[bool]int{true: 1, false: 2}[kind.Topic() == marketplace.TopicSecurity])
			for link := range links {
				require.True(t, strings.HasPrefix(link, baseURL+"/"), link)
			}
			require.Equal(t, kind.Topic() != marketplace.TopicSecurity, mail.Unsubscribe != "", kind)
			require.Equal(t, kind == marketplace.NotifyPasswordReset, strings.Contains(mail.HTML, "s3cret"), kind)
			require.Zero(t, doc.Find("img, script, link, iframe, form").Length(), "nothing is loaded from elsewhere, and nothing tells that it was opened")
		}
	}
}

// TestMail_SaysItInEnglishAndInSpanish holds a few to the letter.
func TestMail_SaysItInEnglishAndInSpanish(t *testing.T) {
	t.Parallel()
	require.Equal(t, `Hello Beto Hernández,

You have been paid 1,500.00 MXN for “Rótulo”

The money from Fernanda has arrived at your wallet, and the job is complete.

Open the job:
https://market.example/jobs/7

-- 
You get this because you have an account at Tianguis.
Choose what you are told: https://market.example/notifications/preferences
`, write(t, message(t, marketplace.NotifyPaid, "en")).Text)
	require.Equal(t, `Hola, Beto Hernández:

Recibiste 1,500.00 MXN por «Rótulo»

El dinero de Fernanda llegó a tu billetera y el trabajo está completo.

Abrir el trabajo:
https://market.example/jobs/7

-- 
Recibes esto porque tienes una cuenta en Tianguis.
Elegir qué se te avisa: https://market.example/notifications/preferences
`, write(t, message(t, marketplace.NotifyPaid, "es")).Text)
	require.Equal(t, write(t, message(t, marketplace.NotifyPaid, "en")).Text, write(t, message(t, marketplace.NotifyPaid, "xx")).Text, "an unknown language is English")
}

// TestMail_WhatPeopleWriteStaysText: a title is no markup, no header and no format.
func TestMail_WhatPeopleWriteStaysText(t *testing.T) {
	t.Parallel()
	const evil = "<script>alert(1)</script>\r\nBcc: rival@example.com\r\n\r\n%s %d &amp; \"'\x00\u2028"
	for _, kind := range kinds {
		for _, in := range []string{"en", "es"} {
			m := message(t, kind, in)
			m.Name = evil
			m.Facts.Title, m.Facts.By, m.Facts.Funder, m.Facts.Worker, m.Facts.Detail = evil, evil, evil, evil, evil
			mail := write(t, m)
			require.NotContains(t, mail.HTML, "<script", kind)
			require.NotContains(t, mail.Text, "%!", kind)
			require.NotContains(t, mail.Subject, "\n", kind)
			require.Equal(t, -1, strings.IndexFunc(mail.Subject, unicode.IsControl), kind)
			require.LessOrEqual(t, len([]rune(mail.Subject)), 150, kind)

			s := newServer(t)
			require.NoError(t, box(s).Deliver(t.Context(), mail), kind)
			l := s.letters()[0]
			require.Empty(t, l.header.Get("Bcc"), kind)
			require.Equal(t, mail.Subject, l.subject(t), kind)
			require.Regexp(t, `(?m)^From: `, l.raw)
			require.Len(t, l.header["Subject"], 1, kind)
			require.Len(t, l.header["To"], 1, kind)
		}
	}
}

// TestMail_OfAPathElsewhere: whatever a row says, a mail leads to the marketplace alone.
func TestMail_OfAPathElsewhere(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"https://evil.example/", "//evil.example", ".evil.example/", "@evil.example"} {
		m := message(t, marketplace.NotifyPaid, "en")
		m.Facts.Path = path
		mail := write(t, m)
		require.Contains(t, mail.Text, "\n"+baseURL+"/\n", path)
	}
}
