package rest

import (
	"time"

	"github.com/labstack/echo/v4"

	"tianguis.example/payments"
)

// busyRetry is when it may be worth trying again: longer than a program should wait with a person before it, so that it tells that person.
const busyRetry = 3 * time.Second

// fewAtOnce stands before what begins something new at the wallets, and before nothing else: what was begun is brought to an end however many
// want in. It stands before the idempotency keys too, so that a request that is sent away asks nothing of the database and leaves nothing behind.
func (s *Server) fewAtOnce(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		leave, err := s.starts.Enter(c.Request().Context())
		if err != nil {
			return &payments.Error{
				Code: payments.CodeBusy, Message: "too many payments are being started at the moment: try again in a few seconds", RetryAfter: busyRetry, Err: err,
			}
		}
		defer leave()
		return next(c)
	}
}
