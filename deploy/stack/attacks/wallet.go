package attacks

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"tianguis.example/stack"
)

// hostileWallet serves wallet addresses that mean harm: each answers as an honest wallet does, but for one thing. It is its own auth and resource
// server. The operator has named its host, so that nothing but what it says speaks against it.
type hostileWallet struct {
	host   string // host:port
	server *http.Server

	mu       sync.Mutex
	misdeeds map[string]misdeed // by the name of the wallet address
	nonces   map[string]string  // what a client asked a consent with
}

// misdeed is what one wallet address does other than an honest one.
type misdeed struct {
	at     operation
	change func(answer object)                            // of what an honest one would answer; nil for none
	raw    func(w http.ResponseWriter, body object) error // instead of an answer; nil for none
}

// operation is what a wallet is asked for.
type operation string

const (
	opAddress  operation = "address"
	opGrant    operation = "grant"   // that needs nobody's consent
	opConsent  operation = "consent" // a grant that does
	opContinue operation = "continue"
	opRotate   operation = "rotate"
	opCancel   operation = "cancel"
	opIncoming operation = "incoming"
	opQuote    operation = "quote"
	opOutgoing operation = "outgoing"
	opLook     operation = "look" // for an outgoing payment
	opReceived operation = "received"
)

// object is a JSON object.
type object map[string]any

// set puts a value at a path: "continue.uri".
func (o object) set(path string, value any) {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		o[name] = value
		return
	}
	inner, ok := o[name].(object)
	if !ok {
		inner = object{}
		o[name] = inner
	}
	inner.set(rest, value)
}

func openHostileWallet(ctx context.Context) (*hostileWallet, error) {
	port, err := stack.FreePort(ctx)
	if err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return nil, err
	}
	h := &hostileWallet{host: "localhost:" + strconv.Itoa(port), misdeeds: map[string]misdeed{}, nonces: map[string]string{}}
	h.server = &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = h.server.Serve(listener) }() // until close
	return h, nil
}

func (h *hostileWallet) close() { _ = h.server.Close() }

// plan gives a new wallet address that does one thing wrong, and returns its name.
func (h *hostileWallet) plan(m misdeed) string {
	name := strings.ToLower(rand.Text())
	h.mu.Lock()
	defer h.mu.Unlock()
	h.misdeeds[name] = m
	return name
}

func (h *hostileWallet) address(name string) string { return "http://" + h.host + "/" + name }

// amountIn is money as Open Payments writes it.
func amountIn(value, asset string) object {
	return object{"value": value, "assetCode": asset, "assetScale": 2}
}

// The payments that are tried with hostile wallets.
const (
	triedAmount = "7.77"
	triedValue  = "777"
)

// ServeHTTP answers as the misdeed of the wallet address has it.
func (h *hostileWallet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	var body object
	text, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err != nil {
		return
	}
	_ = json.Unmarshal(text, &body) // a GET has none
	h.mu.Lock()
	m := h.misdeeds[name]
	h.mu.Unlock()
	asked, answer := h.honest(name, path, r.Method, body)
	if asked == m.at && m.raw != nil {
		_ = m.raw(w, body) // whoever asked may have hung up by now
		return
	}
	if asked == m.at && m.change != nil {
		m.change(answer)
	}
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// honest is what is asked for, and what an honest wallet answers; nil for an answer without content.
func (h *hostileWallet) honest(name, path, method string, body object) (operation, object) {
	own := h.address(name)
	token := object{"value": "token-of-" + name, "manage": own + "/token", "expires_in": 600, "access": []object{{"type": "outgoing-payment", "actions": []string{"create", "read"}}}}
	again := object{"uri": own + "/continue", "access_token": object{"value": "continue-" + name}}
	outgoing := object{
		"id": own + "/outgoing-payments/1", "walletAddress": own, "quoteId": own + "/quotes/1", "receiver": own + "/incoming-payments/1",
		"debitAmount": amountIn(triedValue, "MXN"), "receiveAmount": amountIn(triedValue, "MXN"), "sentAmount": amountIn(triedValue, "MXN"),
	}
	switch what, _, _ := strings.Cut(path, "/"); {
	case what == "auth":
		interact, wants := body["interact"].(map[string]any)
		if !wants {
			return opGrant, object{"access_token": token, "continue": again}
		}
		finish, _ := interact["finish"].(map[string]any) // without it there is no nonce, and the finish fails
		h.mu.Lock()
		h.nonces[name] = fmt.Sprint(finish["nonce"])
		h.mu.Unlock()
		return opConsent, object{"interact": object{"redirect": own + "/consent", "finish": "nonce-of-" + name}, "continue": again}
	case what == "continue" && method == http.MethodDelete:
		return opCancel, nil
	case what == "continue":
		return opContinue, object{"access_token": token, "continue": again}
	case what == "token":
		return opRotate, object{"access_token": token}
	case what == "incoming-payments" && method == http.MethodPost:
		return opIncoming, object{
			"id": own + "/incoming-payments/1", "walletAddress": own, "completed": false, "incomingAmount": body["incomingAmount"], "receivedAmount": amountIn("0", "MXN"),
		}
	case what == "incoming-payments":
		return opReceived, object{"receivedAmount": amountIn("0", "MXN"), "authServer": own + "/auth"}
	case what == "quotes":
		return opQuote, object{
			"id": own + "/quotes/1", "walletAddress": own, "receiver": body["receiver"], "method": "ilp",
			"debitAmount": amountIn(triedValue, "MXN"), "receiveAmount": amountIn(triedValue, "MXN"),
		}
	case what == "outgoing-payments" && method == http.MethodPost:
		return opOutgoing, outgoing
	case what == "outgoing-payments":
		return opLook, outgoing
	default:
		return opAddress, object{"id": own, "publicName": name, "assetCode": "MXN", "assetScale": 2, "authServer": own + "/auth", "resourceServer": own}
	}
}

// approve is what the wallet sends the payer back with: it knows everything that the hash is made of, since it is its own auth server.
func (h *hostileWallet) approve(name, grantEndpoint string) (interactRef, hash string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	interactRef = "ref-of-" + name
	return interactRef, finishHash(h.nonces[name], "nonce-of-"+name, interactRef, grantEndpoint)
}

// finishHash is the hash of RFC 9635 section 4.2.3.
func finishHash(clientNonce, interactNonce, interactRef, grantEndpoint string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{clientNonce, interactNonce, interactRef, grantEndpoint}, "\n")))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// startBody is the body of a start.
func startBody(seller, buyerWallet, amount string) string {
	body, _ := json.Marshal(object{"sellerId": seller, "buyerWalletAddressUrl": buyerWallet, "amount": amount}) // of strings
	return string(body)
}

// honestSeller is a seller whose wallet is honest.
const honestSeller = "honest"

// startWith starts a payment from a hostile wallet to an honest one.
func (s *siege) startWith(ctx context.Context, name string) (answer, error) {
	return s.send(ctx, api(http.MethodPost, "/offers/hostile-"+name+"/quotes/start", startBody(honestSeller, s.hostile.address(name), triedAmount)).keyed(s))
}

// looked is an attack by a wallet address that somebody wants to see.
func looked(raw func(w http.ResponseWriter, body object) error, changes ...func(object)) func(context.Context, *siege) ([]answer, error) {
	return func(ctx context.Context, s *siege) ([]answer, error) {
		misdeeds := []misdeed{{at: opAddress, raw: raw}}
		if raw == nil {
			misdeeds = nil
			for _, change := range changes {
				misdeeds = append(misdeeds, misdeed{at: opAddress, change: change})
			}
		}
		var shots []shot
		for _, m := range misdeeds {
			shots = append(shots, s.look(s.hostile.address(s.hostile.plan(m))))
		}
		return s.fire(ctx, shots...)
	}
}

// look asks the payments service what a wallet address is, as the marketplace does for whoever types one.
func (s *siege) look(walletAddress string) shot {
	body, _ := json.Marshal(object{"walletAddressUrl": walletAddress}) // of a string
	return api(http.MethodPost, "/api/wallet/profile", string(body)).keyed(s)
}

// bought is an attack by the buyer's wallet while a payment is prepared: one for each change.
func bought(at operation, changes ...func(s *siege, answer object)) func(context.Context, *siege) ([]answer, error) {
	return func(ctx context.Context, s *siege) ([]answer, error) {
		var all []answer
		for _, change := range changes {
			got, err := s.startWith(ctx, s.hostile.plan(misdeed{at: at, change: func(answer object) { change(s, answer) }}))
			if err != nil {
				return all, err
			}
			all = append(all, got)
		}
		return all, nil
	}
}

// sold is the same by the seller's wallet.
func sold(at operation, changes ...func(s *siege, answer object)) func(context.Context, *siege) ([]answer, error) {
	return func(ctx context.Context, s *siege) ([]answer, error) {
		var all []answer
		for _, change := range changes {
			name := s.hostile.plan(misdeed{at: at, change: func(answer object) { change(s, answer) }})
			seller, _ := json.Marshal(object{"id": "hostile-" + name, "walletAddressUrl": s.hostile.address(name)}) // of strings
			if got, err := s.send(ctx, api(http.MethodPost, "/sellers", string(seller)).keyed(s)); err != nil || got.status != http.StatusCreated {
				return all, errors.Join(err, fmt.Errorf("register the seller: %s", got))
			}
			got, err := s.send(ctx, api(http.MethodPost, "/offers/hostile-"+name+"/quotes/start", startBody("hostile-"+name, s.stack.Sandbox.Address+"/buyer-mxn", triedAmount)).keyed(s))
			if err != nil {
				return all, err
			}
			all = append(all, got)
		}
		return all, nil
	}
}

// finished is an attack by the buyer's wallet after the buyer has come back: what the finish and then the payment's status say. between is done before
// the finish, and may be nil.
func finished(at operation, change func(s *siege, answer object), between func(s *siege, name string) (grantEndpoint string)) func(context.Context, *siege) ([]answer, error) {
	return func(ctx context.Context, s *siege) ([]answer, error) {
		name := s.hostile.plan(misdeed{at: at, change: func(answer object) { change(s, answer) }})
		endpoint := s.hostile.address(name) + "/auth"
		got, err := s.startWith(ctx, name)
		if err != nil {
			return nil, err
		}
		pendingID := field(got.text, "pendingId")
		if got.status != http.StatusOK || pendingID == "" {
			return nil, fmt.Errorf("the payment was not even started: %s", got)
		}
		if between != nil {
			endpoint = between(s, name)
		}
		interactRef, hash := s.hostile.approve(name, endpoint)
		return s.fire(ctx, finishAtPayments(s, map[string]string{"pendingId": pendingID, "interact_ref": interactRef, "hash": hash}))
	}
}

// field is the text of a field of an answer's JSON, or "".
func field(text, name string) string {
	_, body, _ := strings.Cut(text, "\n{")
	var all map[string]any
	if json.Unmarshal([]byte("{"+body), &all) != nil {
		return ""
	}
	value, _ := all[name].(string)
	return value
}
