// Package apikey is the service's API key, as every door asks for it. How a request presents the key is the door's affair: as
// a bearer token to rest, as a password to console.
package apikey

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"strings"
)

// Key is the API key, as a hash, so that comparing takes the same time for every guess.
type Key struct {
	open bool
	hash [sha256.Size]byte
}

// New makes a Key; "" leaves the service open, which the caller allows on loopback only.
func New(key string) Key { return Key{open: key == "", hash: sha256.Sum256([]byte(key))} }

// Open reports whether there is no key.
func (k Key) Open() bool { return k.open }

// Admits reports whether a request to host ("localhost:4001") that presents the key may come in; "" presents none.
func (k Key) Admits(host, presented string) bool {
	if k.open {
		// Without a key we listen on loopback only; a page of a browser on this machine must not get in
		// under a name that was made to lead here (DNS rebinding).
		return isLocalName(host)
	}
	hash := sha256.Sum256([]byte(presented))
	return subtle.ConstantTimeCompare(hash[:], k.hash[:]) == 1
}

func isLocalName(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
