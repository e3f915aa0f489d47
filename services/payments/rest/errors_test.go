package rest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/outbox"
)

func TestStatusOf_HasARowForEachCode(t *testing.T) {
	t.Parallel()
	doors := []payments.Code{codeUnauthorized, codeScope, codeTooMany, codeUnsupported, codeKeyReused, codeKeyBusy} // the rules do not know HTTP
	for _, code := range payments.Codes {
		require.Contains(t, statusOf, code)
	}
	for code, status := range statusOf {
		require.True(t, slices.Contains(payments.Codes, code) != slices.Contains(doors, code), code)
		require.GreaterOrEqual(t, status, 400, code)
		require.NotEqual(t, http.StatusInternalServerError, status, "%s: that is for what is not known", code)
	}
}

func TestWebhookStatusOf_HasARowForEachCode(t *testing.T) {
	t.Parallel()
	require.Len(t, webhookStatusOf, len(outbox.Codes))
	for _, code := range outbox.Codes {
		require.Contains(t, webhookStatusOf, code)
		require.Equal(t, 4, webhookStatusOf[code]/100, code)
	}
}

// The codes that callers act on are ours; but for two, which the client makes itself.
func TestAPI_CodesAreOurs(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		api.CodeNotFound, api.CodeInProgress, api.CodeAlreadyPaid, api.CodeHashInvalid, api.CodeInvalidAmount, api.CodeInvalidWallet,
		api.CodeWalletDown, api.CodeWalletRefused, api.CodeBusy,
	} {
		require.Contains(t, payments.Codes, payments.Code(code))
	}
	require.Equal(t, api.CodeTooMany, string(codeTooMany))
	for _, code := range []string{api.CodeUnreachable, api.CodeUnintelligible} {
		require.NotContains(t, payments.Codes, payments.Code(code))
	}
}

func TestWireStatus_OfEachState(t *testing.T) {
	t.Parallel()
	for _, state := range payments.States {
		want := api.StatusPending
		if state.Ended() {
			want = strings.TrimSuffix(string(state), "_late")
		}
		require.Equal(t, want, wireStatus(state), state)
	}
}
