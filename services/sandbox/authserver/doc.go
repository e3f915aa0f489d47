// Package authserver is the sandbox's GNAP authorization server (RFC 9635, as Open
// Payments profiles it): grants, the buyer's interaction and consent page, and tokens.
//
// It speaks HTTP and knows statuses and pages; what is allowed is decided by package
// sandbox. Statuses, codes and words are those recorded in testdata/traces.
package authserver
