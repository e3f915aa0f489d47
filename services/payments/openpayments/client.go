package openpayments

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Defaults of Config.
const (
	DefaultTimeout        = 15 * time.Second
	DefaultMaxAnswerBytes = 64 << 10
)

// Config is what a client is made of.
type Config struct {
	// WalletAddress is the client's own: wallets fetch its jwks.json to verify our
	// signatures, and show it to the person who is asked to consent.
	WalletAddress string
	// Signer signs every request but the public ones.
	Signer Signer
	// HTTPClient carries the requests; nil means one on a transport of its own. It is
	// copied: redirects and cookies are off whatever it says. For addresses that
	// strangers name, give one that refuses private networks.
	HTTPClient *http.Client
	// Timeout bounds one call from first byte to last, repeats of a read included;
	// zero means DefaultTimeout.
	Timeout time.Duration
	// MaxAnswerBytes bounds the body of an answer; zero means DefaultMaxAnswerBytes,
	// which holds about 80 payments of a list.
	MaxAnswerBytes int64
	// Now gives the created time of a signature; nil means the wall clock.
	Now func() time.Time
}

// Client is an Open Payments client with an identity. It is safe for concurrent use.
type Client struct {
	WalletAddress   *WalletAddressService
	Grant           *GrantService
	Token           *TokenService
	IncomingPayment *IncomingPaymentService
	Quote           *QuoteService
	OutgoingPayment *OutgoingPaymentService
}

// New returns a client that signs as config.WalletAddress.
func New(config Config) (*Client, error) {
	if config.Signer == nil {
		return nil, errors.New("open payments client: a signer is needed")
	}
	if err := checkKeyID(config.Signer.KeyID()); err != nil {
		return nil, fmt.Errorf("open payments client: %w", err)
	}
	if err := checkURL(config.WalletAddress); err != nil {
		return nil, fmt.Errorf("open payments client: its wallet address: %w", err)
	}
	c, err := newCaller(config)
	if err != nil {
		return nil, err
	}
	return &Client{
		WalletAddress:   &WalletAddressService{c},
		Grant:           &GrantService{c, config.WalletAddress},
		Token:           &TokenService{c},
		IncomingPayment: &IncomingPaymentService{c},
		Quote:           &QuoteService{c},
		OutgoingPayment: &OutgoingPaymentService{c},
	}, nil
}

// UnauthenticatedClient is a client without an identity: it reads what wallets show to
// anybody. It is safe for concurrent use.
type UnauthenticatedClient struct {
	WalletAddress   *WalletAddressService
	IncomingPayment *PublicIncomingPaymentService
}

// NewUnauthenticated returns a client that signs nothing; config.WalletAddress and
// config.Signer are not used.
func NewUnauthenticated(config Config) (*UnauthenticatedClient, error) {
	config.Signer = nil
	c, err := newCaller(config)
	if err != nil {
		return nil, err
	}
	return &UnauthenticatedClient{
		WalletAddress:   &WalletAddressService{c},
		IncomingPayment: &PublicIncomingPaymentService{c},
	}, nil
}

func newCaller(config Config) (*caller, error) {
	if config.Timeout < 0 || config.MaxAnswerBytes < 0 {
		return nil, errors.New("open payments client: a limit cannot be negative")
	}
	if config.Timeout == 0 {
		config.Timeout = DefaultTimeout
	}
	if config.MaxAnswerBytes == 0 {
		config.MaxAnswerBytes = DefaultMaxAnswerBytes
	}
	if config.Now == nil {
		// The one reading of the wall clock in this package. A signature's created is
		// checked by a wallet against its own clock, so a client that was given no
		// clock must use the real one; our services always give one.
		config.Now = time.Now //nolint:forbidigo // see above
	}
	c := &caller{
		once:           onceClient(config.HTTPClient),
		signer:         config.Signer,
		timeout:        config.Timeout,
		maxAnswerBytes: config.MaxAnswerBytes,
		now:            config.Now,
	}
	c.repeating = &retryablehttp.Client{
		HTTPClient:   c.once,
		RetryMax:     2,
		RetryWaitMin: 100 * time.Millisecond,
		RetryWaitMax: 400 * time.Millisecond,
		Backoff:      retryablehttp.DefaultBackoff,
		CheckRetry:   worthRepeating,
		ErrorHandler: retryablehttp.PassthroughErrorHandler, // its own error would name the URL
		PrepareRetry: c.resign,
	}
	return c, nil
}

// onceClient copies given and takes away what must not happen: a redirect would carry a
// token to a place nobody named, and a cookie would tie strangers' requests together.
func onceClient(given *http.Client) *http.Client {
	client := &http.Client{}
	if given != nil {
		*client = *given
	} else if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = transport.Clone()
		transport.MaxResponseHeaderBytes = 64 << 10
		client.Transport = transport
	}
	client.Jar = nil
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}
