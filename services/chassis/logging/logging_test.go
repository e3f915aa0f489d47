package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/logging"
)

func TestSecret_IsNeverShown(t *testing.T) {
	t.Parallel()
	const planted = "hunter2"
	type settings struct {
		Key   logging.Secret
		Inner struct{ Token logging.Secret }
	}
	s := settings{Key: planted}
	s.Inner.Token = planted

	var out bytes.Buffer
	for _, format := range []string{"text", "json"} {
		log, err := logging.New(&out, format, "debug")
		require.NoError(t, err)
		log.InfoContext(t.Context(), "settings", "all", s, "key", s.Key, "pointer", &s)
	}
	fmt.Fprintf(&out, "%v %+v %#v %s %q", s, s, s, s.Key, s.Key)
	body, err := json.Marshal(s)
	require.NoError(t, err)
	out.Write(body)

	require.NotContains(t, out.String(), planted)
	require.Contains(t, out.String(), "[redacted]")
	require.Equal(t, planted, s.Key.Reveal())
}

func TestNew_AddsTheRequestID(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := logging.New(&out, "json", "info")
	require.NoError(t, err)
	log.With("service", "payments").InfoContext(logging.WithRequestID(context.Background(), "01J"), "hello")
	require.Contains(t, out.String(), `"request_id":"01J"`)
	log.DebugContext(context.Background(), "quiet")
	require.NotContains(t, out.String(), "quiet")
}

func TestNew_RefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	_, err := logging.New(nil, "xml", "info")
	require.ErrorContains(t, err, `"xml"`)
	_, err = logging.New(nil, "json", "loud")
	require.ErrorContains(t, err, `"loud"`)
}
