package authserver

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/sandbox"
	"tianguis.example/sandbox/schema"
)

// grantRequest is the body of a grant request that passed grantSchema.
type grantRequest struct {
	AccessToken *struct {
		Access []sandbox.AccessItem `json:"access"`
	} `json:"access_token"`
	Client   json.RawMessage `json:"client"`
	Interact *struct {
		Finish *sandbox.Finish `json:"finish"`
	} `json:"interact"`
	Subject *struct {
		SubIDs []sandbox.SubjectID `json:"sub_ids"`
	} `json:"subject"`
}

// client reads the two forms: a wallet address, or an object with one or a key.
func (r grantRequest) client() sandbox.Client {
	var c sandbox.Client
	if json.Unmarshal(r.Client, &c.WalletAddress) != nil {
		_ = json.Unmarshal(r.Client, &c) // its shape was checked
	}
	return c
}

// requestGrant: POST <auth server> (spec: auth-server.yaml, post-request).
func (s *Server) requestGrant(c echo.Context) error {
	m, err := s.message(c)
	if err != nil {
		return err
	}
	value, err := schema.Parse(m.Body)
	if err != nil {
		return errBadBody
	}
	if wrong := grantSchema(value); wrong != "" {
		return schemaError(wrong)
	}
	if !m.HeadersValid() {
		return errSignatureHeaders
	}
	var r grantRequest
	if err := json.Unmarshal(m.Body, &r); err != nil {
		return schemaError("body.access_token.access.0 must be within range")
	}
	client := r.client()
	if err := s.verify(c.Request().Context(), m, client); err != nil {
		return err
	}
	tenant := c.Param("tenant")
	if !s.bank.HasTenant(tenant) {
		return sandbox.ErrNoTenant
	}
	request := sandbox.GrantRequest{Tenant: tenant, Client: client, Interact: r.Interact != nil}
	if r.AccessToken != nil {
		request.Access = r.AccessToken.Access
	}
	if r.Subject != nil {
		request.Subjects = r.Subject.SubIDs
	}
	if r.Interact != nil {
		request.Finish = r.Interact.Finish
		request.Client.Name = s.keys.Name(c.Request().Context(), client.WalletAddress)
	}
	grant, token, err := s.bank.RequestGrant(request)
	if err != nil {
		return err
	}
	if token != nil {
		return c.JSON(http.StatusOK, s.issued(grant, token))
	}
	return c.JSON(http.StatusOK, pendingAnswer{
		Interact: interactAnswer{
			Redirect: s.bank.BaseURL() + "/interact/" + grant.Interaction.ID + "/" + grant.Interaction.Nonce + "?" + url.Values{
				"clientName": {grant.Interaction.ClientName}, "clientUri": {client.WalletAddress},
			}.Encode(),
			Finish: grant.Interaction.Nonce,
		},
		Continue: s.continuation(grant, true),
	})
}

type pendingAnswer struct {
	Interact interactAnswer `json:"interact"`
	Continue continueAnswer `json:"continue"`
}

type interactAnswer struct {
	Redirect string `json:"redirect"`
	Finish   string `json:"finish"`
}

type continueAnswer struct {
	AccessToken struct {
		Value string `json:"value"`
	} `json:"access_token"`
	URI  string `json:"uri"`
	Wait int    `json:"wait,omitempty"` // seconds
}

func (s *Server) continuation(g sandbox.Grant, wait bool) continueAnswer {
	var a continueAnswer
	a.AccessToken.Value = g.ContinueToken
	a.URI = s.bank.BaseURL() + "/continue/" + g.ContinueID
	if wait {
		a.Wait = int(s.bank.Lifetimes().ContinueWait / time.Second)
	}
	return a
}

type tokenAnswer struct {
	Access    []sandbox.AccessItem `json:"access"`
	Value     string               `json:"value"`
	Manage    string               `json:"manage"`
	ExpiresIn int                  `json:"expires_in"` // seconds
}

func (s *Server) token(g sandbox.Grant, t *sandbox.Token) *tokenAnswer {
	return &tokenAnswer{
		Access: g.Access, Value: t.Value,
		Manage: s.bank.BaseURL() + "/token/" + t.ManageID, ExpiresIn: int(t.Lifetime / time.Second),
	}
}

type issuedAnswer struct {
	AccessToken *tokenAnswer   `json:"access_token,omitempty"`
	Subject     *subjectAnswer `json:"subject,omitempty"`
	Continue    continueAnswer `json:"continue"`
}

type subjectAnswer struct {
	SubIDs []sandbox.SubjectID `json:"sub_ids"`
}

// issued is the answer that carries a token; a grant for a subject alone carries the subject.
func (s *Server) issued(g sandbox.Grant, t *sandbox.Token) issuedAnswer {
	a := issuedAnswer{Continue: s.continuation(g, false)}
	if len(g.Access) > 0 {
		a.AccessToken = s.token(g, t)
	}
	if len(g.Subjects) > 0 {
		a.Subject = &subjectAnswer{g.Subjects}
	}
	return a
}

// continueGrant: POST continue.uri. A body without members is a poll.
func (s *Server) continueGrant(c echo.Context) error {
	m, err := s.message(c)
	if err != nil {
		return err
	}
	var body map[string]any
	if len(m.Body) > 0 {
		value, err := schema.Parse(m.Body)
		if err != nil {
			return errBadBody
		}
		if wrong := continueSchema("body", value); wrong != "" {
			return schemaError(wrong)
		}
		body, _ = value.(map[string]any)
	}
	token := gnapToken(c)
	if !m.HeadersValid() || token == "" {
		return errSignatureHeaders
	}
	grant, err := s.bank.ContinuedGrant(c.Param("id"), token)
	if err != nil {
		return err
	}
	if err := s.verify(c.Request().Context(), m, grant.Client); err != nil {
		return err
	}
	if len(body) == 0 {
		grant, issued, err := s.bank.Poll(c.Param("id"), token)
		switch {
		case err != nil:
			return err
		case issued == nil:
			return c.JSON(http.StatusOK, map[string]any{"continue": s.continuation(grant, true)})
		}
		return c.JSON(http.StatusOK, s.issued(grant, issued))
	}
	ref, _ := body["interact_ref"].(string)
	if ref == "" {
		return sandbox.ErrMissingInteractRef
	}
	grant, issued, err := s.bank.Continue(c.Param("id"), token, ref)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, s.issued(grant, issued))
}

// cancelGrant: DELETE continue.uri.
func (s *Server) cancelGrant(c echo.Context) error {
	m, err := s.message(c)
	if err != nil {
		return err
	}
	token := gnapToken(c)
	if !m.HeadersValid() || token == "" {
		return errSignatureHeaders
	}
	grant, err := s.bank.ContinuedGrant(c.Param("id"), token)
	if err != nil {
		return err
	}
	if err := s.verify(c.Request().Context(), m, grant.Client); err != nil {
		return err
	}
	if err := s.bank.Cancel(c.Param("id"), token); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
