package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/clock"
	"tianguis.example/sandbox/control"
)

// platformKeyFile is the key in whose name the payments service signs what it asks of wallets.
const platformKeyFile = "platform.pem"

func newPlatformKey() []byte {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err) // crypto/rand.Reader never fails
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err) // it knows Ed25519
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// publishBound is how long the wallet may take to open.
const publishBound = time.Minute

func platformKeyCommand() *cobra.Command {
	var file, id, wallets, wallet string
	command := &cobra.Command{
		Use:   "platform-key",
		Short: "Publish the platform's public key at its wallet in the sandbox, where other wallets look for it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := publicHalf(file, id)
			if err != nil {
				return fmt.Errorf("read %s: %w", file, err)
			}
			if err := publish(cmd.Context(), control.New(wallets), wallet, key); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s/%s publishes the key %s\n", wallets, wallet, id)
			return nil
		},
	}
	flags := command.Flags()
	flags.StringVar(&file, "file", "/secrets/payments/"+platformKeyFile, "the platform's private key")
	flags.StringVar(&id, "key-id", "tianguis-platform", "the key's id, as SELLER_KEY_ID has it")
	flags.StringVar(&wallets, "wallets", "http://localhost:4100", "the address of the sandbox")
	flags.StringVar(&wallet, "wallet", "marketplace", "the platform's wallet")
	return command
}

// publicHalf is the public half of the private key in file.
func publicHalf(file, id string) (control.JWK, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return control.JWK{}, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return control.JWK{}, errors.New("it is no PEM file")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return control.JWK{}, err
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return control.JWK{}, errors.New("it is no Ed25519 key")
	}
	public, _ := key.Public().(ed25519.PublicKey) // as its documentation says
	return control.JWK{Kid: id, X: base64.RawURLEncoding.EncodeToString(public), Alg: "EdDSA", Kty: "OKP", Crv: "Ed25519"}, nil
}

// publish tries until the wallet is open.
func publish(ctx context.Context, wallets *control.Client, wallet string, key control.JWK) error {
	ctx, cancel := context.WithTimeout(ctx, publishBound)
	defer cancel()
	for {
		err := wallets.RegisterKey(ctx, wallet, key)
		if err == nil {
			return nil
		}
		if waited := clock.Sleep(ctx, clock.System(), 500*time.Millisecond); waited != nil {
			return err
		}
	}
}
