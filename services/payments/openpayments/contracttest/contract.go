// Package contracttest holds an implementation of the wallets that the rules ask (payments.Wallets) against what wallets really answer, recorded,
// and against those that mean harm. Each implementation runs it: package openpayments, and whatever is built on somebody else's library.
package contracttest

import (
	"context"
	"embed"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments"
	"tianguis.example/payments/money"
	op "tianguis.example/payments/openpayments"
)

//go:embed testdata/answers.json testdata/client-key.json
var testdata embed.FS

// New makes the implementation that is tested. It may set more services than payments.Wallets asks for: what a service can do beyond its interface
// is tested when it has the method that openpayments has for it.
type New func(op.Config) (payments.Wallets, error)

// Excuses are tests that an implementation cannot pass, by name, with the reason why.
type Excuses map[string]string

// contract is the tests, by the name that an excuse calls them.
var contract = map[string]func(*testing.T, New){
	"RecordedSuccesses":       recordedSuccesses,
	"RecordedBytes":           recordedBytes,
	"RecordedGrants":          recordedGrants,
	"RecordedLateFailure":     recordedLateFailure,
	"RecordedRefusals":        recordedRefusals,
	"HostileAnswers":          hostileAnswers,
	"HostileRedirects":        hostileRedirects,
	"HostileSilence":          hostileSilence,
	"HostileAnothersThings":   hostileAnothersThings,
	"HostileOtherTerms":       hostileOtherTerms,
	"HostileGrants":           hostileGrants,
	"HostileMetadata":         hostileMetadata,
	"RefusalsAreQuotedSafely": refusalsAreQuotedSafely,
	"Unreachable":             unreachable,
	"ConnectionBreaks":        connectionBreaks,
	"CallerGivesUp":           callerGivesUp,
	"ForbiddenAddress":        forbiddenAddress,
	"InvalidRequests":         invalidRequests,
	"ListPages":               listPages,
	"AnyURL":                  anyURL,
	"TextIsJavaScripts":       textIsJavaScripts,
	"ErrorsNameNoToken":       errorsNameNoToken,
	"ErrorsQuoteNoSecret":     errorsQuoteNoSecret,
	"ReadsAreRepeated":        readsAreRepeated,
	"SignaturesAreDatedByNow": signaturesAreDatedByNow,
	"RepeatGivesUp":           repeatGivesUp,
	"RepeatNothingWithEffect": repeatNothingWithEffect,
	"RepeatOnlyWhatMayMend":   repeatOnlyWhatMayMend,
	"NoCookies":               noCookies,
}

// Run holds an implementation to the contract. What is excused is skipped, and an excuse for a test that there is not fails.
func Run(t *testing.T, makeWallets New, excuses Excuses) {
	t.Helper()
	for name := range excuses {
		require.Contains(t, contract, name, "an excuse for a test that there is not")
	}
	for name, test := range contract {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if reason, ok := excuses[name]; ok {
				t.Skip("EXCUSED: " + reason)
			}
			test(t, makeWallets)
		})
	}
}

// client is the one that the recordings were made with, at a moment of the recording.
func (makeWallets New) client(t testing.TB, httpClient *http.Client, created int64) payments.Wallets {
	t.Helper()
	return makeWallets.wallets(t, op.Config{HTTPClient: httpClient, Timeout: time.Minute, Now: func() time.Time { return time.Unix(created, 0) }})
}

// wallets are those of the recordings' client; config says the rest.
func (makeWallets New) wallets(t testing.TB, config op.Config) payments.Wallets {
	t.Helper()
	text, err := testdata.ReadFile("testdata/client-key.json")
	require.NoError(t, err)
	var key struct{ WalletAddress, KeyID, PrivateKeyPem string }
	require.NoError(t, json.Unmarshal(text, &key))
	private, err := op.ParsePrivateKeyPEM([]byte(key.PrivateKeyPem))
	require.NoError(t, err)
	config.WalletAddress = key.WalletAddress
	config.Signer, err = op.NewEd25519Signer(key.KeyID, private)
	require.NoError(t, err)
	wallets, err := makeWallets(config)
	require.NoError(t, err)
	return wallets
}

// What a service may be able to do beyond what the rules need of it.
type (
	getKeys interface {
		GetKeys(ctx context.Context, p op.WalletAddressGetKeysParams) (op.JWKS, error)
	}
	revoke interface {
		Revoke(ctx context.Context, p op.TokenRevokeParams) error
	}
	incomingMore interface {
		Get(ctx context.Context, p op.IncomingPaymentGetParams) (op.IncomingPayment, error)
		Complete(ctx context.Context, p op.IncomingPaymentCompleteParams) (op.IncomingPayment, error)
		List(ctx context.Context, p op.ListParams) (op.Page[op.IncomingPayment], error)
	}
	getQuote interface {
		Get(ctx context.Context, p op.QuoteGetParams) (op.Quote, error)
	}
	spentAmounts interface {
		GetGrantSpentAmounts(ctx context.Context, p op.OutgoingPaymentGrantGetParams) (op.SpentAmounts, error)
	}
)

func amount(t testing.TB, value int64) *money.Amount {
	t.Helper()
	a, err := money.New(value, "MXN", 2)
	require.NoError(t, err)
	return &a
}
