package payments_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
)

// However somebody prints a payment, no secret is in it.
func TestPayment_PrintsNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "planted-secret"
	p := payments.Payment{
		ID: "01", Consent: payments.Consent{ClientNonce: secret, ContinueToken: secret, InteractRef: secret}, Token: payments.Token{Value: secret},
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(verb, p), secret, verb)
		require.NotContains(t, fmt.Sprintf(verb, &p), secret, verb)
	}
	require.Contains(t, fmt.Sprintf("%+v", p), "01")
}
