package outbox

import "time"

// timeLayouts are the ways in which a time may be written; what names no zone is UTC.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly}

// ParseTime reads what an operator writes for Since or Until: a time, a date (UTC), or a duration before now. "" is the zero time. Errors: CodeInvalidRequest.
func ParseTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, ok := parseTime(text, now)
	if !ok || at.Unix() < 0 { // ids begin with the milliseconds since 1970
		return time.Time{}, Errorf(CodeInvalidRequest, "%.40q is no time: write 2026-11-25T12:00:00Z, 2026-11-25, or 2h for two hours ago", text)
	}
	return at, nil
}

func parseTime(text string, now time.Time) (time.Time, bool) {
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago), ago >= 0
	}
	for _, layout := range timeLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), true
		}
	}
	return time.Time{}, false
}
