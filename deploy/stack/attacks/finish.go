package attacks

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"tianguis.example/stack"
)

// How the two services refuse a return from the wallet.
var (
	hashInvalid  = Refusal{http.StatusForbidden, `"code":"hash_invalid"`}
	notApproved  = Refusal{http.StatusConflict, `"code":"not_approved"`}
	unverified   = Refusal{http.StatusSeeOther, "tianguis_flash=unverified"}
	otherSession = Refusal{http.StatusForbidden, `data-ending="other_session"`}
	unknown      = Refusal{http.StatusNotFound, `data-ending="unknown"`}
)

// suspect is the line with which a service tells of a refusal that an operator may want to know of.
func suspect(program, what string) []Line { return []Line{{program, "security", what}} }

// finishAtPayments hands a return on as the marketplace does, without the word that the browser is the payer's.
func finishAtPayments(s *siege, query map[string]string) shot {
	return api(http.MethodGet, "/payments/finish?"+values(query).Encode(), "").keyed(s)
}

// finishAt is a return to the marketplace in somebody's browser.
func finishAt(query url.Values, who *visitor) shot {
	return get("/payments/finish?"+query.Encode(), who)
}

func values(of map[string]string) url.Values {
	all := url.Values{}
	for name, value := range of {
		all.Set(name, value)
	}
	return all
}

// changed is a copy of a return with some of it changed; "" takes a parameter away.
func changed(query url.Values, changes map[string]string) url.Values {
	all := url.Values{}
	for name := range query {
		all.Set(name, query.Get(name))
	}
	for name, value := range changes {
		all.Set(name, value)
		if value == "" {
			all.Del(name)
		}
	}
	return all
}

// tampered is an attack that sends the payer's own browser back with something changed, and hands the same to the payments service.
func tampered(changes func(s *siege) []map[string]string) func(context.Context, *siege) ([]answer, error) {
	return func(ctx context.Context, s *siege) ([]answer, error) {
		var shots []shot
		for _, change := range changes(s) {
			query := changed(s.awaiting.finish, change)
			shots = append(shots, finishAt(query, s.payer), api(http.MethodGet, "/payments/finish?"+query.Encode(), "").keyed(s))
		}
		return s.fire(ctx, shots...)
	}
}

// hashes is tampered of the hash alone.
func hashes(change func(right string) []string) func(context.Context, *siege) ([]answer, error) {
	return tampered(func(s *siege) (all []map[string]string) {
		for _, hash := range change(s.awaiting.finish.Get("hash")) {
			all = append(all, map[string]string{"hash": hash})
		}
		return all
	})
}

var finishAttacks = []Attack{
	{
		ID: "finish-hash-forged", Title: "A hash of the right length, made up", By: Stranger, Aim: Money,
		Refused: []Refusal{hashInvalid, unverified}, Told: suspect(stack.Payments, "hash_invalid"),
		Try: hashes(func(string) []string {
			return []string{base64.StdEncoding.EncodeToString(make([]byte, 32)), strings.Repeat("A", 43), finishHash("", "", "", "")}
		}),
	},
	{
		ID: "finish-hash-truncated", Title: "The right hash, cut short, padded or with more behind it", By: Network, Aim: Money,
		Refused: []Refusal{hashInvalid, unverified}, Told: suspect(stack.Payments, "hash_invalid"),
		Try: hashes(func(right string) []string {
			return []string{right[:20], right[1:], right + "A", right + right, right + "===", "\x00" + right}
		}),
	},
	{
		ID: "finish-hash-case", Title: "The right hash in other letters: upper case, lower case, one changed", By: Network, Aim: Money,
		Refused: []Refusal{hashInvalid, unverified}, Told: suspect(stack.Payments, "hash_invalid"),
		Try: hashes(func(right string) []string {
			first := "A"
			if strings.HasPrefix(right, first) {
				first = "B"
			}
			return []string{strings.ToUpper(right), strings.ToLower(right), first + right[1:]}
		}),
	},
	{
		ID: "finish-hash-without-nonce", Title: "A hash made of all that stands in addresses, without the nonce that stands in none", By: Network, Aim: Money,
		Refused: []Refusal{hashInvalid, unverified}, Told: suspect(stack.Payments, "hash_invalid"),
		Try: tampered(func(s *siege) (all []map[string]string) {
			ref, auth := s.awaiting.finish.Get("interact_ref"), s.stack.Sandbox.Address
			for _, nonce := range []string{"", s.awaiting.pendingID, ref} {
				all = append(all, map[string]string{"hash": finishHash(nonce, nonce, ref, auth)})
			}
			return all
		}),
	},
	{
		ID: "finish-reference-changed", Title: "The right hash with another interaction reference", By: Network, Aim: Money,
		Refused: []Refusal{hashInvalid, unverified}, Told: suspect(stack.Payments, "hash_invalid"),
		Try: tampered(func(s *siege) []map[string]string {
			return []map[string]string{{"interact_ref": "another"}, {"interact_ref": s.twin.finish.Get("interact_ref")}, {"interact_ref": s.awaiting.finish.Get("interact_ref") + "\n"}}
		}),
	},
	{
		ID: "finish-of-another-payment", Title: "The whole proof of one payment for another (cross-payment)", By: Buyer, Aim: Money,
		Refused: []Refusal{hashInvalid, unverified}, Told: suspect(stack.Payments, "hash_invalid"),
		Try: tampered(func(s *siege) []map[string]string {
			return []map[string]string{{"hash": s.twin.finish.Get("hash"), "interact_ref": s.twin.finish.Get("interact_ref")}, {"hash": s.paid.finish.Get("hash"), "interact_ref": s.paid.finish.Get("interact_ref")}}
		}),
	},
	{
		ID: "finish-rejection-forged", Title: "A decline that nobody made, from where the payment was not started", By: Stranger, Aim: Money,
		Refused: []Refusal{notApproved, otherSession, {http.StatusOK, `data-ending="signed_out"`}},
		Told: []Line{
			{stack.Payments, "security", "not_approved"}, {stack.Marketplace, "msg", "return from the wallet in another session"}, {stack.Marketplace, "route", "/payments/finish"},
		},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			var shots []shot
			for _, result := range []string{"grant_rejected", "grant_invalid", "unknown_interaction"} {
				query := url.Values{"pendingId": {s.awaiting.pendingID}, "result": {result}}
				shots = append(shots, api(http.MethodGet, "/payments/finish?"+query.Encode(), "").keyed(s), finishAt(query, s.other), finishAt(query, s.elsewhere), finishAt(query, nil))
			}
			return s.fire(ctx, shots...)
		},
	},
	{
		ID: "finish-parts-missing", Title: "A return without a hash, without a reference, without either", By: Stranger, Aim: Money,
		Refused: []Refusal{notApproved, unverified}, Told: suspect(stack.Payments, "not_approved"),
		Try: tampered(func(*siege) []map[string]string {
			return []map[string]string{{"hash": ""}, {"interact_ref": ""}, {"hash": "", "interact_ref": ""}, {"result": "approved"}}
		}),
	},
	{
		ID: "finish-parts-twice", Title: "Two hashes, two payments, a result beside the hash (parameter pollution)", By: Network, Aim: Money,
		Refused: []Refusal{{http.StatusBadRequest, "more than once"}}, Told: because("more than once"),
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			var shots []shot
			for name, more := range map[string]string{"hash": "AAAA", "pendingId": s.twin.pendingID, "interact_ref": "x"} {
				query := changed(s.awaiting.finish, nil)
				query[name] = append([]string{more}, query[name]...)
				shots = append(shots, api(http.MethodGet, "/payments/finish?"+query.Encode(), "").keyed(s))
			}
			return s.fire(ctx, shots...)
		},
	},
	{
		ID: "finish-path-traversal", Title: "A pendingId that leads elsewhere in the payments service: ../, %2F, NUL, a ULID with more behind it", By: Stranger, Aim: Inside,
		Refused: []Refusal{unknown, {http.StatusNotFound, `"code":"not_found"`}, {http.StatusBadRequest, `"code":"invalid_request"`}},
		Told:    []Line{{stack.Marketplace, "route", "/payments/finish"}, {stack.Payments, "route", "/payments/finish"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			var shots []shot
			for _, id := range []string{"../sellers", "..%2Fsellers", "%2e%2e/sellers", s.awaiting.pendingID + "/status", s.awaiting.pendingID + "%00", "x/../" + s.awaiting.pendingID, "\x00", strings.ToLower(s.awaiting.pendingID[:25]) + "!"} {
				query := changed(s.awaiting.finish, map[string]string{"pendingId": id})
				shots = append(shots, finishAt(query, s.payer), api(http.MethodGet, "/payments/finish?"+query.Encode(), "").keyed(s))
			}
			return s.fire(ctx, shots...)
		},
	},
	{
		ID: "finish-another-customer", Title: "The right return in the browser of another customer (cross-user)", By: Customer, Aim: Money,
		Refused: []Refusal{otherSession}, Told: []Line{{stack.Marketplace, "security", "forbidden"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			return s.fire(ctx, finishAt(s.awaiting.finish, s.other), finishAt(s.awaiting.finish, s.worker))
		},
	},
	{
		ID: "finish-another-browser", Title: "The right return in another browser of the same person, and in one where nobody is signed in", By: Network, Aim: Money,
		Refused: []Refusal{otherSession, {http.StatusOK, `data-ending="signed_out"`}}, Told: []Line{{stack.Marketplace, "route", "/payments/finish"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			return s.fire(ctx, finishAt(s.awaiting.finish, s.elsewhere), finishAt(s.awaiting.finish, nil))
		},
	},
	{
		ID: "finish-past-the-marketplace", Title: "The right return straight to the payments service, past the check of the session", By: Network, Aim: Money,
		Refused: []Refusal{{http.StatusSeeOther, "/payments/finish?"}, {http.StatusUnauthorized, `"code":"unauthorized"`}}, Told: []Line{{stack.Payments, "route", "/payments/finish"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			path := "/payments/finish?" + s.awaiting.finish.Encode()
			all, err := s.fire(ctx, api(http.MethodGet, path, ""), api(http.MethodGet, path, "").with("Authorization", "Bearer not-the-key"),
				api(http.MethodGet, path, "").with("Payers-Session", "true"), api(http.MethodGet, path, "").with("Host", "evil.example"))
			for _, got := range all {
				if got.status == http.StatusSeeOther && !strings.Contains(got.text, "Location: "+s.stack.Marketplace.Address+"/payments/finish?") {
					err = fmt.Errorf("the browser is sent to a place that nobody has configured: %s", got)
				}
			}
			return all, err
		},
	},
	{
		ID: "finish-replayed", Title: "A return that has paid already, again: by another, with another reference, with another proof", By: Network, Aim: Money,
		Refused: []Refusal{otherSession, hashInvalid, {http.StatusSeeOther, "tianguis_flash=paid"}},
		Told:    []Line{{stack.Marketplace, "route", "/payments/finish"}, {stack.Payments, "security", "hash_invalid"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			other := changed(s.paid.finish, map[string]string{"interact_ref": "another"})
			return s.fire(ctx, finishAt(s.paid.finish, s.payer), finishAt(s.paid.finish, s.other), api(http.MethodGet, "/payments/finish?"+other.Encode(), "").keyed(s))
		},
	},
	{
		ID: "finish-declined-after-payment", Title: "A decline after the money has arrived, from the payer's own browser (reordered)", By: Buyer, Aim: Money,
		Refused: []Refusal{{http.StatusSeeOther, "tianguis_flash=paid"}, notApproved}, Told: []Line{{stack.Marketplace, "route", "/payments/finish"}, {stack.Payments, "security", "not_approved"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			query := url.Values{"pendingId": {s.paid.pendingID}, "result": {"grant_rejected"}}
			return s.fire(ctx, finishAt(query, s.payer), api(http.MethodGet, "/payments/finish?"+query.Encode(), "").keyed(s))
		},
	},
	{
		ID: "finish-huge", Title: "A return of 60 KB", By: Stranger, Aim: Service,
		Refused: []Refusal{{http.StatusRequestHeaderFieldsTooLarge, ""}}, Told: []Line{{stack.Marketplace, "security", "no_request"}, {stack.Payments, "security", "no_request"}},
		Try: func(ctx context.Context, s *siege) ([]answer, error) {
			query := changed(s.awaiting.finish, map[string]string{"hash": strings.Repeat("A", 60<<10)})
			return s.fire(ctx, finishAt(query, s.payer), api(http.MethodGet, "/payments/finish?"+query.Encode(), "").keyed(s))
		},
	},
}
