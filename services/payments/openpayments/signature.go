package openpayments

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// signRequest sets Content-Digest, Signature-Input and Signature on r, whose body (nil
// for none), Authorization and Content-Type are final. Which components a wallet
// expects, and in which order, is PROTOCOL.md, Signatures; how they are written is
// RFC 9421 section 2.
func signRequest(ctx context.Context, r *http.Request, body []byte, signer Signer, created time.Time) error {
	if len(body) > 0 {
		r.Header.Set("Content-Digest", contentDigest(body))
	}
	names := covered(r, len(body) > 0)
	params := signatureParams(names, signer.KeyID(), created)
	signature, err := signer.Sign(ctx, []byte(signatureBase(r, len(body), names, params)))
	if err != nil {
		return fmt.Errorf("sign request: %w", err)
	}
	r.Header.Set("Signature-Input", "sig1="+params)
	r.Header.Set("Signature", "sig1=:"+base64.StdEncoding.EncodeToString(signature)+":")
	return nil
}

// contentDigest is the Content-Digest of body (RFC 9530) with the one algorithm that
// wallets take.
func contentDigest(body []byte) string {
	sum := sha512.Sum512(body)
	return "sha-512=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// covered lists what a request's signature covers, in the order that wallets use.
func covered(r *http.Request, hasBody bool) []string {
	names := []string{"@method", "@target-uri"}
	if r.Header.Get("Authorization") != "" {
		names = append(names, "authorization")
	}
	if hasBody {
		names = append(names, "content-digest", "content-length", "content-type")
	}
	return names
}

func signatureParams(names []string, keyID string, created time.Time) string {
	return `("` + strings.Join(names, `" "`) + `");keyid="` + keyID +
		`";created=` + strconv.FormatInt(created.Unix(), 10)
}

// signatureBase is the text that is signed (RFC 9421 section 2.5).
func signatureBase(r *http.Request, bodyLength int, names []string, params string) string {
	var base strings.Builder
	for _, name := range names {
		base.WriteString(`"` + name + `": ` + componentValue(r, bodyLength, name) + "\n")
	}
	base.WriteString(`"@signature-params": ` + params)
	return base.String()
}

func componentValue(r *http.Request, bodyLength int, name string) string {
	switch name {
	case "@method":
		return r.Method
	case "@target-uri":
		return targetURI(r.URL)
	case "content-length":
		return strconv.Itoa(bodyLength) // Go writes this header itself
	default:
		return r.Header.Get(name)
	}
}
