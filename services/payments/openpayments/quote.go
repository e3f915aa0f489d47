package openpayments

import (
	"context"
	"errors"
	"net/http"
)

// QuoteService asks buyers' wallets what a payment costs.
type QuoteService struct{ caller *caller }

// Create asks what paying params.Receiver costs. Repeating it makes another quote, which
// binds nobody. ErrInvalidReceiver: the incoming payment is unknown, complete or expired.
func (s *QuoteService) Create(ctx context.Context, params QuoteCreateParams) (Quote, error) {
	return params.Question().ask(ctx, s.caller)
}

// Question is what QuoteService.Create asks.
func (p QuoteCreateParams) Question() Question[Quote] {
	call := call{op: "create quote", method: http.MethodPost, token: p.AccessToken, authorized: true}
	var err error
	call.url, err = join(p.BaseURL, "/quotes")
	if p.Method == "" {
		p.Method = "ilp"
	}
	call.body = quoteBody{WalletAddress: p.WalletAddress, Receiver: p.Receiver, Method: p.Method}
	return question(call, err, func(quote Quote) (Quote, error) {
		if quote.Method != p.Method {
			return Quote{}, errors.New("method: it is another one than was asked for")
		}
		return believeQuote(quote, "", p.WalletAddress, p.Receiver)
	})
}

// Get reads a quote.
func (s *QuoteService) Get(ctx context.Context, params QuoteGetParams) (Quote, error) {
	return ask(ctx, s.caller, call{
		op: "get quote", method: http.MethodGet, url: params.URL, token: params.AccessToken, authorized: true,
	}, func(quote Quote) (Quote, error) { return believeQuote(quote, params.URL, "", "") })
}

type quoteBody struct {
	WalletAddress string `json:"walletAddress"`
	Receiver      string `json:"receiver"`
	Method        string `json:"method"`
}

func believeQuote(quote Quote, askedID, askedWallet, askedReceiver string) (Quote, error) {
	err := believeURLs([2]string{"id", quote.ID}, [2]string{"walletAddress", quote.WalletAddress}, [2]string{"receiver", quote.Receiver})
	if err != nil {
		return Quote{}, err
	}
	if err := believeSame("id", quote.ID, askedID); err != nil {
		return Quote{}, err
	}
	if err := believeSame("walletAddress", quote.WalletAddress, askedWallet); err != nil {
		return Quote{}, err
	}
	if err := believeSame("receiver", quote.Receiver, askedReceiver); err != nil {
		return Quote{}, err
	}
	if quote.DebitAmount.IsZero() || quote.ReceiveAmount.IsZero() {
		return Quote{}, errors.New("debitAmount or receiveAmount: it is missing or zero")
	}
	return quote, nil
}
