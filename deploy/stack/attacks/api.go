package attacks

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"tianguis.example/stack"
)

var (
	noKey      = Refusal{http.StatusUnauthorized, `"code":"unauthorized"`}
	tellNoKey  = suspect(stack.Payments, "unauthorized")
	badRequest = Refusal{http.StatusBadRequest, `"code":"invalid_request"`}
)

// fired is an attack of shots that do not depend on one another.
func fired(shots func(s *siege) []shot) func(context.Context, *siege) ([]answer, error) {
	return func(ctx context.Context, s *siege) ([]answer, error) { return s.fire(ctx, shots(s)...) }
}

// started is an attack by starts with one thing wrong.
func startAt(s *siege, amount string) shot {
	return api(http.MethodPost, "/offers/hostile-amount/quotes/start", startBody(honestSeller, s.stack.Sandbox.Address+"/buyer-mxn", amount)).keyed(s)
}

var apiAttacks = []Attack{
	{
		ID: "api-no-key", Title: "Every address of the API without the key", By: Stranger, Aim: Keys,
		Refused: []Refusal{noKey}, Told: tellNoKey,
		Try: fired(func(s *siege) []shot {
			p, e := "/payments/"+s.awaiting.pendingID, "/webhooks/endpoints/marketplace"
			return []shot{
				api(http.MethodGet, "/sellers", ""), api(http.MethodPost, "/sellers", `{"id":"platform","walletAddressUrl":"https://evil.example/me"}`),
				api(http.MethodPost, "/offers/1/quotes/start", startBody(honestSeller, "https://evil.example/me", "1.00")), api(http.MethodGet, "/offers/1/payments", ""),
				api(http.MethodGet, "/payments/pending", ""), api(http.MethodGet, p+"/status", ""), api(http.MethodGet, p+"/events", ""), api(http.MethodPost, p+"/cancel", ""),
				api(http.MethodPost, "/api/payments/incoming", "{}"), api(http.MethodPost, "/api/wallet/profile", "{}"),
				api(http.MethodGet, "/webhooks/endpoints", ""), api(http.MethodPost, "/webhooks/endpoints", "{}"), api(http.MethodGet, e, ""), api(http.MethodPatch, e, `{"enabled":false}`), api(http.MethodDelete, e, ""),
				api(http.MethodGet, e+"/secrets", ""), api(http.MethodPost, e+"/secrets/rotate", "{}"), api(http.MethodPost, e+"/ping", ""),
				api(http.MethodGet, "/webhooks/deliveries", ""), api(http.MethodPost, "/webhooks/replay", "{}"),
			}
		}),
	},
	{
		ID: "api-wrong-key", Title: "A key that is nearly right: cut, longer, in other letters, two in one, under another scheme", By: Stranger, Aim: Keys,
		Refused: []Refusal{noKey}, Told: tellNoKey,
		Try: fired(func(s *siege) (all []shot) {
			for _, header := range []string{
				"Bearer wrong", "Bearer ", "Bearer " + s.key[:len(s.key)-1], "Bearer " + s.key + "x", "Bearer " + strings.ToUpper(s.key), "Bearer " + s.key + " " + s.key,
				"Bearer  " + s.key, s.key, "Basic " + s.key, "Digest " + s.key,
			} {
				all = append(all, api(http.MethodGet, "/sellers", "").with("Authorization", header))
			}
			return append(all, api(http.MethodGet, "/sellers", "").with("X-Api-Key", "wrong").with("Authorization", "Bearer "+s.key))
		}),
	},
	{
		ID: "api-key-elsewhere", Title: "The right key where it would be logged or sent by browsers: in the query, in a cookie", By: Site, Aim: Keys,
		Refused: []Refusal{noKey}, Told: tellNoKey,
		Try: fired(func(s *siege) (all []shot) {
			for _, name := range []string{"key", "api_key", "access_token", "Authorization"} {
				all = append(all, api(http.MethodGet, "/sellers?"+url.Values{name: {s.key}}.Encode(), ""), api(http.MethodGet, "/sellers", "").with("Cookie", name+"="+s.key))
			}
			return all
		}),
	},
	{
		ID: "api-method-override", Title: "A POST that says it is a DELETE, and methods that nobody takes", By: Caller, Aim: Money,
		Refused: []Refusal{{http.StatusMethodNotAllowed, `"code":"method_not_allowed"`}}, Told: []Line{{stack.Payments, "status", "405"}},
		Try: fired(func(s *siege) (all []shot) {
			for _, name := range []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"} {
				all = append(all, api(http.MethodPost, "/webhooks/endpoints/marketplace?_method=DELETE", "{}").keyed(s).with(name, "DELETE"))
			}
			for _, method := range []string{http.MethodTrace, "PROPFIND", http.MethodPut} {
				all = append(all, api(method, "/sellers", "").keyed(s))
			}
			return all
		}),
	},
	{
		ID: "api-content-type", Title: "Bodies of the types that a form of another site can send", By: Site, Aim: Money,
		Refused: []Refusal{{http.StatusUnsupportedMediaType, `"code":"unsupported_media_type"`}}, Told: suspect(stack.Payments, "unsupported_media_type"),
		Try: fired(func(s *siege) (all []shot) {
			for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "text/plain; application/json", "application/jsonx"} {
				one := api(http.MethodPost, "/sellers", `{"id":"platform","walletAddressUrl":"https://evil.example/me"}`).keyed(s)
				one.header.Set("Content-Type", kind)
				all = append(all, one)
			}
			return all
		}),
	},
	{
		ID: "api-oversized", Title: "A body of 200 KB, with and without its length", By: Caller, Aim: Service,
		Refused: []Refusal{{http.StatusRequestEntityTooLarge, `"code":"too_large"`}, {0, ""}}, Told: suspect(stack.Payments, "too_large"),
		Try: fired(func(s *siege) []shot {
			known := api(http.MethodPost, "/api/wallet/profile", `{"walletAddressUrl":"`+strings.Repeat("x", 200<<10)+`"}`).keyed(s)
			unknown := known
			unknown.chunked = true
			return []shot{known, unknown}
		}),
	},
	{
		ID: "api-json", Title: "JSON that says two things, is too deep, or is none", By: Caller, Aim: Service,
		Refused: []Refusal{badRequest}, Told: because("invalid_request"),
		Try: fired(func(s *siege) (all []shot) {
			for _, body := range []string{
				`{}{"id":"platform"}`, `{"id":"a"} trailing`, `[]`, `"x"`, `{"id":7}`, `{"id":{"$gt":""}}`, strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000), "{\"id\":\"\xff\xfe\x00\"}", `{"id":"a`,
			} {
				all = append(all, api(http.MethodPost, "/sellers", body).keyed(s))
			}
			return all
		}),
	},
	{
		ID: "api-amounts", Title: "Amounts that are negative, nothing, fractions of a cent, exponents, infinite, too large, no text", By: Caller, Aim: Money,
		Refused: []Refusal{{http.StatusBadRequest, `"code":"invalid_amount"`}}, Told: because("invalid_amount"),
		Try: fired(func(s *siege) (all []shot) {
			for _, amount := range []string{
				"0", "0.00", "-1", "-0.01", "+1", "1e3", "1E-2", "19.999", "0.001", "1,000.00", "1 000", "0x10", "NaN", "Infinity", "-Infinity", "", " 1", "1.", ".5", "１００",
				"92233720368547758.08", "9999999999999999999999", strings.Repeat("9", 1000), "1.00\n", "12abc", "1;DROP TABLE payments",
			} {
				all = append(all, startAt(s, amount))
			}
			number := startAt(s, "1.00")
			for _, amount := range []string{"100.0", "1e2", "true", `{"value":"1"}`, `["1.00"]`} {
				number.body = strings.Replace(startAt(s, "1.00").body, `"1.00"`, amount, 1)
				all = append(all, number)
			}
			return all
		}),
	},
	{
		ID: "api-key-files", Title: "A seller whose key is another file: by ../, by an absolute path, by a link out of the folder", By: Caller, Aim: Inside,
		Refused: []Refusal{{http.StatusBadRequest, `"code":"invalid_key"`}}, Told: suspect(stack.Payments, "invalid_key"),
		Try: fired(func(s *siege) (all []shot) {
			for _, file := range []string{"../secrets/api_key", "../keys/platform.pem", s.stack.Secrets.APIKey, "/etc/passwd", "link.pem", ".", "..", "/dev/zero", "/proc/self/environ", "file:///etc/passwd", "nothing.pem"} {
				body := fmt.Sprintf(`{"id":"platform","walletAddressUrl":"https://evil.example/me","keyId":"k","privateKeyPath":%q}`, file)
				all = append(all, api(http.MethodPost, "/sellers", body).keyed(s))
			}
			return all
		}),
	},
	{
		ID: "api-path", Title: "Ids in the path that lead elsewhere or end early: %2F, ../, NUL, no UTF-8", By: Caller, Aim: Inside,
		Refused: []Refusal{badRequest, {http.StatusNotFound, `"code":"not_found"`}, {http.StatusNotFound, `"code":"no_such_route"`}}, Told: []Line{{stack.Payments, "status", "40"}},
		Try: fired(func(s *siege) (all []shot) {
			for _, id := range []string{"..%2F..%2Fsellers", "%2e%2e", "../sellers", "%00", "%ff%fe", "x%0d%0aX-Injected:%20yes", strings.ToLower(s.awaiting.pendingID) + "0", "%252e%252e"} {
				all = append(all, api(http.MethodGet, "/payments/"+id+"/status", "").keyed(s))
			}
			return all
		}),
	},
	{
		ID: "api-idempotency", Title: "An Idempotency-Key used again for another request, or far too long", By: Network, Aim: Money,
		Refused: []Refusal{{http.StatusConflict, `"code":"idempotency_key_reused"`}, badRequest, {http.StatusCreated, `"ok":true`}}, Told: []Line{{stack.Payments, "route", "/sellers"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			first := api(http.MethodPost, "/sellers", `{"id":"hostile-twice","walletAddressUrl":"https://wallet.example/first"}`).keyed(s).with("Idempotency-Key", newID())
			second := first
			second.body = `{"id":"platform","walletAddressUrl":"https://evil.example/me"}`
			all, err := s.fire(ctx, first, second, api(http.MethodPost, "/sellers", second.body).keyed(s).with("Idempotency-Key", strings.Repeat("x", 300)))
			if err == nil && (all[1].status != http.StatusConflict || all[2].status != http.StatusBadRequest) {
				err = fmt.Errorf("a key stood for two requests: %v", all)
			}
			return all, err
		},
	},
	{
		ID: "api-endpoint-inside", Title: "A webhook endpoint on this machine, in the cloud's metadata, or with a password", By: Caller, Aim: Inside,
		Refused: []Refusal{{http.StatusBadRequest, `"code":"invalid_endpoint"`}}, Told: []Line{{stack.Payments, "status", "400"}},
		Try: fired(func(s *siege) (all []shot) {
			for _, address := range []string{
				s.trap.address("http", ""), s.trap.address("https", ""), s.trap.address("https", "[::1]"), s.trap.address("https", "[::ffff:127.0.0.1]"), s.trap.address("https", "[64:ff9b::7f00:1]"),
				"https://169.254.169.254/latest", "https://10.0.0.1/", "http://shop.example/", "https://u:p@shop.example/", "file:///etc/passwd", "https://", "https://shop.example/\r\nX: y",
			} {
				all = append(all, api(http.MethodPost, "/webhooks/endpoints", fmt.Sprintf(`{"url":%q}`, address)).keyed(s))
			}
			return all
		}),
	},
	{
		ID: "api-inner-pages", Title: "Profiles, metrics, settings and sources of the programs, at both services", By: Stranger, Aim: Inside,
		Refused: []Refusal{{http.StatusNotFound, ""}}, Told: []Line{{stack.Payments, "status", "404"}, {stack.Marketplace, "status", "404"}},
		Try: fired(func(*siege) (all []shot) {
			for _, path := range []string{"/debug/pprof/", "/debug/vars", "/metrics", "/.env", "/.git/config", "/config", "/swagger.json", "/actuator/env"} {
				all = append(all, api(http.MethodGet, path, ""), get(path, nil))
			}
			return all
		}),
	},
	{
		ID: "api-log-forged", Title: "Line breaks, quotes and brackets in what is logged: request id, user agent, path", By: Stranger, Aim: Privacy,
		Refused: []Refusal{noKey}, Told: tellNoKey,
		Try: fired(func(*siege) []shot {
			evil := "x\",\"level\":\"INFO\",\"msg\":\"all is well\u202e"
			return []shot{
				api(http.MethodGet, "/sellers", "").with("X-Request-Id", evil), api(http.MethodGet, "/sellers", "").with("User-Agent", evil),
				api(http.MethodGet, "/payments/%0a%7B%22level%22%3A%22ERROR%22%7D/status", ""), api(http.MethodGet, "/sellers", "").with("Traceparent", evil),
			}
		}),
	},
	{
		ID: "api-rebinding", Title: "A page's script under a name that was made to lead to a developer's service without a key (DNS rebinding)", By: Site, Aim: Money,
		Refused: []Refusal{noKey}, Told: suspect(keylessPayments, "unauthorized"),
		Try: fired(func(*siege) (all []shot) {
			for _, host := range []string{"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:4001", "0.0.0.0", "evil.example:80", "[::]:4001"} {
				one := api(http.MethodGet, "/sellers", "").with("Host", host)
				one.program = keylessPayments
				all = append(all, one)
			}
			return all
		}),
	},
}
