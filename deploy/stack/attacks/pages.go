package attacks

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"tianguis.example/stack"
)

var (
	foreignForm = Refusal{http.StatusForbidden, "This form is not valid any more"}
	noPage      = Refusal{http.StatusNotFound, ""}
	tellForeign = suspect(stack.Marketplace, "forbidden")
	tellPage    = []Line{{stack.Marketplace, "msg", "request"}}
)

// forms are the addresses at which something is changed, with what a forger would send.
func forms(s *siege) map[string]url.Values {
	job := fmt.Sprintf("/jobs/%d", s.due)
	return map[string]url.Values{
		job + "/pay": {"wallet_address": {s.stack.Sandbox.Address + "/buyer-mxn"}}, job + "/accept": nil, job + "/reject": {"text": {"no"}}, job + "/cancel": {"text": {"no"}},
		job + "/edit": {"text": {"x"}}, job + "/duplicate": nil, "/jobs/new": {"title": {"x"}},
		"/profile": {"name": {"Mallory"}, "role": {"both"}}, "/profile/wallet": {"do": {"save"}, "wallet_address": {"https://evil.example/me"}},
		"/profile/email": {"email": {"mallory@evil.example"}}, "/profile/password": {"password": {"mallory's own password"}}, "/profile/sessions/end-all": nil,
		"/notifications/read": {"up_to": {"999999"}}, "/notifications/preferences": nil, "/logout": nil,
	}
}

// forged is an attack by every form, each with what token says it carries.
func forged(change func(s *siege, form url.Values, o *shot)) func(context.Context, *siege) ([]answer, error) {
	return fired(func(s *siege) (all []shot) {
		for path, form := range forms(s) {
			whole := url.Values{}
			for name, value := range form {
				whole[name] = value
			}
			one := post(path, whole, s.payer)
			change(s, whole, &one)
			all = append(all, one)
		}
		return all
	})
}

// elsewheres are addresses that a redirect must not lead to.
var elsewheres = []string{
	"https://evil.example/", "//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, "/\t/evil.example", "/%09/evil.example\r\nSet-Cookie: a=b", "javascript:alert(1)", "https:evil.example", "data:text/html,x", "evil.example", "http:/evil.example", "/\x00//evil.example",
}

var location = regexp.MustCompile(`(?m)^Location: (.*?)\r?$`)

// stays is an error when a redirect leads to another site.
func stays(all []answer) error {
	for _, got := range all {
		for _, to := range location.FindAllStringSubmatch(got.text, -1) {
			if !strings.HasPrefix(to[1], "/") || strings.HasPrefix(to[1], "//") || strings.ContainsAny(to[1], "\\\t") {
				return fmt.Errorf("a redirect leads elsewhere: %s", got)
			}
		}
		if strings.Contains(got.text, "Set-Cookie: a=b") {
			return fmt.Errorf("a header was injected: %s", got)
		}
	}
	return nil
}

// guarded is an error when a page could be framed or run what is not its own.
func guarded(all []answer) error {
	for _, got := range all {
		for _, header := range []string{"frame-ancestors 'none'", "X-Frame-Options: DENY", "X-Content-Type-Options: nosniff", "default-src 'none'"} {
			if !strings.Contains(got.text, header) {
				return fmt.Errorf("a page without %s: %s", header, got.what)
			}
		}
		if strings.Contains(got.text, "unsafe-inline") || strings.Contains(got.text, "unsafe-eval") {
			return fmt.Errorf("a page that may run what somebody wrote into it: %s", got.what)
		}
	}
	return nil
}

var pageAttacks = []Attack{
	{
		ID: "page-csrf-none", Title: "Every form, sent by another site, with the victim's cookies", By: Site, Aim: Account,
		Refused: []Refusal{foreignForm}, Told: tellForeign,
		Try: forged(func(_ *siege, _ url.Values, o *shot) { *o = o.with("Origin", "https://evil.example") }),
	},
	{
		ID: "page-csrf-another", Title: "The same with the attacker's own proof, in the form, in the address and in a header", By: Site, Aim: Account,
		Refused: []Refusal{foreignForm}, Told: tellForeign,
		Try: forged(func(s *siege, form url.Values, o *shot) {
			form.Set("csrf", s.other.csrf)
			o.body = form.Encode()
			o.path += "?csrf=" + s.payer.csrf
			*o = o.with("X-Csrf-Token", s.payer.csrf)
		}),
	},
	{
		ID: "page-csrf-json", Title: "The same as JSON, as plain text, as an empty body", By: Site, Aim: Account,
		Refused: []Refusal{foreignForm}, Told: tellForeign,
		Try: fired(func(s *siege) (all []shot) {
			for _, kind := range []string{"application/json", "text/plain", ""} {
				one := post("/logout", nil, s.payer)
				one.header.Set("Content-Type", kind)
				one.body = `{"csrf":"` + s.payer.csrf + `"}`
				all = append(all, one)
			}
			return all
		}),
	},
	{
		ID: "page-open-redirect", Title: "?next= to another site, in every way to write one, and a line break into the headers", By: Site, Aim: Account,
		Refused: []Refusal{{http.StatusSeeOther, "Location: /"}}, Told: tellPage,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			var shots []shot
			for _, next := range elsewheres {
				query := "?" + url.Values{"next": {next}}.Encode()
				shots = append(shots, get("/login"+query, s.payer), get("/language/es"+query, s.payer))
			}
			all, err := s.fire(ctx, shots...)
			if err == nil {
				err = stays(all)
			}
			return all, err
		},
	},
	{
		ID: "page-markup-stored", Title: "Markup in a job's title, its description, an application and a name", By: Customer, Aim: Account,
		Refused: []Refusal{{http.StatusOK, "&lt;script&gt;alert(1)"}}, Told: tellPage,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			job := fmt.Sprintf("/jobs/%d", s.planted)
			all, err := s.fire(ctx, get(job, s.worker), get(job, s.other), get("/?role=funder", s.other), get("/notifications", s.other))
			if err == nil {
				err = injected(all)
			}
			if err == nil {
				err = guarded(all)
			}
			return all, err
		},
	},
	{
		ID: "page-markup-reflected", Title: "Markup in an address or a cookie that the page could show again", By: Site, Aim: Account,
		Refused: []Refusal{{http.StatusOK, ""}, noPage, {http.StatusUnprocessableEntity, ""}, {http.StatusSeeOther, "Location: /"}, {http.StatusGone, ""}}, Told: tellPage,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			q := url.QueryEscape(markup)
			all, err := s.fire(ctx, get("/login?next=/"+q, nil), get("/?q="+q, s.payer), get("/payments/finish?pendingId="+q+"&hash="+q, s.payer), get("/"+q, s.payer), get("/jobs/"+q, s.payer),
				get("/reset?token="+q, nil), get("/signup/confirm?token="+q, nil), get("/money?before="+q, s.payer), get("/profile", s.payer).with("Cookie", "tianguis_flash="+q), get("/login", nil).with("Cookie", "tianguis_flash=<script>alert(1)</script>"))
			if err == nil {
				err = injected(all)
			}
			return all, err
		},
	},
	{
		ID: "page-framed", Title: "Pages in a frame of another site, to be clicked unawares; errors too", By: Site, Aim: Money,
		Refused: []Refusal{{http.StatusOK, "frame-ancestors 'none'"}, {http.StatusNotFound, "frame-ancestors 'none'"}, {http.StatusForbidden, "frame-ancestors 'none'"}}, Told: tellPage,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			all, err := s.fire(ctx, get("/login", nil), get("/", s.payer), get(fmt.Sprintf("/jobs/%d/pay", s.due), s.payer), get("/profile", s.payer), get("/no-such-page", s.payer), get("/jobs/999999", s.payer), post("/logout", nil, s.payer))
			if err == nil {
				err = guarded(all)
			}
			return all, err
		},
	},
	{
		ID: "page-jobs-of-others", Title: "Jobs and pages of others by their numbers: as if there were none", By: Customer, Aim: Privacy,
		Refused: []Refusal{noPage}, Told: []Line{{stack.Marketplace, "status", "404"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			var shots []shot
			for _, path := range []string{"/jobs/%d", "/jobs/%d/pay", "/jobs/%d/edit", "/jobs/%d/status"} {
				shots = append(shots, get(fmt.Sprintf(path, s.due), s.other), get(fmt.Sprintf(path, 999999), s.other))
			}
			return s.fire(ctx, append(shots, get("/operator", s.other), get("/operator", s.payer), get("/jobs/-1", s.other), get("/jobs/0x1", s.other), get("/jobs/1%20OR%201=1", s.other))...)
		},
	},
	{
		ID: "page-acts-of-others", Title: "What only the funder may do with a job: pay, accept, reject, cancel, edit", By: Customer, Aim: Money,
		Refused: []Refusal{noPage, {http.StatusForbidden, ""}}, Told: []Line{{stack.Marketplace, "status", "40"}},
		Try: fired(func(s *siege) (all []shot) {
			for _, who := range []*visitor{s.other, s.worker} {
				for action, form := range map[string]url.Values{
					"pay": {"wallet_address": {s.stack.Sandbox.Address + "/buyer-mxn"}}, "accept": nil, "reject": {"text": {"no"}}, "cancel": {"text": {"no"}}, "edit": {"text": {"x"}}, "duplicate": nil,
				} {
					all = append(all, postOurs(fmt.Sprintf("/jobs/%d/%s", s.due, action), form, who))
				}
			}
			return all
		}),
	},
	{
		ID: "page-notifications-of-others", Title: "What others were told, by its number", By: Customer, Aim: Privacy,
		Refused: []Refusal{noPage}, Told: []Line{{stack.Marketplace, "status", "404"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			page, err := s.payer.Browser.Open(ctx, s.stack.Marketplace.Address+"/notifications")
			if err != nil {
				return nil, err
			}
			number := page.Document.Find("[data-notification]").First().AttrOr("data-notification", "")
			if number == "" {
				return nil, fmt.Errorf("the payer was told nothing that could be looked at")
			}
			return s.fire(ctx, get("/notifications/"+number, s.other), get("/notifications/"+number, s.worker), get("/notifications/-1", s.other), get("/notifications/"+strings.Repeat("9", 30), s.other))
		},
	},
	{
		ID: "page-money-of-others", Title: "The list of somebody else's money", By: Customer, Aim: Privacy,
		Refused: []Refusal{{http.StatusOK, "when,direction"}, {http.StatusSeeOther, "Location: /login"}}, Told: tellPage,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			all, err := s.fire(ctx, get("/money.csv?user=1&id=1&before=", s.other), get("/money.csv", nil))
			for _, got := range all {
				if err == nil && strings.Contains(got.text, "10.00") {
					err = fmt.Errorf("somebody else's money: %s", got)
				}
			}
			return all, err
		},
	},
	{
		ID: "page-sheet-formula", Title: "A name that a sheet would compute, in the list of money that its victim downloads", By: Worker, Aim: Privacy,
		Refused: []Refusal{{http.StatusOK, "'=HYPERLINK("}}, Told: tellPage,
		Try: fired(func(s *siege) []shot { return []shot{get("/money.csv", s.payer)} }),
	},
	{
		ID: "page-search", Title: "SQL and the search's own operators in what is looked for", By: Customer, Aim: Privacy,
		Refused: []Refusal{{http.StatusOK, ""}}, Told: tellPage,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			var shots []shot
			for _, q := range []string{"' OR '1'='1", `"; DROP TABLE jobs; --`, `a" OR *`, "NEAR(", "\x00", "title:*", `\`, strings.Repeat("a ", 2000), "& | ! ( ) <-> :*"} {
				shots = append(shots, get("/?"+url.Values{"q": {q}}.Encode(), s.other))
			}
			all, err := s.fire(ctx, shots...)
			for _, got := range all {
				if err == nil && strings.Contains(got.text, "Price tag") {
					err = fmt.Errorf("a job of others was found: %s", got.what)
				}
			}
			return all, err
		},
	},
	{
		ID: "page-static", Title: "Files beside the pages' own: ../, %2F, backslashes", By: Stranger, Aim: Inside,
		Refused: []Refusal{noPage}, Told: []Line{{stack.Marketplace, "status", "404"}},
		Try: fired(func(*siege) (all []shot) {
			for _, path := range []string{"../templates/layout.html", "..%2f..%2f..%2fetc%2fpasswd", "....//....//etc/passwd", `..\..\etc\passwd`, "%2e%2e%2fpages.go", "", ".", "style.css%00.js", "/etc/passwd"} {
				all = append(all, get("/static/"+path, nil))
			}
			return all
		}),
	},
	{
		ID: "page-language", Title: "A language that is a path, a header or markup", By: Stranger, Aim: Inside,
		Refused: []Refusal{{http.StatusOK, `lang="en"`}, noPage}, Told: tellPage,
		Try: fired(func(*siege) (all []shot) {
			for _, code := range []string{"../../etc/passwd", "..%2fen", "xx", "%00", "en%0d%0aSet-Cookie:a=b"} {
				all = append(all, get("/language/"+code, nil), get("/login", nil).with("Cookie", "tianguis_language="+code))
			}
			return append(all, get("/login", nil).with("Accept-Language", strings.Repeat("xx-yy,", 2000)))
		}),
	},
	{
		ID: "page-oversized", Title: "A form of half a megabyte", By: Customer, Aim: Service,
		Refused: []Refusal{{http.StatusRequestEntityTooLarge, ""}, foreignForm, {0, ""}}, Told: []Line{{stack.Marketplace, "security", "too_large"}, {stack.Marketplace, "security", "forbidden"}},
		Try: fired(func(s *siege) []shot {
			known := postOurs("/jobs/new", url.Values{"description": {strings.Repeat("x", 512<<10)}}, s.payer)
			unknown := known
			unknown.chunked = true
			return []shot{known, unknown}
		}),
	},
	{
		ID: "page-methods", Title: "Changes by GET, and methods that nobody takes", By: Site, Aim: Account,
		Refused: []Refusal{{http.StatusMethodNotAllowed, ""}}, Told: []Line{{stack.Marketplace, "status", "405"}},
		Try: fired(func(s *siege) (all []shot) {
			for _, path := range []string{"/logout", "/profile/wallet", fmt.Sprintf("/jobs/%d/accept", s.due), fmt.Sprintf("/jobs/%d/cancel", s.due)} {
				all = append(all, get(path+"?csrf="+s.payer.csrf, s.payer))
			}
			for _, method := range []string{http.MethodTrace, http.MethodPut, http.MethodDelete} {
				one := get("/profile", s.payer)
				one.method = method
				all = append(all, one)
			}
			return all
		}),
	},
	{
		ID: "page-host", Title: "Another Host, for links in mails and redirects to lead there", By: Stranger, Aim: Account,
		Refused: []Refusal{{http.StatusSeeOther, "Location: /"}}, Told: tellPage,
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			all, err := s.fire(ctx, get("/", nil).with("Host", "evil.example"), get("/", nil).with("X-Forwarded-Host", "evil.example"), get("/profile", nil).with("Host", "evil.example:8000"))
			if err == nil {
				err = stays(all)
			}
			if err != nil {
				return all, err
			}
			who, err := s.formOf(ctx, "/forgot")
			if err != nil {
				return all, err
			}
			asked, err := s.fire(ctx, postOurs("/forgot", url.Values{"email": {workerEmail}}, who).with("Host", "evil.example").with("X-Forwarded-Host", "evil.example"))
			if err == nil {
				_, err = s.mailed(ctx, workerEmail, "/reset?token=") // which begins with the address that was configured
			}
			all = append(all, asked...)
			return all, err
		},
	},
}
