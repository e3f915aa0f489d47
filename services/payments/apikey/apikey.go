// Package apikey is the service's API key, as every door asks for it. How a request presents the key is the door's affair: as
// a bearer token to rest, as a password to console.
package apikey

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"strings"
)

// Key is the API key, or several while one is being replaced, as hashes, so that comparing takes the same time for every guess.
type Key struct{ hashes [][sha256.Size]byte }

// New makes a Key of what is separated by spaces, each of which admits; "" leaves the service open, which the caller allows on loopback only.
func New(keys string) Key {
	var k Key
	for key := range strings.FieldsSeq(keys) {
		k.hashes = append(k.hashes, sha256.Sum256([]byte(key)))
	}
	return k
}

// Open reports whether there is no key.
func (k Key) Open() bool { return len(k.hashes) == 0 }

// Admits reports whether a request to host ("localhost:4001") that presents the key may come in; "" presents none.
func (k Key) Admits(host, presented string) bool {
	if k.Open() {
		// Without a key we listen on loopback only; a page of a browser on this machine must not get in
		// under a name that was made to lead here (DNS rebinding).
		return isLocalName(host)
	}
	hash := sha256.Sum256([]byte(presented))
	admitted := 0
	for _, known := range k.hashes {
		admitted |= subtle.ConstantTimeCompare(hash[:], known[:])
	}
	return admitted == 1
}

func isLocalName(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Fingerprint names a key that was admitted without telling it: 8 hexadecimal digits; "" for none.
func Fingerprint(key string) string {
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("tianguis payments api key fingerprint\x00" + key))
	return hex.EncodeToString(sum[:4])
}
