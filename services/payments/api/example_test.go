package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"tianguis.example/payments/api"
)

func ExampleClient_Start() {
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/offers/8/quotes/start" {
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"error":"this offer is paid","code":"already_paid"}`)
			return
		}
		_, _ = io.WriteString(w, `{"pendingId":"01JDD0000000000000000000AA","redirectUrl":"https://wallet.example/consent","amount":"100.00","assetCode":"MXN",
			"debitAmount":{"value":"533","assetCode":"USD","assetScale":2}}`)
	}))
	defer service.Close()

	client := api.NewClient(service.URL, "the API key", nil)
	start := api.Start{SellerID: "alice", BuyerWalletAddressURL: "https://wallet.example/bob", Amount: "100.00"}
	started, err := client.Start(context.Background(), "7", start)
	if err != nil {
		panic(err)
	}
	fmt.Println("send the buyer to", started.RedirectURL, "to pay", started.DebitAmount)

	_, err = client.Start(context.Background(), "8", start)
	if said, ok := errors.AsType[*api.Error](err); ok && said.Code == api.CodeAlreadyPaid {
		fmt.Println("nothing to do")
	}
	// Output:
	// send the buyer to https://wallet.example/consent to pay 5.33 USD
	// nothing to do
}
