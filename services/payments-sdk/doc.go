// Package sdk reaches wallets for the payments service with the official Open Payments SDK for Go, github.com/interledger/open-payments-go,
// instead of the service's own package openpayments.
//
// The SDK makes each request and signs it. Everything around a request is the service's own, through openpayments.Exchange: which hosts may be
// asked, how long an answer may take and be, what is asked again, what a refusal means and which answers are believed. docs/sdk.md says why, and what
// the SDK cannot do at all.
//
// It is a module of its own, outside of go.work, because not every module proxy has the SDK: the payments service must build without it.
package sdk
