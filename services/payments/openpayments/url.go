package openpayments

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// maxURLLength bounds every URL that is sent or believed, in bytes.
const maxURLLength = 4096

// checkURL reports why raw cannot be used verbatim as a request's target: it must be
// an absolute http or https URL without user or fragment, in the very form in which
// Go would write it on the wire, because @target-uri is signed byte for byte.
// Its errors do not repeat the URL.
func checkURL(raw string) error {
	_, err := parseURL(raw)
	return err
}

func parseURL(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, errors.New("the URL is empty")
	}
	if len(raw) > maxURLLength {
		return nil, fmt.Errorf("the URL is longer than %d bytes", maxURLLength)
	}
	for i := range len(raw) {
		if raw[i] <= ' ' || raw[i] >= 0x7f {
			return nil, errors.New("the URL holds a character that must be percent-encoded")
		}
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("the URL cannot be read")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the URL is not http or https")
	case u.Hostname() == "":
		return nil, errors.New("the URL names no host")
	case u.User != nil:
		return nil, errors.New("the URL holds a user")
	case strings.Contains(raw, "#"):
		return nil, errors.New("the URL has a fragment")
	case u.String() != raw:
		return nil, errors.New("the URL is not in its normal form")
	}
	return u, nil
}

// targetURI is the @target-uri of a request to u: u itself, with the slash that HTTP
// puts in place of an empty path (RFC 9110 section 4.2.3), since that is what the
// server sees.
func targetURI(u *url.URL) string {
	if u.Path != "" {
		return u.String()
	}
	withPath := *u
	withPath.Path = "/"
	return withPath.String()
}

// join puts a path below a base that a server handed out, which may itself have a path
// (a tenant). A base with a query has no below.
func join(base, path string) (string, error) {
	if err := checkURL(base); err != nil {
		return "", err
	}
	if strings.Contains(base, "?") {
		return "", errors.New("the URL has a query")
	}
	return strings.TrimSuffix(base, "/") + path, nil
}

// sameResource reports whether two URLs name the same thing. The scheme does not
// count: a development wallet on plain http puts https into its ids (PROTOCOL.md,
// Local hosts), and no choice of scheme makes another payment of one.
func sameResource(a, b string) bool {
	return withoutScheme(a) == withoutScheme(b)
}

func withoutScheme(raw string) string {
	if rest, ok := strings.CutPrefix(raw, "https://"); ok {
		return rest
	}
	return strings.TrimPrefix(raw, "http://")
}
