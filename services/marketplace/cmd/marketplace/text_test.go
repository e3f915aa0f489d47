package main

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

// Postgres takes no NUL and nothing that is not UTF-8 for text. Whatever of it comes in an address or a form is refused or cleaned, and is no fault of ours.
func TestText_ThatPostgresDoesNotTake(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, m *running) {
		operator, funder, worker, nobody := m.browser().signIn(demoOperator), m.browser().signIn(demoFunder), m.browser().signIn(demoWorker), m.browser()
		token := func(b *browser, path string) string {
			return b.get(path).doc.Find("input[name=csrf]").First().AttrOr("value", "")
		}
		formOf := map[*browser]string{operator: token(operator, "/profile"), funder: token(funder, "/profile"), worker: token(worker, "/profile"), nobody: token(nobody, "/login")}
		for _, text := range []string{"\x00", "a\x00b", "\xff", "ñ\xc3", "\u0000~"} {
			q := url.QueryEscape(text)
			for path, b := range map[string]*browser{
				"/money?before=" + q: funder, "/notifications?before=" + q: funder, "/?q=" + q: funder, "/?page=" + q: funder, "/jobs/" + q: funder, "/jobs/1/files/" + q: funder,
				"/payments/finish?pendingId=" + q + "&interact_ref=" + q + "&hash=" + q: funder, "/reset?token=" + q: nobody, "/signup/confirm?token=" + q: nobody, "/profile/email/confirm?token=" + q: funder,
				"/operator/people?q=" + q: operator, "/operator/jobs?before=" + q: operator, "/operator/payments?state=" + q: operator, "/operator/actions?by=" + q: operator, "/login?next=" + q: nobody,
			} {
				answer := b.get(path)
				require.Less(t, answer.StatusCode, 500, "%s: %s", path, answer.text)
			}
			for path, send := range map[string]struct {
				b     *browser
				field string
			}{
				"/login": {nobody, "email"}, "/signup": {nobody, "email"}, "/forgot": {nobody, "email"}, "/profile/sessions/end": {funder, "session"}, "/profile": {funder, "name"}, "/profile/wallet": {funder, "wallet_address"},
				"/profile/email": {funder, "email"}, "/jobs/new": {funder, "title"}, "/jobs/1/pay": {funder, "wallet_address"}, "/jobs/1/reject": {funder, "text"}, "/jobs/1/cancel": {funder, "text"},
				"/operator/people/4/sign-out": {operator, "reason"}, "/notifications/preferences": {worker, "phone"},
			} {
				answer := send.b.do(http.MethodPost, path, url.Values{"csrf": {formOf[send.b]}, send.field: {text}, "password": {text}, "current_password": {text}, "do": {"look"}})
				require.Less(t, answer.StatusCode, 500, "%s: %s", path, answer.text)
				require.NotEqual(t, http.StatusForbidden, answer.StatusCode, "%s: the form itself was refused", path)
			}
		}
	})
}
