package systemtest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/stack/person"
)

// TestRotate: while people pay, each secret of the stack is replaced. It runs before the parallel tests, which come with the secrets as they are
// when they begin.
func TestRotate(t *testing.T) { //nolint:paralleltest // it changes what others share
	if there == nil {
		t.Skip("NOT TESTED on processes of the tests' own: rotate.sh is for the compose stack (STACK=compose)")
	}
	w := newWorld(t, "compose", nil)
	for _, secret := range []string{"api_key", "webhook_secret", "token_encryption_key", "payments_password", "web_password"} {
		t.Run(secret, func(t *testing.T) {
			w.payMeanwhile(t, func(ctx context.Context) error { return there.Script(ctx, "rotate.sh", secret) })
		})
	}
	// The old key opens nothing any more, and the webhooks are believed.
	_, err := w.payments.Sellers(t.Context())
	require.ErrorContains(t, err, "API key")
	w = lookThere(t)
	_, err = w.payments.Sellers(t.Context())
	require.NoError(t, err)
	_, err = w.Payments.Run(t.Context(), "webhook", "send-test")
	require.NoError(t, err)
	paid := w.start(t, "19.99 MXN", "/buyer-mxn")
	paid.open(t, paid.decide(t, person.Approve))
	paid.complete(t)
}
