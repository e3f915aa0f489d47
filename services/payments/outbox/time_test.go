package outbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/payments/outbox"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	noon := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "24h": noon, "1440m": noon, "0s": now, "2026-11-24": noon.Add(-12 * time.Hour),
		"2026-11-24T12:00:00Z": noon, "2026-11-24T06:00:00-06:00": noon, "2026-11-24T12:00:00": noon, "2026-11-24T12:00": noon,
		"2026-11-24 12:00:00": noon, "2026-11-24 12:00": noon, "2026-11-24T12:00:00.000001Z": noon.Add(time.Microsecond),
	} {
		got, err := outbox.ParseTime(text, now)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"yesterday", "-2h", "2026-13-01", "1969-12-31", "0001-01-01", "2000000h", "12", "2026-11-24\x00", " "} {
		_, err := outbox.ParseTime(text, now)
		var known *outbox.Error
		require.ErrorAs(t, err, &known, text)
		require.Equal(t, outbox.CodeInvalidRequest, known.Code)
	}
}
