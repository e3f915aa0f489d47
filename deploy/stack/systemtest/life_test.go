package systemtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox/control"
)

// life is the whole life of a job, and of the three people who have to do with it, from sign-up to the money.
type life struct {
	*town
	t        *testing.T
	language string // "en", or "es"

	funder, worker, rival *somebody
	job                   string // the path of its page
}

// somebody is a person in a browser of their own.
type somebody struct {
	*browser
	name, email, password string
	wallet                string // the name of theirs at the sandbox
	market                string // where the marketplace is
	id                    string // what its pages call the person
}

// lives has a life lived to its end. Without scripts the same is done, by plain pages.
func (w *town) lives(t *testing.T, language string, width int64, withoutScripts bool) *life {
	t.Helper()
	title := language
	if withoutScripts {
		title += "-plain"
	}
	l := &life{town: w, t: t, language: language}
	somebody := func(name, asset string) *somebody {
		nick := title + "-" + strings.ToLower(strings.Fields(name)[0])
		require.NoError(t, w.wallets.AddWallet(t.Context(), control.Wallet{Name: nick, PublicName: name, AssetCode: asset, AssetScale: 2, Balance: 500_00}))
		return &somebody{
			browser: w.person(t, title, width, withoutScripts), name: name, email: nick + "@example.com", password: "four stalls and a " + nick, wallet: nick, market: w.Marketplace.Address,
		}
	}
	l.funder, l.worker, l.rival = somebody("Amanda Reyes", "USD"), somebody("Beto Luna", "MXN"), somebody("Carla Ruiz", "MXN")
	l.signUp()
	l.writeJob()
	l.apply()
	l.choose()
	l.work()
	l.pay()
	l.lookAtMoney()
	l.readNews()
	l.keepAccount()
	l.writeMore()
	return l
}

// in is the words of the life's language.
func (l *life) in(english, spanish string) string {
	if l.language == "es" {
		return spanish
	}
	return english
}

// signUp lets all three make an account, by the link in a mail, and say which wallet is theirs.
func (l *life) signUp() {
	market := l.Marketplace.Address
	for _, who := range []*somebody{l.funder, l.worker, l.rival} {
		first := who == l.funder // whose pages are looked at; the others see the same
		look := func(name string) {
			if first {
				who.pageByNight(name)
			}
		}
		who.do(open(market), see("form#login"))
		if l.language != "en" {
			who.do(press(`.languages a[lang="`+l.language+`"]`), see("form#login"))
		}
		who.says("h1", l.in("Sign in", "Iniciar sesión"))
		look("sign-in")
		who.do(press("#to-signup"))
		look("sign-up")
		if first {
			who.do(fill("#email", "amanda"), fill("#password", "short"), press("form#signup button"), see("#email-error"))
			look("sign-up-wrong")
		}
		role := "worker"
		if first {
			role = "funder"
		}
		who.do(fill("#name", who.name), fill("#email", who.email), fill("#password", who.password), click("#role-"+role), press("form#signup button"))
		who.do(see(`[data-flash="sign_up_sent"]`))
		look("sign-up-sent")

		who.openMail("sign_up", first)
		who.do(see("form#confirm"))
		look("confirm")
		if first {
			who.do(fill("#password", "not the password"), press("form#confirm button"), see(".form-error, .field-error"))
			look("confirm-wrong")
		}
		who.do(fill("#password", who.password), press("form#confirm button"), see(`[data-flash="welcome"]`))
		who.says(`[data-flash="welcome"]`, l.in("Welcome.", "Te damos la bienvenida."))
		who.id = read(who.browser, chromedp.Evaluate[string](`document.querySelector("[data-user]").dataset.user`))
		look("profile-new")
		if first {
			who.do(fill("#wallet_address", l.Sandbox.Address+"/no-such-wallet"), press("#look"), see("#wallet-error"))
			who.says("#wallet-error", l.in("No Open Payments wallet answers at this address", "En esta dirección no responde ninguna billetera de Open Payments"))
			look("profile-no-such-wallet")
		}
		who.do(fill("#wallet_address", l.Sandbox.Address+"/"+who.wallet), press("#look"), see("#wallet-looked"))
		who.says("#wallet-looked", who.name)
		look("profile-wallet-looked-at")
		if first {
			who.do(fill("#wallet-password", "not the password"), press(`form#wallet button[value="save"]`), see("#wallet-password-error"))
			look("profile-wrong-password")
		}
		who.do(fill("#wallet-password", who.password), press(`form#wallet button[value="save"]`), see(`[data-flash="wallet_saved"]`))
		look("profile")
	}
}

// openMail follows the link of a mail that the person got.
func (s *somebody) openMail(kind string, look bool) {
	s.t.Helper()
	mail := fmt.Sprintf(`[data-kind=%q][data-to=%q]`, kind, s.email)
	s.do(open(s.market + "/dev/mail"))
	s.reloadUntil(mail)
	if look && kind == "sign_up" {
		s.page("mails")
	}
	s.do(press(mail + " a"))
	if look {
		s.letter("mail-" + kind)
	}
	s.do(press(`a[href*="token="]`))
}

// writeJob is the funder's: a draft, written over, and published.
func (l *life) writeJob() {
	f := l.funder
	f.do(press(".brand"), see("#nothing-waiting"))
	f.pageByNight("jobs-none")
	f.do(press("#new-job"), see("form#job-form"))
	f.pageByNight("job-new")
	f.do(press("form#job-form button"), see("#title-error"))
	f.page("job-new-wrong")
	f.do(
		fill("#title", l.in("Paint the front of a bakery", "Pintar la fachada de una panadería")),
		fill("#description", l.in("Two coats, the colours of bread.\n\nThe stairs are there; the paint is not.", "Dos manos, de los colores del pan.\n\nHay escalera; la pintura no está.")),
		fill("#amount", "180"), choose("#asset", "MXN"), press("form#job-form button"), see(`[data-flash="created"]`),
	)
	f.says(`[data-flash="created"]`, l.in("The draft is kept.", "El borrador está guardado."))
	f.page("draft")
	f.do(press("a#edit"), fill("#amount", "185.50"), press("form#job-form button"), see(`[data-flash="edit"]`))
	f.do(press("form#publish button"), see(`[data-flash="publish"]`))
	f.page("published")
	l.job = strings.TrimPrefix(f.at(), l.Marketplace.Address)
	f.do(press("a#edit"), see("form#job-addition"))
	f.page("job-addition")
	f.do(fill("#text", l.in("A photograph of it before would be good.", "Una foto de antes ayudaría.")), press("form#job-addition button"), see(`[data-flash="edit"]`))
}

// apply is the workers'. One thinks twice.
func (l *life) apply() {
	for _, who := range []*somebody{l.worker, l.rival} {
		first := who == l.worker
		who.do(press(".brand"), see("#open"))
		if first {
			who.page("jobs-open")
		}
		who.do(press(fmt.Sprintf(`#open a[href=%q]`, l.job)), see("form#apply"))
		if first {
			who.page("job-to-apply-to")
			who.do(press("form#apply button"), see("#apply-error"))
			who.page("apply-wrong")
		}
		who.do(fill("#apply-text", l.in("I have painted two of them.", "He pintado dos.")), press("form#apply button"), see(`[data-flash="apply"]`))
		if first {
			who.page("applied")
		} else {
			who.do(press("form#withdraw button"), see(`[data-flash="withdraw"]`))
			who.page("withdrawn")
			who.do(press(fmt.Sprintf(`#open a[href=%q]`, l.job)), see("form#apply"))
			who.do(fill("#apply-text", l.in("I can begin tomorrow.", "Puedo empezar mañana.")), press("form#apply button"), see(`[data-flash="apply"]`))
		}
	}
}

// choose is the funder's.
func (l *life) choose() {
	f := l.funder
	f.do(press("#to-notifications"), see("#notifications"))
	f.pageByNight("notifications")
	f.do(press(`[data-kind="application"] a`), see("#applications"))
	f.page("applications")
	f.do(press("form#close button"), see(`[data-flash="close"]`))
	f.page("selecting")
	f.do(press(fmt.Sprintf(`[data-application=%q] button`, l.worker.id)), see(`[data-flash="select"]`))
	f.page("chosen")

	l.rival.do(press("#to-notifications"), see(`[data-kind="not_selected"]`))
	l.rival.says(`[data-kind="not_selected"]`, l.in("Somebody else was chosen", "Se eligió a otra persona"))
	l.rival.page("notifications-not-chosen")
	l.rival.do(open(l.Marketplace.Address+l.job), see("h1"))
	l.rival.page("job-of-others")
}

// work is handed in, sent back, and handed in again.
func (l *life) work() {
	l.worker.do(press("#to-notifications"), press(`[data-kind="selection"] a`), see("form#submit"))
	l.worker.page("job-to-do")
	l.worker.do(press("form#submit button"), see("#submit-error"))
	l.worker.page("submit-wrong")
	l.worker.do(fill("#submit-text", l.in("It is painted; the photograph is with the baker.", "Está pintada; la foto la tiene el panadero.")), press("form#submit button"), see(`[data-flash="submit"]`))
	l.worker.page("handed-in")

	l.funder.do(press("#to-notifications"), press(`[data-kind="submission"] a`), see("#submission"))
	l.funder.pageByNight("to-review")
	l.funder.do(click("details:has(#reject) summary"), see("form#reject"), press("form#reject button"), see("#reject-error"))
	l.funder.page("reject-wrong")
	l.funder.do(fill("#reject-text", l.in("The door is missing.", "Falta la puerta.")), press("form#reject button"), see(`[data-flash="reject"]`))
	l.funder.page("sent-back")

	l.worker.do(press("#to-notifications"), press(`[data-kind="rejection"] a`), see("form#submit"))
	l.worker.says("#submission", l.in("The door is missing.", "Falta la puerta."))
	l.worker.page("to-mend")
	l.worker.do(fill("#submit-text", l.in("Now with the door.", "Ahora con la puerta.")), press("form#submit button"), see(`[data-flash="submit"]`))
	if l.accepts() {
		l.funder.do(press("#to-notifications"), press(`[data-kind="submission"] a`), press("form#accept button"), see(`[data-flash="accept"]`))
		l.funder.page("accepted")
	}
}

// accepts reports whether the funder says so before paying, as one may.
func (l *life) accepts() bool { return l.funder.withoutScripts }

// pay is declined at the wallet, and tried again. Both people see how it ends, without loading a page.
func (l *life) pay() {
	f := l.funder
	f.do(press("#to-notifications"), press(`[data-kind="submission"] a`), press("a#approve"), see("form#pay"))
	f.pageByNight("approve-and-pay")
	f.do(fill("#wallet_address", l.Sandbox.Address+"/no-such-wallet"), press("form#pay button"), see("#wallet-error, #pay-error"))
	f.page("pay-no-such-wallet")
	f.do(fill("#wallet_address", l.Sandbox.Address+"/"+f.wallet), press("form#pay button"), see("a#to-wallet"))
	f.says("#receive", l.in("185.50 MXN", "185.50 MXN"))
	f.pageByNight("before-the-wallet")
	f.do(press("a#to-wallet"), see("button#approve"))
	f.pageByNight("wallet")
	f.do(press("button#decline"), see(`[data-flash="declined"]`))
	f.says(`[data-flash="declined"]`, l.in("You declined the payment at your wallet", "Rechazaste el pago en tu billetera"))
	f.page("declined")
	require.Empty(l.t, l.debits(l.t, f.wallet))

	f.do(press("a#approve"), press("form#pay button"), press("a#to-wallet"), see("button#approve"))
	l.paying.Lock()
	defer l.paying.Unlock()
	f.do(press("button#approve"), see(`#payment[data-payment="confirming"]`))
	f.says("#next", l.in("Nothing to do: the payment is approved.", "No hay que hacer nada: el pago está aprobado."))
	require.False(l.t, f.has("form#accept"), "the work is accepted by what is on its way")
	f.page("confirming")
	l.worker.do(open(l.Marketplace.Address+l.job), see(`#payment[data-payment="confirming"]`))
	l.worker.page("worker-confirming")
	require.NoError(l.t, l.wallets.Settle(l.t.Context()))
	for _, who := range []*somebody{f, l.worker} {
		if who.withoutScripts { // the page reloads itself now and then, but nobody is to depend on it
			who.do(see("#payment .only-noscript a"))
			who.reloadUntil(`#payment[data-payment="paid"]`)
		}
		who.do(see(`#payment[data-payment="paid"]`), see(`.job-head [data-job-state="complete"]`))
		who.says("#payment-status", l.in("Paid.", "Pagado."))
	}
	f.pageByNight("paid")
	l.worker.page("worker-paid")
}

// lookAtMoney finds the payment once: at the wallet, and in what each of the two is told of their money.
func (l *life) lookAtMoney() {
	debits := l.debits(l.t, l.funder.wallet)
	require.Len(l.t, debits, 1)
	ledger, err := l.wallets.Ledger(l.t.Context())
	require.NoError(l.t, err)
	credits := slices.DeleteFunc(ledger.Entries, func(e control.Entry) bool { return e.To != "wallet:"+l.worker.wallet || e.Payment == "" })
	require.Len(l.t, credits, 1)
	rounding := credits[0].Amount.Value - 185_50
	require.True(l.t, rounding >= 0 && rounding < 20, "the wallet rounds up to a whole cent of the funder's, which is less than 0.20 MXN: %d", rounding)

	received := credits[0].Amount.Decimal() + " MXN"

	l.worker.do(press("#to-money"), see(`#money [data-direction="received"]`))
	l.worker.says(`[data-currency="MXN"] [data-total="received"]`, received)
	l.worker.says(`#money [data-direction="received"]`, l.in("You received ", "Recibiste ")+received)
	require.Equal(l.t, 1, read(l.worker.browser, chromedp.Evaluate[int](`document.querySelectorAll("#money > li").length`)))
	l.worker.page("money-received")
	l.funder.do(press("#to-money"), see(`#money [data-direction="paid"]`))
	require.Equal(l.t, 1, read(l.funder.browser, chromedp.Evaluate[int](`document.querySelectorAll("#money > li").length`)))
	l.funder.pageByNight("money-paid")
	l.rival.do(press("#to-money"), see("#no-money"))
	l.rival.page("money-none")
}

// readNews holds what everybody was told against what happened: by mail, each once, in their language.
func (l *life) readNews() {
	told := map[*somebody][]string{
		l.funder: {"sign_up", "wallet_changed", "application", "application", "application", "withdrawal", "submission", "submission", "payment_arrived"},
		l.worker: {"sign_up", "wallet_changed", "selection", "rejection", "payment_completed"},
		l.rival:  {"sign_up", "wallet_changed", "not_selected"},
	}
	if l.accepts() {
		told[l.worker] = append([]string{"acceptance"}, told[l.worker]...)
	}
	for who, kinds := range told {
		last := kinds[len(kinds)-1]
		who.do(open(l.Marketplace.Address + "/dev/mail"))
		who.reloadUntil(fmt.Sprintf(`[data-kind=%q][data-to=%q]`, last, who.email))
		got := read(who.browser, chromedp.Evaluate[[]string](fmt.Sprintf(`[...document.querySelectorAll('[data-to=%q]')].map(m => m.dataset.kind)`, who.email)))
		require.ElementsMatch(l.t, kinds, got, who.name)
		who.says(fmt.Sprintf(`[data-kind="wallet_changed"][data-to=%q]`, who.email), l.in("Your wallet address was changed", "Se cambió la dirección de tu billetera"))
	}
}

// keepAccount is what the worker does with the account: what is told, the e-mail, the password, where it is signed in.
func (l *life) keepAccount() {
	w := l.worker
	w.do(press("#to-notifications"), press("form#read-all button"))
	w.page("notifications-read")
	w.do(press("#to-preferences"), see("form#preferences"))
	w.page("preferences")
	w.do(click("#email_applications"), press("form#preferences button"), see(`[data-flash="preferences_saved"]`))
	w.do(press("a.who"), fill("#name", "Beto Luna Cruz"), press("form#profile button"), see(`[data-flash="profile_saved"]`))

	old := w.email
	w.email = "new-" + old
	w.do(fill("#email", w.email), fill("#email-password", w.password), press("form#email-form button"), see(`[data-flash="email_sent"]`))
	w.page("email-sent")
	w.openMail("new_email", true)
	w.do(see("form#confirm-email"))
	w.page("email-confirm")
	w.do(press("form#confirm-email button"), see(`[data-flash="email_changed"]`))
	changed := w.password + ", and a cat"
	w.do(fill("#current_password", w.password), fill("#password", "short"), press("form#password-form button"), see("#password-error"))
	w.page("password-wrong")
	w.do(fill("#current_password", w.password), fill("#password", changed), press("form#password-form button"), see(`[data-flash="password_changed"]`))

	w.do(press("[data-current] button"), see("form#login"))
	w.page("session-ended")
	w.do(fill("#email", w.email), fill("#password", w.password), press("form#login button"), see("#login-error"))
	w.page("sign-in-refused")
	w.do(press(`a[href="/forgot"]`), see("form#forgot"))
	w.page("forgot")
	w.do(fill("#email", w.email), press("form#forgot button"), see(`[data-flash="reset_sent"]`))
	w.page("reset-sent")
	w.openMail("password_reset", true)
	w.do(see("form#reset"))
	w.page("reset")
	link := w.at()
	w.do(fill("#password", "short"), press("form#reset button"), see("#password-error"))
	w.page("reset-wrong")
	w.do(fill("#password", w.password), press("form#reset button"), see(`[data-flash="password_reset"]`))
	w.page("password-reset")
	w.do(open(link), see("#dead-link"))
	w.page("dead-link")
	w.do(open(w.market), fill("#email", w.email), fill("#password", w.password), press("form#login button"), press("a.who"), press("form#end-all button"), see(`[data-flash="signed_out"]`))
	w.page("signed-out")
}

// writeMore is the funder's: the same job once more, called off; and a look for what there is.
func (l *life) writeMore() {
	f := l.funder
	f.do(open(l.Marketplace.Address+l.job), press("form#duplicate button"), see(`[data-flash="duplicate"]`))
	f.page("duplicate")
	f.do(press(".back a"), click("details:has(#cancel) summary"), see("form#cancel"))
	f.page("draft-to-cancel")
	f.do(fill("#cancel-text", l.in("One is enough.", "Con una basta.")), press("form#cancel button"), see(`[data-job-state="canceled"]`))
	f.page("canceled")
	f.do(press(".brand"), see("#ended"))
	f.page("jobs")
	f.do(fill("#q", l.in("bakery", "panadería")), press("form#find button"), see("#found li[data-job]"))
	f.page("jobs-found")
	f.do(fill("#q", "xyzzy"), press("form#find button"), see("#nothing-found"))
	f.page("jobs-nothing-found")
	f.do(press("form#logout button"), see(`[data-flash="signed_out"]`))
}
