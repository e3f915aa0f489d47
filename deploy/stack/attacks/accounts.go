package attacks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// formOf opens a page with a form in a new browser, and returns who may send it.
func (s *siege) formOf(ctx context.Context, path string) (*visitor, error) {
	browser := person.NewBrowser()
	page, err := browser.Open(ctx, s.stack.Marketplace.Address+path)
	if err != nil {
		return nil, err
	}
	return &visitor{cookies: browser.Cookies(page.URL), csrf: page.Document.Find("input[name=csrf]").First().AttrOr("value", "")}, nil
}

// anew are the parts of a page that differ each time.
var anew = regexp.MustCompile(`(?m)value="[0-9a-f]{64}"|^(Set-Cookie|X-Request-Id|Date|Content-Length):.*$|[a-z]+@example\.com`)

// alike is an error when two answers tell apart what nobody may tell apart.
func alike(a, b answer) error {
	if a.status != b.status || anew.ReplaceAllString(a.text, "") != anew.ReplaceAllString(b.text, "") {
		return fmt.Errorf("the answers differ:\n%s\n%s", a, b)
	}
	return nil
}

var accountAttacks = []Attack{
	{
		ID: "account-guessing", Title: "Password after password, each from another address as X-Forwarded-For has it; then the right one", By: Stranger, Aim: Account,
		Refused: []Refusal{{http.StatusUnauthorized, "do not fit together"}, {http.StatusTooManyRequests, "too many tries"}},
		Told:    []Line{{stack.Marketplace, "security", "sign_in_failed"}, {stack.Marketplace, "security", "too_many_tries"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			who, err := s.formOf(ctx, "/login")
			if err != nil {
				return nil, err
			}
			var shots []shot
			for i := range 12 {
				guess := fmt.Sprintf("guess-%d", i)
				if i == 11 {
					guess = password
				}
				shots = append(shots, postOurs("/login", url.Values{"email": {operatorEmail}, "password": {guess}}, who).
					with("X-Forwarded-For", fmt.Sprintf("203.0.113.%d", i)).with("X-Real-Ip", fmt.Sprintf("203.0.113.%d", i)))
			}
			all, err := s.fire(ctx, shots...)
			if err == nil && all[11].status != http.StatusTooManyRequests {
				err = errors.New("the eleventh guess was let through")
			}
			return all, err
		},
	},
	{
		ID: "account-who-has-one", Title: "Whether somebody has an account: told by signing in, signing up, or asking for a new password", By: Stranger, Aim: Privacy,
		Refused: []Refusal{{http.StatusUnauthorized, "do not fit together"}, {http.StatusSeeOther, "Location: /login"}}, Told: tellPage,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			who, err := s.formOf(ctx, "/login")
			if err != nil {
				return nil, err
			}
			var all []answer
			for path, form := range map[string]url.Values{"/login": {"password": {"wrong"}}, "/forgot": nil, "/signup": {"name": {"A. B."}, "password": {"a password of length"}, "role": {"both"}}} {
				var both []answer
				for _, email := range []string{workerEmail, "nobody@example.com"} {
					filled := url.Values{"email": {email}}
					for name, value := range form {
						filled[name] = value
					}
					got, err := s.fire(ctx, postOurs(path, filled, who))
					if err != nil {
						return all, err
					}
					both = append(both, got...)
				}
				all = append(all, both...)
				if err := alike(both[0], both[1]); err != nil {
					return all, err
				}
			}
			return all, nil
		},
	},
	{
		ID: "account-session-fixed", Title: "A session that was put into the browser before its owner signed in", By: Stranger, Aim: Account,
		Refused: []Refusal{{http.StatusSeeOther, "Location: /login"}}, Told: tellPage,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			who, err := s.formOf(ctx, "/login")
			if err != nil {
				return nil, err
			}
			const planted = "planted-by-somebody-who-was-here-before"
			who.cookies = append(who.cookies, &http.Cookie{Name: "tianguis_session", Value: planted})
			got, err := s.send(ctx, postOurs("/login", url.Values{"email": {workerEmail}, "password": {password}}, who))
			if err != nil {
				return nil, err
			}
			if got.status != http.StatusSeeOther || !strings.Contains(got.text, "Set-Cookie: tianguis_session=") || strings.Contains(got.text, planted) {
				return nil, fmt.Errorf("signing in did not give a session of its own: %s", got)
			}
			for _, flag := range []string{"HttpOnly", "SameSite=Lax"} {
				if !strings.Contains(got.text, flag) {
					return nil, fmt.Errorf("the session's cookie is not %s", flag)
				}
			}
			return s.fire(ctx, get("/", nil).with("Cookie", "tianguis_session="+planted))
		},
	},
	{
		ID: "account-session-guessed", Title: "Sessions that are made up, cut, or named by their id", By: Stranger, Aim: Account,
		Refused: []Refusal{{http.StatusSeeOther, "Location: /login"}}, Told: tellPage,
		Try: fired(func(s *siege) (all []shot) {
			right := ""
			for _, c := range s.payer.cookies {
				if c.Name == "tianguis_session" {
					right = c.Value
				}
			}
			for _, token := range []string{"x", right[1:], strings.ToUpper(right), right + "x", strings.Repeat("A", 43), "' OR '1'='1"} {
				all = append(all, get("/", nil).with("Cookie", `tianguis_session="`+token+`"`))
			}
			return all
		}),
	},
	{
		ID: "account-reset-again", Title: "The link with which a new password was chosen, a second time; and links that are made up", By: Network, Aim: Account,
		Refused: []Refusal{{http.StatusGone, ""}}, Told: []Line{{stack.Marketplace, "status", "410"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			who, err := s.formOf(ctx, "/login")
			if err != nil {
				return nil, err
			}
			var shots []shot
			for _, token := range []string{s.reset, "", "x", s.reset + "x", strings.ToLower(s.reset)} {
				shots = append(shots, get("/reset?token="+url.QueryEscape(token), nil), postOurs("/reset", url.Values{"token": {token}, "password": {"mallory's own password"}}, who))
			}
			return s.fire(ctx, append(shots, postOurs("/signup/confirm", url.Values{"token": {s.reset}, "password": {newPassword}}, who))...)
		},
	},
	{
		ID: "account-wallet-stolen-session", Title: "Where somebody is paid, changed with their session alone: without the password, with a wrong one", By: Network, Aim: Money,
		Refused: []Refusal{{http.StatusUnauthorized, "This is not your password"}}, Told: suspect(stack.Marketplace, "sign_in_failed"),
		Try: fired(func(s *siege) (all []shot) {
			for _, guess := range []string{"", "wrong"} {
				all = append(all, postOurs("/profile/wallet", url.Values{"do": {"save"}, "wallet_address": {s.stack.Sandbox.Address + "/buyer-usd"}, "current_password": {guess}}, s.worker),
					postOurs("/profile/email", url.Values{"email": {"mallory@evil.example"}, "current_password": {guess}}, s.worker),
					postOurs("/profile/password", url.Values{"password": {"mallory's own password"}, "current_password": {guess}}, s.worker))
			}
			return all
		}),
	},
	{
		ID: "account-sessions-of-others", Title: "The end of somebody else's session, by its id", By: Customer, Aim: Account,
		Refused: []Refusal{{http.StatusSeeOther, "Location: /profile"}, {http.StatusOK, "Your profile"}}, Told: tellPage,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			page, err := s.payer.Browser.Open(ctx, s.stack.Marketplace.Address+"/profile")
			if err != nil {
				return nil, err
			}
			var shots []shot
			for _, id := range page.Document.Find("input[name=session]").Map(func(_ int, field *goquery.Selection) string { return field.AttrOr("value", "") }) {
				shots = append(shots, postOurs("/profile/sessions/end", url.Values{"session": {id}}, s.other))
			}
			if len(shots) == 0 {
				return nil, errors.New("the payer has no session that could be ended")
			}
			return s.fire(ctx, append(shots, get("/profile", s.payer), get("/profile", s.elsewhere))...)
		},
	},
	{
		ID: "account-operator", Title: "A role that nobody was given: in the form of the profile and of signing up", By: Customer, Aim: Privacy,
		Refused: []Refusal{{http.StatusUnprocessableEntity, ""}, noPage}, Told: []Line{{stack.Marketplace, "status", "4"}},
		Try: fired(func(s *siege) []shot {
			form := url.Values{"name": {"Otilia Paz"}, "role": {"operator"}, "operator": {"true"}, "Operator": {"1"}}
			return []shot{postOurs("/profile", form, s.other), get("/operator", s.other)}
		}),
	},
}
