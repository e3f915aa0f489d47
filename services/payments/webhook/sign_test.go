package webhook_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"tianguis.example/payments/webhook"
)

const (
	id   = "01JDD0000000000000000000AA"
	body = `{"type":"payment.completed","offerId":"ñ \u0026 <b>"}` + "\n"
)

var at = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func secret(t *testing.T) (string, webhook.Secrets) {
	t.Helper()
	text := webhook.GenerateSecret()
	parsed, err := webhook.ParseSecrets(text)
	require.NoError(t, err)
	return text, parsed
}

func signed(secrets webhook.Secrets) http.Header {
	h := http.Header{}
	secrets.Sign(h, id, at, []byte(body))
	return h
}

// The example of the specification, https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
// and of every library's tests.
func TestSign_PublishedVector(t *testing.T) {
	t.Parallel()
	secrets, err := webhook.ParseSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	require.NoError(t, err)
	h := http.Header{}
	secrets.Sign(h, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", h.Get(webhook.HeaderSignature))
	require.Equal(t, "1614265330", h.Get(webhook.HeaderTimestamp))
	require.Equal(t, "msg_p5jXN8AQM9LWM0D4loKWxJek", h.Get(webhook.HeaderID))
}

// The official library reads the machine's clock, so these two sign for now.
func TestSign_TheOfficialLibraryVerifies(t *testing.T) {
	t.Parallel()
	older, _ := secret(t)
	newer, _ := secret(t)
	both, err := webhook.ParseSecrets(newer + " " + older)
	require.NoError(t, err)
	h := http.Header{}
	both.Sign(h, id, time.Now(), []byte(body))
	for _, text := range []string{older, newer} {
		official, err := standardwebhooks.NewWebhook(text)
		require.NoError(t, err)
		require.NoError(t, official.Verify([]byte(body), h))
		require.Error(t, official.Verify([]byte(body+" "), h))
	}
	third, _ := secret(t)
	official, err := standardwebhooks.NewWebhook(third)
	require.NoError(t, err)
	require.Error(t, official.Verify([]byte(body), h))
}

func TestVerify_WhatTheOfficialLibrarySigned(t *testing.T) {
	t.Parallel()
	text, secrets := secret(t)
	official, err := standardwebhooks.NewWebhook(text)
	require.NoError(t, err)
	signature, err := official.Sign(id, at, []byte(body))
	require.NoError(t, err)
	h := http.Header{}
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, signature)
	require.NoError(t, secrets.Verify(h, []byte(body), at))
}

func TestVerify_RefusesWhatWasAltered(t *testing.T) {
	t.Parallel()
	_, secrets := secret(t)
	_, others := secret(t)
	signature := signed(secrets).Get(webhook.HeaderSignature)
	foreign := signed(others).Get(webhook.HeaderSignature)
	_, encoded, _ := strings.Cut(signature, ",")
	for name, c := range map[string]struct {
		alter func(h http.Header)
		body  string
		want  error
	}{
		"as it was":             {func(http.Header) {}, body, nil},
		"another body":          {func(http.Header) {}, strings.Replace(body, "completed", "failed", 1), webhook.ErrBadSignature},
		"no body":               {func(http.Header) {}, "", webhook.ErrBadSignature},
		"the body without \\n":  {func(http.Header) {}, strings.TrimSpace(body), webhook.ErrBadSignature},
		"another id":            {func(h http.Header) { h.Set(webhook.HeaderID, "01JDD0000000000000000000AB") }, body, webhook.ErrBadSignature},
		"a later timestamp":     {func(h http.Header) { h.Set(webhook.HeaderTimestamp, strconv.FormatInt(at.Unix()+1, 10)) }, body, webhook.ErrBadSignature},
		"the same, otherwise":   {func(h http.Header) { h.Set(webhook.HeaderTimestamp, "+"+h.Get(webhook.HeaderTimestamp)) }, body, webhook.ErrBadSignature},
		"a dot moved":           {func(h http.Header) { h.Set(webhook.HeaderID, id+"."); h.Set(webhook.HeaderTimestamp, "0") }, body, webhook.ErrTimestamp},
		"a foreign signature":   {func(h http.Header) { h.Set(webhook.HeaderSignature, foreign) }, body, webhook.ErrBadSignature},
		"truncated":             {func(h http.Header) { h.Set(webhook.HeaderSignature, signature[:len(signature)-1]) }, body, webhook.ErrBadSignature},
		"truncated by 4":        {func(h http.Header) { h.Set(webhook.HeaderSignature, signature[:len(signature)-4]) }, body, webhook.ErrBadSignature},
		"with more at its end":  {func(h http.Header) { h.Set(webhook.HeaderSignature, signature+"AAAA") }, body, webhook.ErrBadSignature},
		"doubled in one":        {func(h http.Header) { h.Set(webhook.HeaderSignature, signature+","+encoded) }, body, webhook.ErrBadSignature},
		"twice":                 {func(h http.Header) { h.Set(webhook.HeaderSignature, signature+" "+signature) }, body, nil},
		"after a foreign one":   {func(h http.Header) { h.Set(webhook.HeaderSignature, foreign+" "+signature) }, body, nil},
		"after rubbish":         {func(h http.Header) { h.Set(webhook.HeaderSignature, "v1 , v1,, v1,% v1a,x "+signature) }, body, nil},
		"an asymmetric one":     {func(h http.Header) { h.Set(webhook.HeaderSignature, "v1a,"+encoded) }, body, webhook.ErrBadSignature},
		"without a version":     {func(h http.Header) { h.Set(webhook.HeaderSignature, encoded) }, body, webhook.ErrBadSignature},
		"an empty one":          {func(h http.Header) { h.Set(webhook.HeaderSignature, "v1,") }, body, webhook.ErrBadSignature},
		"spaces":                {func(h http.Header) { h.Set(webhook.HeaderSignature, " ") }, body, webhook.ErrBadSignature},
		"unsigned":              {func(h http.Header) { h.Del(webhook.HeaderSignature) }, body, webhook.ErrUnsigned},
		"without an id":         {func(h http.Header) { h.Del(webhook.HeaderID) }, body, webhook.ErrUnsigned},
		"without a timestamp":   {func(h http.Header) { h.Del(webhook.HeaderTimestamp) }, body, webhook.ErrUnsigned},
		"a timestamp of words":  {func(h http.Header) { h.Set(webhook.HeaderTimestamp, "noon") }, body, webhook.ErrTimestamp},
		"a fraction of seconds": {func(h http.Header) { h.Set(webhook.HeaderTimestamp, h.Get(webhook.HeaderTimestamp)+".0") }, body, webhook.ErrTimestamp},
		"in milliseconds":       {func(h http.Header) { h.Set(webhook.HeaderTimestamp, h.Get(webhook.HeaderTimestamp)+"000") }, body, webhook.ErrTimestamp},
		"the end of time":       {func(h http.Header) { h.Set(webhook.HeaderTimestamp, "9223372036854775807") }, body, webhook.ErrTimestamp},
		"the beginning of time": {func(h http.Header) { h.Set(webhook.HeaderTimestamp, "-9223372036854775808") }, body, webhook.ErrTimestamp},
		"beyond the end":        {func(h http.Header) { h.Set(webhook.HeaderTimestamp, "9223372036854775808") }, body, webhook.ErrTimestamp},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := signed(secrets)
			c.alter(h)
			require.ErrorIs(t, secrets.Verify(h, []byte(c.body), at), c.want)
		})
	}
}

func TestVerify_FiveMinutesEitherWay(t *testing.T) {
	t.Parallel()
	_, secrets := secret(t)
	h := signed(secrets)
	for away, want := range map[time.Duration]error{
		0:                                   nil,
		5 * time.Minute:                     nil,
		5*time.Minute + time.Microsecond:    webhook.ErrTimestamp,
		-5 * time.Minute:                    nil,
		-5*time.Minute - time.Microsecond:   webhook.ErrTimestamp,
		24 * 365 * 200 * time.Hour:          webhook.ErrTimestamp,
		-(24 * 365 * 200 * time.Hour):       webhook.ErrTimestamp,
		5*time.Minute - time.Microsecond:    nil,
		-(5*time.Minute - time.Microsecond): nil,
	} {
		require.ErrorIs(t, secrets.Verify(h, []byte(body), at.Add(away)), want, away)
	}
}

func TestVerify_WhileASecretIsReplaced(t *testing.T) {
	t.Parallel()
	olderText, older := secret(t)
	newerText, newer := secret(t)
	both, err := webhook.ParseSecrets(" " + newerText + "\n" + olderText + " ")
	require.NoError(t, err)

	require.Len(t, strings.Fields(signed(both).Get(webhook.HeaderSignature)), 2)
	for name, c := range map[string]struct{ signs, verifies webhook.Secrets }{
		"the receiver is behind": {both, older},
		"the receiver is ahead":  {both, newer},
		"the sender is behind":   {older, both},
		"the sender is ahead":    {newer, both},
		"both know both":         {both, both},
	} {
		require.NoError(t, c.verifies.Verify(signed(c.signs), []byte(body), at), name)
	}
	require.ErrorIs(t, older.Verify(signed(newer), []byte(body), at), webhook.ErrBadSignature)
	require.ErrorIs(t, webhook.Secrets(nil).Verify(signed(both), []byte(body), at), webhook.ErrBadSignature)
}

// A signature with an empty key can be made by anybody.
func TestVerify_NoSecretBelievesNothing(t *testing.T) {
	t.Parallel()
	mac := hmac.New(sha256.New, nil)
	fmt.Fprintf(mac, "%s.%d.%s", id, at.Unix(), body)
	h := http.Header{}
	h.Set(webhook.HeaderID, id)
	h.Set(webhook.HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(webhook.HeaderSignature, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	require.ErrorIs(t, webhook.Secrets{}.Verify(h, []byte(body), at), webhook.ErrBadSignature)
}

func TestParseSecrets_Refuses(t *testing.T) {
	t.Parallel()
	good := webhook.GenerateSecret()
	encoded := func(n int) string { return "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for _, text := range []string{
		"", " \n", "whsec_", "secret", strings.TrimPrefix(good, "whsec_"), "whsec_%%%", encoded(23), encoded(65), good + " planted", good + good,
		"WHSEC_" + strings.TrimPrefix(good, "whsec_"),
	} {
		_, err := webhook.ParseSecrets(text)
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), strings.TrimPrefix(good, "whsec_"))
		require.NotContains(t, err.Error(), "planted")
	}
	for _, n := range []int{24, 64} {
		_, err := webhook.ParseSecret(encoded(n))
		require.NoError(t, err)
	}
}

func TestGenerateSecret_IsNewEachTime(t *testing.T) {
	t.Parallel()
	first, second := webhook.GenerateSecret(), webhook.GenerateSecret()
	require.NotEqual(t, first, second)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(webhook.GenerateSecret(), "whsec_"))
	require.NoError(t, err)
	require.Len(t, key, 32)
}

func TestSecret_IsNotPrinted(t *testing.T) {
	t.Parallel()
	_, secrets := secret(t)
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, printed := range []string{fmt.Sprintf(format, secrets), fmt.Sprintf(format, secrets[0]), fmt.Sprintf(format, &secrets[0]), fmt.Sprintf(format, struct{ S webhook.Secrets }{secrets})} {
			require.Contains(t, printed, "[redacted]", format)
			require.NotRegexp(t, `\d{2}`, printed, format)
		}
	}
}

func FuzzVerify(f *testing.F) {
	secrets, err := webhook.ParseSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		f.Fatal(err)
	}
	h := signed(secrets)
	genuine := h.Get(webhook.HeaderSignature)
	f.Add(id, h.Get(webhook.HeaderTimestamp), genuine, []byte(body))
	f.Add(id, h.Get(webhook.HeaderTimestamp), "v1,"+" v1,%%% "+genuine, []byte(body))
	f.Add(id, "-1", "v1", []byte{})
	f.Add("", "", "", []byte("{}"))
	f.Fuzz(func(t *testing.T, anID, timestamp, signature string, content []byte) {
		h := http.Header{}
		h.Set(webhook.HeaderID, anID)
		h.Set(webhook.HeaderTimestamp, timestamp)
		h.Set(webhook.HeaderSignature, signature)
		believed := secrets.Verify(h, content, at) == nil
		carries := strings.Contains(signature, genuine)
		if believed && (anID != id || string(content) != body || !carries) {
			t.Fatalf("believed %q %q %q %q", anID, timestamp, signature, content)
		}
	})
}

// Asymmetric signatures (Standard Webhooks, "v1a"): Ed25519 over the same content, which anybody with the public half can check.
func TestSign_Asymmetric(t *testing.T) {
	t.Parallel()
	privateText, publicText := webhook.GenerateKeyPair()
	private, err := webhook.ParseSecrets(privateText)
	require.NoError(t, err)
	public, err := webhook.ParseSecrets(publicText)
	require.NoError(t, err)
	require.True(t, private[0].Signs())
	require.False(t, public[0].Signs())
	require.Equal(t, publicText, private[0].ForReceiver())
	require.Equal(t, private[0].Fingerprint(), public[0].Fingerprint())

	h := signed(private)
	encoded, ok := strings.CutPrefix(h.Get(webhook.HeaderSignature), "v1a,")
	require.True(t, ok)
	signature, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(publicText, "whpk_"))
	require.NoError(t, err)
	require.True(t, ed25519.Verify(key, fmt.Appendf(nil, "%s.%d.%s", id, at.Unix(), body), signature))
	require.NoError(t, public.Verify(h, []byte(body), at))
	require.NoError(t, private.Verify(h, []byte(body), at))
	require.ErrorIs(t, public.Verify(h, []byte(body+" "), at), webhook.ErrBadSignature)

	_, otherText := webhook.GenerateKeyPair()
	other, err := webhook.ParseSecrets(otherText)
	require.NoError(t, err)
	require.ErrorIs(t, other.Verify(h, []byte(body), at), webhook.ErrBadSignature)

	// Beside a symmetric one: each receiver checks its own, and neither takes the other's version for its own.
	_, symmetric := secret(t)
	mixed := signed(append(symmetric[:1:1], private...))
	require.NoError(t, symmetric.Verify(mixed, []byte(body), at))
	require.NoError(t, public.Verify(mixed, []byte(body), at))
	mixed.Set(webhook.HeaderSignature, "v1,"+encoded)
	require.ErrorIs(t, public.Verify(mixed, []byte(body), at), webhook.ErrBadSignature)

	for _, text := range []string{privateText, publicText} {
		for _, wrong := range []string{text[:len(text)-4], text + "AAAA", strings.Replace(text, "whsk_", "whpk_", 1) + "=", "whsec_" + text} {
			_, err := webhook.ParseSecret(wrong)
			require.Error(t, err)
			require.NotContains(t, err.Error(), text[5:])
		}
	}
	half, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(privateText, "whsk_"))
	require.NoError(t, err)
	half[63] ^= 1 // a private key whose public half is another's
	_, err = webhook.ParseSecret("whsk_" + base64.StdEncoding.EncodeToString(half))
	require.Error(t, err)
}

// FuzzParseSecrets: what is read comes back from its text, verifies what it signs, and is never in an error.
func FuzzParseSecrets(f *testing.F) {
	private, public := webhook.GenerateKeyPair()
	for _, seed := range []string{webhook.GenerateSecret(), private, public, private + " " + webhook.GenerateSecret(), "whsec_", "whsec_AAAA", "whsk_%%%", "_", "whpk_" + strings.Repeat("A", 44)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		secrets, err := webhook.ParseSecrets(text)
		if err != nil {
			if len(text) > 12 && strings.Contains(err.Error(), text) {
				t.Fatalf("the error tells the secret: %v", err)
			}
			return
		}
		signing := webhook.Secrets{}
		for _, s := range secrets {
			again, err := webhook.ParseSecret(s.Text())
			if err != nil || again.Fingerprint() != s.Fingerprint() || again.Version() != s.Version() || again.Signs() != s.Signs() {
				t.Fatalf("%v came back as %v, %v", s.Fingerprint(), again.Fingerprint(), err)
			}
			if s.Signs() {
				signing = append(signing, s)
			}
		}
		if len(signing) == 0 {
			return
		}
		h := http.Header{}
		signing.Sign(h, id, at, []byte(body))
		if err := secrets.Verify(h, []byte(body), at); err != nil {
			t.Fatalf("%d secrets signed what they do not believe: %v", len(signing), err)
		}
		if secrets.Verify(h, []byte(body+" "), at) == nil {
			t.Fatal("a signature of another body was believed")
		}
	})
}

// FuzzVerifyHeaders: whatever stands in the headers, each as often as it likes, nothing is believed that was not signed, in either kind of signature.
func FuzzVerifyHeaders(f *testing.F) {
	// The same keys in all of the fuzzer's processes, or the seeds would be genuine in one of them only.
	private, err := webhook.ParseSecrets("whsk_" + base64.StdEncoding.EncodeToString([]byte("thirty-two bytes that are no key")))
	if err != nil {
		f.Fatal(err)
	}
	verifying, err := webhook.ParseSecrets(private[0].ForReceiver() + " whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		f.Fatal(err)
	}
	genuine := http.Header{}
	private.Sign(genuine, id, at, []byte(body))
	signature, stamp := genuine.Get(webhook.HeaderSignature), genuine.Get(webhook.HeaderTimestamp)
	f.Add(id, id, stamp, stamp, signature, "", []byte(body))
	f.Add("", id, "0", stamp, "v1a,", signature, []byte(body))
	f.Add(id, "", "+"+stamp, "", "v1,"+strings.TrimPrefix(signature, "v1a,"), "v1a", []byte("{}"))
	f.Fuzz(func(t *testing.T, id1, id2, at1, at2, signature1, signature2 string, content []byte) {
		h := http.Header{}
		for name, values := range map[string][2]string{
			webhook.HeaderID: {id1, id2}, webhook.HeaderTimestamp: {at1, at2}, webhook.HeaderSignature: {signature1, signature2},
		} {
			for _, value := range values {
				if value != "" {
					h.Add(name, value)
				}
			}
		}
		if verifying.Verify(h, content, at) != nil {
			return
		}
		// Whoever reads the headers sees what was signed, and these keys have signed one body only.
		if h.Get(webhook.HeaderID) != id || h.Get(webhook.HeaderTimestamp) != stamp || string(content) != body {
			t.Fatalf("believed %v over %q", h, content)
		}
	})
}
