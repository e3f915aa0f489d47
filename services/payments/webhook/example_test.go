package webhook_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"tianguis.example/payments/webhook"
)

// The secret is the one of the Standard Webhooks specification; make your own with GenerateSecret.
const exampleSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func ExampleSecrets_Sign() {
	secrets, err := webhook.ParseSecrets(exampleSecret)
	if err != nil {
		panic(err)
	}
	h := http.Header{}
	secrets.Sign(h, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	fmt.Println(h.Get(webhook.HeaderSignature))
	// Output: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=
}

// A receiver verifies the raw bytes before it looks at anything in them.
func ExampleSecrets_Verify() {
	secrets, err := webhook.ParseSecrets(exampleSecret)
	if err != nil {
		panic(err)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	receive := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, webhook.MaxBody))
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if err := secrets.Verify(r.Header, body, now); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		event, err := webhook.Parse(body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Println(event.Type, "of offer", event.OfferID)
	}

	body := `{"type":"payment.completed","pendingId":"01JDD0000000000000000000AA","offerId":"7","status":"paid","outgoingPaymentId":"https://wallet.example/outgoing-payments/1"}`
	request := httptest.NewRequest(http.MethodPost, webhook.Path, strings.NewReader(body))
	secrets.Sign(request.Header, "01JDD0000000000000000000BB", now, []byte(body))
	receive(httptest.NewRecorder(), request)

	forged := httptest.NewRequest(http.MethodPost, webhook.Path, strings.NewReader(body))
	answer := httptest.NewRecorder()
	receive(answer, forged)
	fmt.Println("unsigned:", answer.Code)
	// Output:
	// payment.completed of offer 7
	// unsigned: 401
}
