package openpayments_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	op "tianguis.example/payments/openpayments"
)

// exampleWallet is a wallet with one address and one incoming payment.
func exampleWallet() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		self := "http://" + r.Host
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.URL.Path == "/alice":
			_, _ = fmt.Fprintf(w, `{"id":"%[1]s/alice","publicName":"Alice","assetCode":"MXN","assetScale":2,"authServer":"%[1]s/auth","resourceServer":"%[1]s"}`, self)
		case strings.HasPrefix(r.URL.Path, "/incoming-payments/"):
			_, _ = fmt.Fprintf(w, `{"receivedAmount":{"value":"10000","assetCode":"MXN","assetScale":2},"authServer":"%s/auth"}`, self)
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprint(w, `{"error":{"code":"404","description":"Could not get wallet address"}}`)
		}
	}))
}

func ExampleNewUnauthenticated() {
	wallet := exampleWallet()
	defer wallet.Close()
	client, err := op.NewUnauthenticated(op.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()

	address, err := client.WalletAddress.Get(ctx, op.WalletAddressGetParams{URL: wallet.URL + "/alice"})
	fmt.Println(address.PublicName, address.AssetCode, err)

	payment, err := client.IncomingPayment.GetPublic(ctx, op.IncomingPaymentGetPublicParams{URL: wallet.URL + "/incoming-payments/1"})
	fmt.Println(payment.ReceivedAmount, err)

	_, err = client.WalletAddress.Get(ctx, op.WalletAddressGetParams{URL: wallet.URL + "/nobody"})
	fmt.Println(errors.Is(err, op.ErrNotFound))
	fmt.Println(err)
	// Output:
	// Alice MXN <nil>
	// 100.00 MXN <nil>
	// true
	// get wallet address: the wallet knows no such thing (404: Could not get wallet address)
}

// A client's identity: a key, its public half for jwks.json, and a signer.
func ExampleNew() {
	key, err := op.GenerateKey()
	if err != nil {
		fmt.Println(err)
		return
	}
	public, _ := key.Public().(ed25519.PublicKey)
	published := op.PublicJWK("key-1", public)
	signer, err := op.NewEd25519Signer(published.KeyID, key)
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := op.New(op.Config{WalletAddress: "https://wallet.example/market", Signer: signer})
	fmt.Println(client != nil, err)
	fmt.Println(published.KeyType, published.Curve)
	// Output:
	// true <nil>
	// OKP Ed25519
}

func ExampleVerifyFinishHash() {
	const (
		clientNonce    = "6a727616-dcbc-47b2-8cf8-716c3cdf5dc9"
		interactFinish = "4146B7A363275673"
		interactRef    = "7cb71e38-9c9d-4b9f-b155-e1143e5f9f6a"
		authServer     = "https://cloud-nine-wallet-test-auth:3106/438fa74a-fa7d-4317-9ced-dde32ece1787"
	)
	fromRedirect := "FMfDvM76vNA6dTT_eYAdgWM-BWJwHdz2M9xn75Bf2ws"
	fmt.Println(op.VerifyFinishHash(fromRedirect, clientNonce, interactFinish, interactRef, authServer))
	fmt.Println(op.VerifyFinishHash("forged", clientNonce, interactFinish, interactRef, authServer))
	// Output:
	// true
	// false
}
