// Package openpayments speaks to Open Payments wallets: it reads wallet addresses,
// asks for grants (GNAP, RFC 9635), and creates and reads incoming payments, quotes
// and outgoing payments, with requests signed as RFC 9421 says.
//
// Services and methods are named as in github.com/interledger/open-payments-go, so
// that its users feel at home: Client.Grant.Request, Client.Quote.Create and so on.
// What this client adds is distrust, because most of the servers it talks to were
// named by strangers:
//
//   - every request has a deadline, every answer a size limit, and no redirect is followed;
//   - a URL is used byte for byte as it was given, and nothing is read into it;
//   - an answer is believed only when it has the fields that it must have and is about
//     what was asked: {} is an error and not a grant;
//   - errors are typed (Error, and the Err… kinds for errors.Is), and OutcomeUnknown
//     tells whether what failed may have taken effect.
//
// Nothing that could take effect twice is ever repeated here; reading is, at most twice.
// The package decides nothing about a payment, keeps no state and logs nothing. It
// imports money and no other package of ours.
package openpayments
