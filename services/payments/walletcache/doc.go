// Package walletcache stands between the rules and the wallets, and spares what need not be asked again: wallets' documents, for as long as the wallet
// or the operator lets them be kept, and the tokens for incoming payments and quotes, which need nobody's consent and serve many payments until
// they expire (PROTOCOL.md, "The flow of one payment"). Whoever asks for the same at the same time waits for one answer.
//
// Nothing of a payment is decided here. Where it began, its auth server above all, stands in the payment and is never looked up again. What a buyer
// consented to is never shared.
package walletcache
