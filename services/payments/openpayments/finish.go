package openpayments

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
)

// FinishHash is the hash with which an auth server proves that a finish redirect is its
// own (RFC 9635 section 4.2.3; sha-256, which is what wallets use): clientNonce is
// Interact.Nonce, interactFinish is Interaction.Finish, interactRef comes with the
// redirect, and grantEndpoint is the wallet address's authServer exactly as it was given.
func FinishHash(clientNonce, interactFinish, interactRef, grantEndpoint string) string {
	sum := finishSum(clientNonce, interactFinish, interactRef, grantEndpoint)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// VerifyFinishHash reports whether hash, as it came with the redirect, is the FinishHash
// of the rest, in constant time. Wallets differ in how they write base64, so both
// alphabets are taken, padded or not. A space stands for a plus: it is what form
// decoding makes of a plus that somebody on the way did not escape, and it can be
// nothing else. No empty part is ever right.
func VerifyFinishHash(hash, clientNonce, interactFinish, interactRef, grantEndpoint string) bool {
	if clientNonce == "" || interactFinish == "" || interactRef == "" || grantEndpoint == "" {
		return false
	}
	given, ok := decodeHash(hash)
	if !ok {
		return false
	}
	want := finishSum(clientNonce, interactFinish, interactRef, grantEndpoint)
	return subtle.ConstantTimeCompare(given, want[:]) == 1
}

func finishSum(clientNonce, interactFinish, interactRef, grantEndpoint string) [sha256.Size]byte {
	return sha256.Sum256([]byte(clientNonce + "\n" + interactFinish + "\n" + interactRef + "\n" + grantEndpoint))
}

func decodeHash(hash string) ([]byte, bool) {
	text := strings.NewReplacer("-", "+", " ", "+", "_", "/").Replace(strings.TrimSuffix(hash, "="))
	if len(text) != base64.RawStdEncoding.EncodedLen(sha256.Size) {
		return nil, false
	}
	sum, err := base64.RawStdEncoding.Strict().DecodeString(text)
	return sum, err == nil && len(sum) == sha256.Size
}
