package control

import (
	"errors"
	"net/http"

	"tianguis.example/sandbox"
)

// The buyer's decision without a browser, as a real wallet's consent page makes it:
// the same paths below /control, statuses and bodies as the recorded identity
// provider's API (traces/05-11-cancel.json).

type gnapError struct {
	Error struct {
		Code        string `json:"code"`
		Description string `json:"description"`
	} `json:"error"`
}

func refuse(w http.ResponseWriter, err error, statuses map[error]int) {
	var known *sandbox.Error
	if !errors.As(err, &known) {
		answer(w, http.StatusInternalServerError, problem{"internal"})
		return
	}
	var body gnapError
	body.Error.Code, body.Error.Description = known.Code, known.Description
	answer(w, statuses[known], body)
}

func (s *Server) showInteraction(w http.ResponseWriter, r *http.Request) {
	g, err := s.bank.Details(r.PathValue("id"), r.PathValue("nonce"))
	if err != nil {
		refuse(w, err, map[error]int{sandbox.ErrUnknownInteraction: http.StatusNotFound})
		return
	}
	answer(w, http.StatusOK, struct {
		GrantID string                   `json:"grantId"`
		Access  []sandbox.AccessItem     `json:"access"`
		State   sandbox.InteractionState `json:"state"`
	}{g.ID, g.Access, g.Interaction.State})
}

func (s *Server) decide(w http.ResponseWriter, r *http.Request) {
	choice := r.PathValue("choice")
	if choice != "accept" && choice != "reject" {
		answer(w, http.StatusBadRequest, problem{"accept or reject"})
		return
	}
	if err := s.bank.Decide(r.PathValue("id"), r.PathValue("nonce"), choice == "accept"); err != nil {
		refuse(w, err, map[error]int{
			sandbox.ErrUnknownInteraction: http.StatusNotFound,
			sandbox.ErrUserDenied:         http.StatusUnauthorized,
			sandbox.ErrInvalidInteraction: http.StatusBadRequest,
		})
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusAccepted)
	_, _ = w.Write([]byte(http.StatusText(http.StatusAccepted)))
}
