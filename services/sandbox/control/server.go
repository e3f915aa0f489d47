package control

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/sandbox"
)

// Server answers /control/.
type Server struct {
	bank  *sandbox.Bank
	held  *clock.Held // nil when the bank runs by the machine's clock
	peers []*net.IPNet
	mux   *http.ServeMux
}

// NewServer returns the control server of a bank; held is its clock, if that is held. Beside this machine it
// answers peers in the networks given.
func NewServer(bank *sandbox.Bank, held *clock.Held, peers []*net.IPNet) *Server {
	s := &Server{bank: bank, held: held, peers: peers, mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /control/wallets", s.listWallets)
	s.mux.HandleFunc("POST /control/wallets", s.addWallet)
	s.mux.HandleFunc("POST /control/wallets/{name}/keys", s.registerKey)
	s.mux.HandleFunc("GET /control/ledger", s.showLedger)
	s.mux.HandleFunc("GET /control/rates", s.showRates)
	s.mux.HandleFunc("PUT /control/rates", s.setRates)
	s.mux.HandleFunc("GET /control/lifetimes", s.showLifetimes)
	s.mux.HandleFunc("PUT /control/lifetimes", s.setLifetimes)
	s.mux.HandleFunc("GET /control/faults", s.listFaults)
	s.mux.HandleFunc("POST /control/faults", s.addFault)
	s.mux.HandleFunc("DELETE /control/faults", s.clearFaults)
	s.mux.HandleFunc("GET /control/history", s.showHistory)
	s.mux.HandleFunc("DELETE /control/history", s.clearHistory)
	s.mux.HandleFunc("GET /control/clock", s.showClock)
	s.mux.HandleFunc("POST /control/clock", s.advanceClock)
	s.mux.HandleFunc("POST /control/clean", s.clean)
	s.mux.HandleFunc("POST /control/settle", s.settle)
	s.mux.HandleFunc("GET /control/interactions/{id}/{nonce}", s.showInteraction)
	s.mux.HandleFunc("POST /control/interactions/{id}/{nonce}/{choice}", s.decide)
	return s
}

// ServeHTTP lets in who is on this machine, or in a network that was named, and meant to call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	peer, _, _ := net.SplitHostPort(r.RemoteAddr)
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	// The Host as well as the peer: a page whose name was re-bound to 127.0.0.1 comes from here too.
	if !s.known(peer) || !ours(host) {
		answer(w, http.StatusForbidden, problem{"the control API answers this machine only"})
		return
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		answer(w, http.StatusForbidden, problem{"the control API refuses other origins"})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	s.mux.ServeHTTP(w, r)
}

// known reports whether a peer's address is this machine's, or in a network that was named.
func (s *Server) known(peer string) bool {
	ip := net.ParseIP(peer)
	return ip.IsLoopback() || slices.ContainsFunc(s.peers, func(n *net.IPNet) bool { return n.Contains(ip) })
}

// ours reports whether a name is one that no stranger's name server can answer for: localhost, or below it (RFC 6761 §6.3).
func ours(host string) bool {
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip.IsLoopback()
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a peer that is gone misses its answer
}

// read decodes a body strictly, and answers for itself when it cannot.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil {
		if _, err = decoder.Token(); errors.Is(err, io.EOF) {
			return true
		}
		err = errors.New("there is more after the JSON body")
	}
	answer(w, http.StatusBadRequest, problem{err.Error()})
	return false
}

// done answers a change: 204, or what was wrong with it.
func done(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, sandbox.ErrNoWalletAddress):
		answer(w, http.StatusNotFound, problem{"there is no such wallet"})
	case err != nil:
		answer(w, http.StatusBadRequest, problem{err.Error()})
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

func (s *Server) listWallets(w http.ResponseWriter, _ *http.Request) {
	list := walletList{Wallets: []Wallet{}}
	for _, a := range s.bank.Accounts() {
		list.Wallets = append(list.Wallets, Wallet{
			Name: a.Name, WalletAddress: s.bank.WalletAddress(a.Name), PublicName: a.PublicName, Tenant: a.Tenant,
			AssetCode: a.Code, AssetScale: a.Scale, Balance: a.Balance, Keys: a.Keys,
		})
	}
	answer(w, http.StatusOK, list)
}

func (s *Server) addWallet(w http.ResponseWriter, r *http.Request) {
	var wallet Wallet
	if !read(w, r, &wallet) {
		return
	}
	done(w, s.bank.AddAccount(sandbox.Account{
		Name: wallet.Name, PublicName: wallet.PublicName, Tenant: wallet.Tenant,
		Asset: sandbox.Asset{Code: wallet.AssetCode, Scale: wallet.AssetScale}, Keys: wallet.Keys,
	}, wallet.Balance))
}

func (s *Server) registerKey(w http.ResponseWriter, r *http.Request) {
	var key JWK
	if read(w, r, &key) {
		done(w, s.bank.RegisterKey(r.PathValue("name"), key))
	}
}

func (s *Server) showLedger(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.bank.Ledger())
}

func (s *Server) showRates(w http.ResponseWriter, _ *http.Request) {
	slippage := s.bank.Slippage()
	answer(w, http.StatusOK, rateList{s.bank.Rates(), &slippage})
}

func (s *Server) setRates(w http.ResponseWriter, r *http.Request) {
	var list rateList
	if !read(w, r, &list) {
		return
	}
	err := s.bank.SetRates(list.Rates)
	if err == nil && list.SlippagePPM != nil {
		err = s.bank.SetSlippage(*list.SlippagePPM)
	}
	done(w, err)
}

func (s *Server) showLifetimes(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, lifetimesOf(s.bank.Lifetimes()))
}

func (s *Server) setLifetimes(w http.ResponseWriter, r *http.Request) {
	var l Lifetimes
	if read(w, r, &l) {
		done(w, s.bank.SetLifetimes(l.over(s.bank.Lifetimes())))
	}
}

func (s *Server) listFaults(w http.ResponseWriter, _ *http.Request) {
	list := faultList{Faults: []Fault{}}
	for _, f := range s.bank.Faults() {
		list.Faults = append(list.Faults, Fault{
			ID: f.ID, Kind: f.Kind, Operation: f.Operation, Method: f.Method, Path: f.Path, Body: f.Body,
			Count: f.Count, Skip: f.Skip, Latency: Duration(f.Latency), Status: f.Status, Reason: f.Reason,
		})
	}
	answer(w, http.StatusOK, list)
}

func (s *Server) addFault(w http.ResponseWriter, r *http.Request) {
	var f Fault
	if !read(w, r, &f) {
		return
	}
	id, err := s.bank.AddFault(sandbox.Fault{
		Kind: f.Kind, Operation: f.Operation, Method: f.Method, Path: f.Path, Body: f.Body,
		Count: f.Count, Skip: f.Skip, Latency: time.Duration(f.Latency), Status: f.Status, Reason: f.Reason,
	})
	if err != nil {
		answer(w, http.StatusBadRequest, problem{err.Error()})
		return
	}
	f.ID = id
	answer(w, http.StatusCreated, f)
}

func (s *Server) clearFaults(w http.ResponseWriter, _ *http.Request) {
	s.bank.ClearFaults()
	done(w, nil)
}

func (s *Server) showHistory(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, requestList{s.bank.History(r.URL.Query().Get("operation"))})
}

func (s *Server) clearHistory(w http.ResponseWriter, _ *http.Request) {
	s.bank.ClearHistory()
	done(w, nil)
}

func (s *Server) showClock(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, Clock{s.bank.Now(), s.held != nil})
}

func (s *Server) advanceClock(w http.ResponseWriter, r *http.Request) {
	var by advance
	if !read(w, r, &by) {
		return
	}
	switch {
	case s.held == nil:
		answer(w, http.StatusConflict, problem{"the clock is not held: start the sandbox with SANDBOX_HELD_CLOCK=true"})
		return
	case by.Advance < 0:
		answer(w, http.StatusBadRequest, problem{"time does not run backwards"})
		return
	}
	s.held.Advance(time.Duration(by.Advance))
	s.showClock(w, r)
}

func (s *Server) settle(w http.ResponseWriter, _ *http.Request) {
	s.bank.SettleNow()
	done(w, nil)
}

func (s *Server) clean(w http.ResponseWriter, _ *http.Request) {
	s.bank.Clean()
	done(w, nil)
}
