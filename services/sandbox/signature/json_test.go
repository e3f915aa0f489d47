package signature_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/sandbox/signature"
)

// What Node 20 prints for JSON.stringify(JSON.parse(…)).
var reserialised = []struct{ in, out string }{
	{`{"b":1,"a":2}`, `{"b":1,"a":2}`},
	{`{ "x" : [ 1.0, 1e3, 1E400, -0, 0.1, 1e21, 1e-7, 123456789012345678901 ] }`, `{"x":[1,1000,null,0,0.1,1e+21,1e-7,123456789012345680000]}`},
	{`{"2":1,"1":2,"b":3,"01":4,"4294967295":5,"4294967294":6}`, `{"1":2,"2":1,"4294967294":6,"b":3,"01":4,"4294967295":5}`},
	{`{"-1":1,"0":2,"1.0":3}`, `{"0":2,"-1":1,"1.0":3}`},
	{`{"a":1,"b":2,"a":3}`, `{"a":3,"b":2}`},
	{`"\u003ctea\u003e \u0026 \/ \u2028 \u0007 \n \ud83d\ude00 \ud800 \udc00x"`, "\"<tea> & / \u2028 \\u0007 \\n 😀 \\ud800 \\udc00x\""},
	{"\"\u2028<>&é😀\"", "\"\u2028<>&é😀\""},
	{`"\b\f\n\r\t\\\""`, `"\b\f\n\r\t\\\""`},
	{`[ ]`, `[]`},
	{`{ }`, `{}`},
	{`[null, true , false,{"k":[]}]`, `[null,true,false,{"k":[]}]`},
	{"  {\"a\" : \"b\"}\n", `{"a":"b"}`},
	{`9007199254740993`, `9007199254740992`},
	{`1.7976931348623157e308`, `1.7976931348623157e+308`},
	{`5e-324`, `5e-324`},
}

func TestReserialise_AsJavaScriptDoes(t *testing.T) {
	t.Parallel()
	for _, c := range reserialised {
		out, err := signature.Reserialise([]byte(c.in))
		require.NoError(t, err)
		require.Equal(t, c.out, string(out), c.in)
	}
}

func TestReserialise_RefusesWhatIsNoJSON(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "{", `{"a":}`, "nul", `{"a":1}x`} {
		_, err := signature.Reserialise([]byte(in))
		require.Error(t, err, in)
	}
}

func FuzzReserialise(f *testing.F) {
	for _, c := range reserialised {
		f.Add([]byte(c.in))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		once, err := signature.Reserialise(in)
		if err != nil {
			require.False(t, json.Valid(in))
			return
		}
		twice, err := signature.Reserialise(once)
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice), "what is serialised stays as it is")
	})
}
