package apikey_test

import (
	"strings"
	"testing"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/apikey"
)

// FuzzParseConfigured: whatever stands in PAYMENTS_API_KEY, a key opens what its scope says and nothing more, no other text opens anything, and no
// error shows a key.
func FuzzParseConfigured(f *testing.F) {
	key := apikey.Generate()
	for _, seed := range [][2]string{
		{key, key}, {"pay:" + key, key}, {"read:sha256:" + apikey.HashOf(key).String(), key}, {key + " pay:" + apikey.Generate(), "pay:" + key},
		{"pya:" + key, key}, {"sha256:00", "sha256:00"}, {"admin:" + key + "\tread:" + key, key}, {"", ""}, {"pay:pay:" + key, key}, {"read:", "read:"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, configured, shown string) {
		keys, err := apikey.ParseConfigured(configured)
		if err != nil {
			for field := range strings.FieldsSeq(configured) {
				if len(field) > 32 && strings.Contains(err.Error(), field) {
					t.Fatalf("the error shows a key: %v", err)
				}
			}
			return
		}
		most := -1 // of the scopes that this key was given
		for i, scope := range apikey.Scopes {
			for _, k := range keys {
				if k.Hash == apikey.HashOf(shown) && k.Scope == scope {
					most = i
				}
			}
		}
		gate := apikey.NewGate(keys, apikey.Limits{}, clock.System())
		if gate.Open() {
			if len(keys) > 0 {
				t.Fatal("a gate with keys is open")
			}
			return
		}
		for i, scope := range apikey.Scopes {
			_, err := gate.Admit(from("10.0.0.1", shown), scope)
			if (err == nil) != (i <= most) {
				t.Fatalf("with %q, %q for %s: %v", configured, shown, scope, err)
			}
		}
	})
}
