package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// newUUID makes a random UUID (RFC 9562 §5.4): the ids of a real wallet are UUIDs,
// and clients may check that they are.
func newUUID() string {
	var u [16]byte
	_, _ = rand.Read(u[:]) // crypto/rand.Read never fails
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

var uuidShape = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// isUUID tells an id that may exist from one on which a real wallet stumbles (500).
func isUUID(s string) bool { return uuidShape.MatchString(s) }

// newSecret is 256 random bits in upper-case hex, the alphabet of a real wallet's tokens.
func newSecret() string { return randomHex(32) }

func randomHex(bytes int) string {
	raw := make([]byte, bytes)
	_, _ = rand.Read(raw)
	return strings.ToUpper(hex.EncodeToString(raw))
}
