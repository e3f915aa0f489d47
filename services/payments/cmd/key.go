package cmd

import (
	"cmp"
	"crypto/ed25519"
	"os"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/store"
	"tianguis.example/payments/webhook"
)

func keyCommand(load func() (config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Make and show client keys"}
	cmd.AddCommand(keyShowCommand(load))
	var keyID, out string
	generate := &cobra.Command{
		Use:   "generate --key-id ID --out FILE",
		Short: "Make a client key: the private key goes to a new file, the public one (a JWK for the wallet) to the output",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			key, err := openpayments.GenerateKey()
			if err != nil {
				return err
			}
			if _, err := openpayments.NewEd25519Signer(keyID, key); err != nil {
				return err
			}
			pem, err := openpayments.MarshalPrivateKeyPEM(key)
			if err != nil {
				return err
			}
			if err := writeNew(out, pem); err != nil {
				return err
			}
			public, _ := key.Public().(ed25519.PublicKey) // as its documentation says
			return cli.JSON(cmd.OutOrStdout(), openpayments.PublicJWK(keyID, public))
		},
	}
	cli.WithJSON(generate) // it is JSON without it, too
	generate.Flags().StringVar(&keyID, "key-id", "", "the key's id")
	generate.Flags().StringVar(&out, "out", "", "the file to write; it must not exist")
	_ = generate.MarkFlagRequired("key-id")
	_ = generate.MarkFlagRequired("out")
	cmd.AddCommand(generate)
	return cmd
}

// keyShowCommand is for a wallet that does not have the key, or has another.
func keyShowCommand(load func() (config, error)) *cobra.Command {
	var keyID, file string
	cmd := &cobra.Command{
		Use: "show", Short: "Print the public half of a client key (a JWK), as its wallet has to publish it; by default the platform's", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load()
			if err != nil {
				return err
			}
			keyID, file = cmp.Or(keyID, c.SellerKeyID), cmp.Or(file, c.SellerPrivateKeyPath)
			if keyID == "" || file == "" {
				return cli.Usagef("set SELLER_KEY_ID and SELLER_PRIVATE_KEY_PATH, or name a key with --key-id and --file")
			}
			public, err := publicKey(keyID, file)
			if err != nil {
				return err
			}
			return cli.JSON(cmd.OutOrStdout(), public)
		},
	}
	cli.WithJSON(cmd) // it is JSON without it, too
	cmd.Flags().StringVar(&keyID, "key-id", "", "the key's id (default: SELLER_KEY_ID)")
	cmd.Flags().StringVar(&file, "file", "", "the private key's file (default: SELLER_PRIVATE_KEY_PATH)")
	return cmd
}

// publicKey is the public half of a private key in a file, as a wallet publishes it.
func publicKey(keyID, file string) (openpayments.JWK, error) {
	pem, err := os.ReadFile(file) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return openpayments.JWK{}, err
	}
	return publicKeyIn(keyID, pem)
}

func publicKeyIn(keyID string, pem []byte) (openpayments.JWK, error) {
	key, err := openpayments.ParsePrivateKeyPEM(pem)
	if err != nil {
		return openpayments.JWK{}, err
	}
	public, _ := key.Public().(ed25519.PublicKey) // as its documentation says
	return openpayments.PublicJWK(keyID, public), nil
}

// writeNew never overwrites: a private key that is gone cannot be had again.
func writeNew(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

func secretCommand(load func() (config, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "secret", Short: "Make secrets for the configuration, and replace the encryption key"}
	cmd.AddCommand(resealCommand(load))
	kinds := map[string]func() string{
		"webhook": webhook.GenerateSecret, "encryption": store.GenerateKey, "api": apikey.Generate,
	}
	cmd.AddCommand(cli.WithJSON(&cobra.Command{
		Use: "generate {webhook|encryption|api}", Short: "Print a new secret for WEBHOOK_SECRET, TOKEN_ENCRYPTION_KEY or PAYMENTS_API_KEY",
		Args: cobra.ExactArgs(1), ValidArgs: []string{"webhook", "encryption", "api"},
		RunE: func(cmd *cobra.Command, args []string) error {
			generate, ok := kinds[args[0]]
			if !ok {
				return cli.Usagef("there is no secret %q: choose webhook, encryption or api", args[0])
			}
			secret := generate()
			return cli.Say(cmd, map[string]string{"kind": args[0], "secret": secret}, "%s", secret)
		},
	}))
	return cmd
}
