package attacks

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"tianguis.example/stack"
)

// operatorPages are what the operators of the marketplace look at.
var operatorPages = []string{
	"", "/people", "/people.csv", "/people/1", "/people/1/disable", "/people/1/make-operator", "/jobs", "/jobs.csv", "/payments", "/payments.csv", "/actions", "/actions.csv",
}

// operatorForms are what they can do, with what a forger would send.
func operatorForms(reason string) map[string]url.Values {
	all := map[string]url.Values{"/news/1/looked-into": {"reason": {reason}}}
	for _, person := range []string{"1", "2", "4"} {
		for _, act := range []string{"sign-out", "disable", "enable", "make-operator", "remove-operator"} {
			all["/people/"+person+"/"+act] = url.Values{"reason": {reason}}
		}
	}
	return all
}

var operatorAttacks = []Attack{
	{
		ID: "operator-pages", Title: "Every page and list of the operators, looked at by who is none: as if there were none", By: Customer, Aim: Privacy,
		Refused: []Refusal{noPage, {http.StatusSeeOther, "Location: /login"}}, Told: []Line{{stack.Marketplace, "status", "404"}, {stack.Marketplace, "status", "303"}},
		Try: fired(func(s *siege) (all []shot) {
			for _, path := range operatorPages {
				for _, who := range []*visitor{s.other, s.worker, s.payer, nil} {
					all = append(all, get("/operator"+path, who))
				}
			}
			return all
		}),
	},
	{
		ID: "operator-forms", Title: "Every form of the operators, sent whole by who is none: to disable others, to become one", By: Customer, Aim: Account,
		Refused: []Refusal{noPage}, Told: []Line{{stack.Marketplace, "status", "404"}},
		Try: fired(func(s *siege) (all []shot) {
			for path, form := range operatorForms("because") {
				for _, who := range []*visitor{s.other, s.worker} {
					all = append(all, postOurs("/operator"+path, form, who))
				}
			}
			return all
		}),
	},
	{
		ID: "operator-csrf", Title: "The same, sent by another site with an operator's cookies: without a proof, with another's", By: Site, Aim: Account,
		Refused: []Refusal{foreignForm}, Told: tellForeign,
		Try: fired(func(s *siege) (all []shot) {
			for path, form := range operatorForms("because") {
				foreign := url.Values{"csrf": {s.other.csrf}, "reason": form["reason"]}
				all = append(all, post("/operator"+path, form, s.operator).with("Origin", "https://evil.example"), post("/operator"+path, foreign, s.operator))
			}
			return all
		}),
	},
	{
		ID: "operator-session", Title: "An operator's session, nearly: cut, with a letter changed, of another name, with a mark beside it", By: Stranger, Aim: Account,
		Refused: []Refusal{{http.StatusSeeOther, "Location: /login"}, noPage}, Told: []Line{{stack.Marketplace, "status", "303"}, {stack.Marketplace, "status", "404"}},
		Try: fired(func(s *siege) (all []shot) {
			for _, c := range s.operator.cookies {
				if c.Name != "tianguis_session" {
					continue
				}
				flipped := "A"
				if strings.HasPrefix(c.Value, "A") {
					flipped = "B"
				}
				for _, cookie := range []string{
					c.Name + "=" + c.Value[:len(c.Value)-1], c.Name + "=" + flipped + c.Value[1:], c.Name + "=" + strings.ToUpper(c.Value), "__Host-" + c.Name + "=" + c.Value, "operator=true; role=operator; user_id=3", c.Name + "=3", c.Name + "=",
				} {
					all = append(all, get("/operator", nil).with("Cookie", cookie), get("/operator/people.csv", nil).with("Cookie", cookie))
				}
			}
			return append(all, get("/operator", s.other).with("Cookie", "operator=true"), get("/operator", s.other).with("X-Forwarded-User", operatorEmail))
		}),
	},
	{
		ID: "operator-reason", Title: "An operator who gives no reason, or blanks and invisible letters for one: what is done to others has one that is kept", By: Operator, Aim: Account,
		Refused: []Refusal{{http.StatusUnprocessableEntity, "Give a reason"}}, Told: tell422,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			person, err := s.numberOf(ctx, otherEmail)
			if err != nil {
				return nil, err
			}
			var shots []shot
			for _, reason := range []string{"", " \t\r\n", "\x00\x01"} {
				for _, act := range []string{"sign-out", "disable", "make-operator"} {
					shots = append(shots, postOurs("/operator/people/"+person+"/"+act, url.Values{"reason": {reason}}, s.operator))
				}
			}
			return s.fire(ctx, shots...)
		},
	},
	{
		ID: "operator-numbers", Title: "Numbers of people and news that are none: negative, huge, SQL, a path", By: Operator, Aim: Inside,
		Refused: []Refusal{noPage, {http.StatusBadRequest, ""}}, Told: []Line{{stack.Marketplace, "status", "404"}, {stack.Marketplace, "status", "400"}},
		Try: fired(func(s *siege) (all []shot) {
			for _, id := range []string{"-1", "0", "01", "0x1", "1%20OR%201=1", "%00", "..%2f1", strings.Repeat("9", 30), "999999"} {
				all = append(all, get("/operator/people/"+id, s.operator), postOurs("/operator/people/"+id+"/disable", url.Values{"reason": {"because"}}, s.operator),
					postOurs("/operator/news/"+id+"/looked-into", url.Values{"reason": {"because"}}, s.operator))
			}
			for _, query := range []string{"before=%00", "q=%ff", "state=%27%20OR%201=1", "person=0x1", "q=" + strings.Repeat("x", 5000)} {
				all = append(all, get("/operator/jobs?"+query, s.operator), get("/operator/payments?"+query, s.operator))
			}
			return all
		}),
	},
}

// numberOf is a person's number, as the operators' list has it.
func (s *siege) numberOf(ctx context.Context, email string) (string, error) {
	page, err := s.operator.Browser.Open(ctx, s.stack.Marketplace.Address+"/operator/people?q="+url.QueryEscape(email))
	if err != nil {
		return "", err
	}
	const prefix = "/operator/people/"
	number := strings.TrimPrefix(page.Document.Find(`main [href^="`+prefix+`"]`).First().AttrOr("href", ""), prefix)
	if number == "" || strings.Trim(number, "0123456789") != "" {
		return "", fmt.Errorf("the list of people does not lead to %s: %q", email, number)
	}
	return number, nil
}
