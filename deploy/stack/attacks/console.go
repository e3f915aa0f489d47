package attacks

import (
	"encoding/base64"
	"net/http"
	"strings"

	"tianguis.example/stack"
)

// atConsole is a request to the operator's pages as a browser sends it that knows the key (""  for one that does not).
func atConsole(method, path, key string) shot {
	one := shot{program: stack.Payments, method: method, path: "/operator" + path, header: http.Header{}}
	if method == http.MethodPost {
		one.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if key != "" {
		one.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("operator:"+key)))
	}
	return one
}

// consoleForms are what the console can do.
var consoleForms = []string{
	"/payments/01KAR0000000000000000000AA/cancel", "/payments/01KAR0000000000000000000AA/look", "/payments/01KAR0000000000000000000AA/compare", "/reconciliation/run", "/audit/verify",
	"/webhooks/replay", "/endpoints/marketplace/disable", "/endpoints/marketplace/enable", "/endpoints/marketplace/ping", "/endpoints/marketplace/replay",
}

var consoleAttacks = []Attack{
	{
		ID: "console-no-key", Title: "Every page and form of the console without the key", By: Stranger, Aim: Keys,
		Refused: []Refusal{{http.StatusUnauthorized, "The key, please"}}, Told: tellNoKey,
		Try: fired(func(*siege) (all []shot) {
			for _, path := range []string{
				"", "/payments", "/payments.csv", "/payments/01KAR0000000000000000000AA", "/webhooks", "/webhooks/x", "/endpoints", "/reconciliation", "/reconciliation.csv", "/audit", "/audit.csv", "/audit.json", "/actions", "/actions.csv",
				"/no-such-page",
			} {
				all = append(all, atConsole(http.MethodGet, path, ""), atConsole(http.MethodGet, path, "wrong"))
			}
			for _, path := range consoleForms {
				all = append(all, atConsole(http.MethodPost, path, ""))
			}
			return all
		}),
	},
	{
		ID: "console-key-elsewhere", Title: "The key as the user's name, in the query, in a cookie, in other letters", By: Stranger, Aim: Keys,
		Refused: []Refusal{{http.StatusUnauthorized, "The key, please"}}, Told: tellNoKey,
		Try: fired(func(s *siege) []shot {
			return []shot{
				atConsole(http.MethodGet, "/webhooks", "").with("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(s.key+":"))),
				atConsole(http.MethodGet, "/webhooks?key="+s.key, ""), atConsole(http.MethodGet, "/webhooks", "").with("Cookie", "key="+s.key),
				atConsole(http.MethodGet, "/webhooks", strings.ToUpper(s.key)), atConsole(http.MethodGet, "/webhooks", s.key+" "),
			}
		}),
	},
	{
		ID: "console-csrf", Title: "The forms of the console, sent by another site with the key that the operator's browser keeps", By: Site, Aim: Money,
		Refused: []Refusal{{http.StatusForbidden, "sent by a page of another site"}}, Told: suspect(stack.Payments, "forbidden"),
		Try: fired(func(s *siege) (all []shot) {
			for _, path := range consoleForms {
				all = append(all, atConsole(http.MethodPost, path, s.key).with("Sec-Fetch-Site", "cross-site").with("Origin", "https://evil.example"),
					atConsole(http.MethodPost, path, s.key).with("Sec-Fetch-Site", "same-site"), atConsole(http.MethodPost, path, s.key).with("Origin", "null"),
					atConsole(http.MethodPost, path, s.key).with("Origin", "http://localhost.evil.example"))
			}
			return all
		}),
	},
	{
		ID: "console-rebinding", Title: "The console of a developer's service without a key, under a name that was made to lead there", By: Site, Aim: Money,
		Refused: []Refusal{{http.StatusForbidden, "names of this machine only"}}, Told: suspect(keylessPayments, "forbidden"),
		Try: fired(func(*siege) (all []shot) {
			for _, host := range []string{"evil.example", "localhost.evil.example:4001", "10.0.0.1:4001"} {
				one := atConsole(http.MethodGet, "/webhooks", "").with("Host", host)
				one.program = keylessPayments
				all = append(all, one)
			}
			return all
		}),
	},
	{
		ID: "console-path", Title: "Ids in the console's path that are none: %2F, NUL, markup", By: Caller, Aim: Inside,
		Refused: []Refusal{{http.StatusNotFound, "frame-ancestors 'none'"}}, Told: []Line{{stack.Payments, "status", "404"}},
		Try: fired(func(s *siege) (all []shot) {
			for _, id := range []string{"..%2f..%2fsellers", "%00", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "%ff", "x'%20OR%20'1'='1"} {
				all = append(all, atConsole(http.MethodGet, "/webhooks/"+id, s.key))
			}
			return all
		}),
	},
}
