// Package api is the wire of the payments service as its callers see it: request and answer
// types, error codes, and a Client. The documented fields are the first of each type; others may be
// added, none is removed or renamed.
package api
