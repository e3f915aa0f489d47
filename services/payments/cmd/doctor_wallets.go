package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/doctor"
	"tianguis.example/payments"
	"tianguis.example/payments/egress"
	"tianguis.example/payments/openpayments"
)

// walletBound is how long the doctor waits for a wallet.
const walletBound = 8 * time.Second

// How far a wallet's clock may be from ours: it tells the second only, and verifies when we say that we signed.
const (
	walletApart    = 5 * time.Second
	walletTooApart = time.Minute
)

func (x *examination) walletHTTP() *http.Client {
	return egress.Client(egress.Options{AllowHosts: x.config.WalletAllowHosts})
}

func (x *examination) public(inner *http.Client) (*openpayments.UnauthenticatedClient, error) {
	return openpayments.NewUnauthenticated(openpayments.Config{HTTPClient: inner, Timeout: min(walletBound, x.config.WalletTimeout), Now: x.clock.Now})
}

const needsIdentity = "needs SELLER_WALLET_ADDRESS_URL"

func (x *examination) lookAtWallet(ctx context.Context) []doctor.Finding {
	address := x.config.SellerWalletAddressURL
	if address == "" {
		return one(doctor.Skip(needsIdentity))
	}
	watch := &dates{clock: x.clock}
	client, err := x.public(watch.over(x.walletHTTP()))
	if err != nil {
		return one(doctor.Fail("set SELLER_WALLET_ADDRESS_URL", "%v", err))
	}
	wallet, err := client.WalletAddress.Get(ctx, openpayments.WalletAddressGetParams{URL: address})
	if err != nil {
		return one(doctor.Fail(walletRemedy(err, "SELLER_WALLET_ADDRESS_URL"), "the wallet %s: %s", address, doctor.Why(ctx, err)))
	}
	x.notes.Learn(func(k *known) { k.wallet = &wallet })
	found := one(doctor.Fine("%s is %q, in %s with %d decimals", address, wallet.PublicName, wallet.AssetCode, wallet.AssetScale))
	const set = "set this machine's clock by NTP"
	if apart := watch.apart(); apart > walletTooApart {
		found = append(found, doctor.Fail(set, "the wallet's clock is %s away from this machine's: it will not believe our signatures", apart.Round(time.Second)))
	} else if apart > walletApart {
		found = append(found, doctor.Warn(set, "the wallet's clock is %s away from this machine's", apart.Round(time.Second)))
	}
	return found
}

// walletRemedy is what to do about a wallet that could not be asked, by the variable, or whatever else, that names it.
func walletRemedy(err error, named string) string {
	switch {
	case errors.Is(err, egress.ErrForbiddenAddress):
		return "set WALLET_ALLOW_HOSTS to its host, if it is a wallet of yours; otherwise " + named + " must be a public https address"
	case errors.Is(err, openpayments.ErrNoSuchHost):
		return "set " + named + ": there is no such host"
	case errors.Is(err, openpayments.ErrNotFound):
		return "set " + named + ": the wallet has no such address"
	case errors.Is(err, openpayments.ErrUnexpectedAnswer), errors.Is(err, openpayments.ErrInvalidRequest):
		return "set " + named + ": what answers there is no wallet"
	}
	return "is the wallet up, and may this machine reach it? Ask the wallet; " + named + " names it"
}

// dates notes how far the clock of who answers is from ours, by the Date of its answer.
type dates struct {
	http.RoundTripper
	clock clock.Clock

	mu   sync.Mutex
	away time.Duration
}

func (d *dates) over(client *http.Client) *http.Client {
	d.RoundTripper = client.Transport
	watched := *client
	watched.Transport = d
	return &watched
}

func (d *dates) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := d.RoundTripper.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	// The Date of an answer that a cache has kept is of when it was made (RFC 9111 section 5.1).
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil && answer.Header.Get("Age") == "" {
		d.mu.Lock()
		d.away = d.clock.Now().Sub(at).Abs()
		d.mu.Unlock()
	}
	return answer, nil
}

func (d *dates) apart() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.away
}

// lookAtPublishedKey compares the key itself: the most common mistake is another key under the right id.
func (x *examination) lookAtPublishedKey(ctx context.Context) []doctor.Finding {
	c := x.config
	if x.notes.Known().wallet == nil {
		return one(doctor.Skip("needs the wallet"))
	}
	ours, err := publicKey(c.SellerKeyID, c.SellerPrivateKeyPath)
	if err != nil {
		return one(doctor.Skip("needs SELLER_KEY_ID and SELLER_PRIVATE_KEY_PATH"))
	}
	client, err := x.public(x.walletHTTP())
	if err != nil {
		return one(doctor.Fail("set SELLER_WALLET_ADDRESS_URL", "%v", err))
	}
	return one(comparePublished(ctx, client, c.SellerWalletAddressURL, ours, "payments key show"))
}

// comparePublished looks for our key among those that a wallet address publishes; show is the command that prints it.
func comparePublished(ctx context.Context, client *openpayments.UnauthenticatedClient, wallet string, ours openpayments.JWK, show string) doctor.Finding {
	published, err := client.WalletAddress.GetKeys(ctx, openpayments.WalletAddressGetKeysParams{URL: wallet})
	if err != nil {
		return doctor.Fail("ask the wallet; other wallets look for our key there", "%s/jwks.json: %s", wallet, doctor.Why(ctx, err))
	}
	want, err := ours.PublicKey()
	if err != nil {
		return doctor.Fail(show, "%v", err)
	}
	var ids []string
	other := ""
	for _, key := range published.Keys {
		ids = append(ids, key.KeyID)
		if key.KeyID != ours.KeyID {
			continue
		}
		if have, err := key.PublicKey(); err == nil && bytes.Equal(have, want) {
			return doctor.Fine("%s/jwks.json has our key %s", wallet, ours.KeyID)
		}
		other = key.X
	}
	if other != "" {
		return doctor.Fail("register the key that this prints at the wallet, or set SELLER_PRIVATE_KEY_PATH to the private half of the wallet's: "+show,
			"%s/jwks.json has another key under our id %s: x is %.60s there, and %s here", wallet, ours.KeyID, other, ours.X)
	}
	return doctor.Fail("register the key that this prints at the wallet, or set SELLER_KEY_ID to its id there: "+show,
		"%s/jwks.json has no key %s; it has %d: %s", wallet, ours.KeyID, len(ids), strings.Join(ids, ", "))
}

// lookAtSignedRequest asks for a grant that needs no person and moves no money, and gives it back.
func (x *examination) lookAtSignedRequest(ctx context.Context) []doctor.Finding {
	wallet := x.notes.Known().wallet
	if wallet == nil {
		return one(doctor.Skip("needs the wallet"))
	}
	ids, err := newIdentities(x.config, x.walletHTTP(), 0, x.clock)
	if err != nil || ids.platform == nil {
		return one(doctor.Skip("needs SELLER_KEY_ID and SELLER_PRIVATE_KEY_PATH"))
	}
	grant, err := ids.platform.Grant.Request(ctx, openpayments.GrantRequestParams{
		URL: wallet.AuthServer, Access: []openpayments.Access{{Type: openpayments.AccessIncomingPayment, Actions: []openpayments.Action{openpayments.ActionCreate, openpayments.ActionRead}}},
	})
	switch {
	case errors.Is(err, openpayments.ErrInvalidClient):
		return one(doctor.Fail("register the key that this prints at the wallet: payments key show", "the auth server %s does not accept our signature: %s", wallet.AuthServer, doctor.Why(ctx, err)))
	case openpayments.OutcomeUnknown(err), errors.Is(err, openpayments.ErrUnreachable):
		return one(doctor.Fail("is the wallet's auth server up, and may this machine reach it? Ask the wallet", "the auth server %s: %s", wallet.AuthServer, doctor.Why(ctx, err)))
	case err != nil:
		return one(doctor.Fail("ask the wallet why, with its words", "the auth server %s: %s", wallet.AuthServer, doctor.Why(ctx, err)))
	}
	back := giveBack(ctx, ids.platform, grant)
	if grant.AccessToken == nil {
		return one(doctor.Fail("ask the wallet why", "the auth server %s accepts our signature, and wants a person's consent to an incoming payment", wallet.AuthServer))
	}
	if back != nil {
		return one(doctor.Warn("nothing: it ends by itself, and nobody has its token", "the auth server %s accepts our signature, but did not take the grant back: %v", wallet.AuthServer, back))
	}
	return one(doctor.Fine("the auth server %s accepts our signature: it gave a grant for incoming payments, and took it back", wallet.AuthServer))
}

// giveBack ends a grant, and with it its token. Some auth servers know only one way.
func giveBack(ctx context.Context, wallets *payments.Wallets, grant openpayments.Grant) error {
	err := errors.New("it named no way to give it back")
	if grant.Continue != nil {
		if err = wallets.Grant.Cancel(ctx, openpayments.GrantCancelParams{URL: grant.Continue.URI, AccessToken: grant.Continue.AccessToken}); err == nil {
			return nil
		}
	}
	// The rules revoke no token, so an implementation need not be able to.
	token, ok := wallets.Token.(interface {
		Revoke(ctx context.Context, p openpayments.TokenRevokeParams) error
	})
	if ok && grant.AccessToken != nil {
		return token.Revoke(ctx, openpayments.TokenRevokeParams{URL: grant.AccessToken.ManageURI, AccessToken: grant.AccessToken.Value})
	}
	return err
}

// How many sellers are looked at, and how many at a time.
const (
	mostSellers   = 200
	sellersAtOnce = 8
)

func (x *examination) lookAtSellers(ctx context.Context) []doctor.Finding {
	keep, ok := x.store(nil)
	if !ok {
		return one(doctor.Skip(needsDatabase))
	}
	all, err := keep.Sellers(ctx)
	if err != nil {
		return one(doctor.Fail("see the check of the database", "read the sellers: %s", doctor.Why(ctx, err)))
	}
	client, err := x.public(x.walletHTTP())
	if err != nil {
		return one(doctor.Fail("set WALLET_TIMEOUT", "%v", err))
	}
	bad := make([]*doctor.Finding, min(len(all), mostSellers))
	places := make(chan struct{}, sellersAtOnce)
	var asking sync.WaitGroup
	looked := 0
	for ; looked < len(bad) && ctx.Err() == nil; looked++ {
		places <- struct{}{}
		place, seller := &bad[looked], all[looked]
		asking.Go(func() {
			defer func() { <-places }()
			*place = x.lookAtSeller(ctx, client, seller)
		})
	}
	asking.Wait()
	var found []doctor.Finding
	for _, f := range bad {
		if f != nil {
			found = append(found, *f)
		}
	}
	if len(found) == 0 {
		found = one(doctor.Fine("the wallets of all of %d sellers answer", looked))
	}
	if looked < len(all) {
		found = append(found, doctor.Warn("run this again", "there was no time for %d more sellers", len(all)-looked))
	}
	return found
}

// lookAtSeller returns what is wrong, or nil.
func (x *examination) lookAtSeller(ctx context.Context, client *openpayments.UnauthenticatedClient, s payments.Seller) *doctor.Finding {
	change := fmt.Sprintf("payments seller add --id %s --wallet-address <url>", s.ID)
	if _, err := client.WalletAddress.Get(ctx, openpayments.WalletAddressGetParams{URL: s.WalletAddressURL}); err != nil {
		return new(doctor.Fail(walletRemedy(err, "its wallet address, by "+change), "seller %s, %s: %s", s.ID, s.WalletAddressURL, doctor.Why(ctx, err)))
	}
	if s.KeyID == "" {
		return nil
	}
	pem, err := readBelow(x.config.KeyFolder, s.PrivateKeyPath)
	var ours openpayments.JWK
	if err == nil {
		ours, err = publicKeyIn(s.KeyID, pem)
	}
	if err != nil {
		return new(doctor.Fail("put the key back into KEY_FOLDER, or register the seller without one", "seller %s has a key of its own, which cannot be read: %v", s.ID, err))
	}
	if f := comparePublished(ctx, client, s.WalletAddressURL, ours, fmt.Sprintf("payments key show --key-id %s --file %s", s.KeyID, filepath.Join(x.config.KeyFolder, s.PrivateKeyPath))); f.State != doctor.OK {
		f.Found = "seller " + s.ID + ": " + f.Found
		return &f
	}
	return nil
}
