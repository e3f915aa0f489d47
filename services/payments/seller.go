package payments

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"tianguis.example/payments/operator"
)

// Seller is somebody who is paid. Without a key of its own, the platform's client identity asks
// the seller's wallet for incoming payments.
type Seller struct {
	ID               string
	WalletAddressURL string
	KeyID            string // with PrivateKeyPath: the seller's own client identity
	PrivateKeyPath   string // below the folder of keys
	CreatedAt        time.Time
	UpdatedAt        time.Time
}

// client is the identity that signs for the seller now.
func (s Seller) client() Client {
	if s.KeyID == "" {
		return Client{}
	}
	return Client{WalletAddress: s.WalletAddressURL, KeyID: s.KeyID, PrivateKeyPath: s.PrivateKeyPath}
}

type sellerStore interface {
	// Seller returns ErrUnknown when there is none.
	Seller(ctx context.Context, id string) (Seller, error)
	// PutSeller makes a seller, or changes one; CreatedAt is kept. Who did it is kept where something changed.
	PutSeller(ctx context.Context, s Seller, done *operator.Action) error
}

const maxID = 128 // characters; of a seller's and an offer's id

// RegisterSeller makes a seller known, or changes one for the payments to come. It may be called again.
// Errors: CodeInvalidRequest, CodeInvalidWallet, CodeInvalidKey.
func (s *Service) RegisterSeller(ctx context.Context, by operator.Operator, seller Seller) error {
	if err := checkID("id", seller.ID); err != nil {
		return err
	}
	wallet, err := parseWalletAddress("walletAddressUrl", seller.WalletAddressURL)
	if err != nil {
		return err
	}
	if (seller.KeyID == "") != (seller.PrivateKeyPath == "") {
		return Errorf(CodeInvalidRequest, "keyId and privateKeyPath go together: give both, or neither to use the platform's key")
	}
	seller.WalletAddressURL = wallet
	if seller.KeyID != "" {
		if _, err := s.wallets(seller.client()); err != nil {
			return err
		}
	}
	seller.CreatedAt = s.clock.Now()
	seller.UpdatedAt = seller.CreatedAt
	detail := "is paid at " + seller.WalletAddressURL
	if seller.KeyID != "" {
		detail += ", with the key " + seller.KeyID + " in " + seller.PrivateKeyPath
	}
	return s.store.PutSeller(ctx, seller, &operator.Action{At: seller.CreatedAt, By: by, Kind: operator.PutSeller, Subject: seller.ID, Detail: detail})
}

// seller reads a seller that somebody named.
func (s *Service) seller(ctx context.Context, id string) (Seller, error) {
	if err := checkID("sellerId", id); err != nil {
		return Seller{}, err
	}
	seller, err := s.store.Seller(ctx, id)
	if errors.Is(err, ErrUnknown) {
		return Seller{}, Errorf(CodeUnknownSeller, "there is no seller with this sellerId: add it with POST /sellers")
	}
	if err != nil {
		return Seller{}, fmt.Errorf("read the seller: %w", err)
	}
	return seller, nil
}

func checkID(field, id string) error {
	if id == "" || len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return Errorf(CodeInvalidRequest, "%s must be 1 to %d visible characters without spaces", field, maxID)
	}
	return nil
}

// parseWalletAddress reads a wallet address URL that somebody typed. Whether there is a wallet
// behind it, only the wallet can tell.
func parseWalletAddress(field, text string) (string, error) {
	text = strings.TrimSpace(text)
	u, err := url.Parse(text)
	// As it stands, since it is signed and compared as it stands: what a parser would write in another way is another address.
	if err != nil || len(text) > 2000 || u.String() != text || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '?' || r == '#' }) ||
		u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return "", Errorf(CodeInvalidWallet, "%s must be a wallet address such as https://wallet.example/alice", field)
	}
	return text, nil
}
