package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/settings"
)

// FuzzLoad: whatever stands in a file of settings, it is read into values that make sense, or refused by naming the variable or the file; a line that cannot be read
// may hold a secret, and is not in the error.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"TT_URL=http://file\nTT_KEY=\"from file\"\nTT_HOSTS=a, b\nTT_OPEN=true\n", "TT_TIMEOUT=-1s", "TT_TIMEOUT=9999999h", "TT_WORKERS=4.5", "TT_KEY hunter2", "TT_KEY='hunter2", "=x", "export TT_URL=a", "# none\n\n", "TT_HOSTS=,,\x00,", "TT_WORKERS=0",
		"TT_KEY=$TT_URL", "TT_KEY=`id`", "tt_url=lower", "TT_OLD_URL=http://old", "\ufeffTT_URL=a", "TT_URL: yaml",
	} {
		f.Add([]byte(seed))
	}
	file := filepath.Join(f.TempDir(), "service.env")
	f.Fuzz(func(t *testing.T, text []byte) {
		require.NoError(t, os.WriteFile(file, text, 0o600))
		var s sample
		if err := settings.Load(&s, file); err != nil {
			named := strings.Contains(err.Error(), file)
			for _, v := range settings.Variables(sample{}) {
				named = named || strings.Contains(err.Error(), v.Name)
			}
			require.True(t, named, "%v", err)
			require.NotContains(t, err.Error(), "hunter2")
			return
		}
		require.GreaterOrEqual(t, s.Timeout, time.Duration(0))
		require.NotZero(t, s.Workers, "it does not validate")
		for _, host := range s.Hosts {
			require.True(t, host != "" && strings.TrimSpace(host) == host, "%q", host)
		}
		require.NotEmpty(t, s.URL, "it has a default")
		require.Empty(t, settings.Examine(new(sample), file), "both ways to read it agree")
	})
}
