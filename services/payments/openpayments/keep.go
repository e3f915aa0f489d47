package openpayments

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// longestKept bounds what a wallet may say: RFC 9111 section 1.2.2 lets a cache take a longer time for any it likes.
const longestKept = 24 * time.Hour

// keepFor is how long an answer may be kept by its header (RFC 9111 sections 5.1 and 5.2.2): zero when it does not say, negative for not at all. What
// can be read in two ways is read in the stricter one (section 4.2.1).
func keepFor(h http.Header) time.Duration {
	var kept time.Duration
	said := false
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return -1
		case "max-age":
			age, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil || said && time.Duration(age)*time.Second != kept {
				return -1
			}
			kept, said = min(time.Duration(age)*time.Second, longestKept), true
		}
	}
	if !said {
		return 0
	}
	if age, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil {
		kept -= time.Duration(age) * time.Second
	}
	if kept <= 0 {
		return -1
	}
	return kept
}
