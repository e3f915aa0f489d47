package contracttest

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	op "tianguis.example/payments/openpayments"
)

var signatureInput = regexp.MustCompile(`^sig1=(\(([^)]*)\);.*)$`)

// validSignature checks a request as a wallet does: what must be covered is, the digest is the body's, and the signature is the recordings'
// client's (RFC 9421 section 3.2, RFC 9530).
func validSignature(r *http.Request, body []byte) bool {
	parts := signatureInput.FindStringSubmatch(r.Header.Get("Signature-Input"))
	value, ok := strings.CutPrefix(r.Header.Get("Signature"), "sig1=:")
	signature, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(value, ":"))
	if parts == nil || !ok || err != nil || !strings.Contains(parts[1], ";created=") || !strings.Contains(parts[1], `;keyid="`) {
		return false
	}
	names := strings.Fields(strings.ReplaceAll(parts[2], `"`, ""))
	required := []string{"@method", "@target-uri"}
	if r.Header.Get("Authorization") != "" {
		required = append(required, "authorization")
	}
	if len(body) > 0 {
		required = append(required, "content-digest", "content-length", "content-type")
		sum := sha512.Sum512(body)
		if r.Header.Get("Content-Digest") != "sha-512=:"+base64.StdEncoding.EncodeToString(sum[:])+":" {
			return false
		}
	}
	for _, name := range required {
		if !slices.Contains(names, name) {
			return false
		}
	}
	var text strings.Builder
	for _, name := range names {
		text.WriteString(`"` + name + `": ` + component(r, len(body), name) + "\n")
	}
	text.WriteString(`"@signature-params": ` + parts[1])
	public := clientKey()
	return public != nil && ed25519.Verify(public, []byte(text.String()), signature)
}

func component(r *http.Request, length int, name string) string {
	switch name {
	case "@method":
		return r.Method
	case "@target-uri":
		return "https://" + r.Host + r.RequestURI
	case "content-length":
		return strconv.Itoa(length)
	default:
		return r.Header.Get(name)
	}
}

// clientKey is the public key of the recordings' client; nil when it cannot be read, which verifies nothing.
func clientKey() ed25519.PublicKey {
	text, err := testdata.ReadFile("testdata/client-key.json")
	if err != nil {
		return nil
	}
	var key struct{ PrivateKeyPem string }
	if err := json.Unmarshal(text, &key); err != nil {
		return nil
	}
	private, err := op.ParsePrivateKeyPEM([]byte(key.PrivateKeyPem))
	if err != nil {
		return nil
	}
	public, _ := private.Public().(ed25519.PublicKey)
	return public
}
