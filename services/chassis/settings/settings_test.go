package settings_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/settings"
)

type logSettings struct {
	Level string `env:"TT_LOG_LEVEL" default:"info" help:"debug, info, warn or error"`
}

type sample struct {
	logSettings
	URL     string         `env:"TT_URL,TT_OLD_URL" default:"http://localhost" help:"where it is"`
	Key     logging.Secret `env:"TT_KEY" help:"the key"`
	Timeout time.Duration  `env:"TT_TIMEOUT" default:"15s" help:"how long"`
	Open    bool           `env:"TT_OPEN" default:"false" help:"whether"`
	Workers int            `env:"TT_WORKERS" default:"4" help:"how many"`
	Hosts   []string       `env:"TT_HOSTS" help:"which"`
}

func (s *sample) Validate() error {
	if s.Workers == 0 {
		return settings.Wrong("TT_WORKERS", "must be at least 1")
	}
	return nil
}

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "service.env")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

func TestLoad_DefaultsFileEnvironment(t *testing.T) {
	var s sample
	require.NoError(t, settings.Load(&s, ""))
	require.Equal(t, sample{logSettings: logSettings{"info"}, URL: "http://localhost", Timeout: 15 * time.Second, Workers: 4}, s)

	file := write(t, "TT_URL=http://file\nTT_KEY=\"from file\"\nTT_HOSTS=a, b\nTT_OPEN=true\n")
	t.Setenv("TT_URL", "http://environment")
	t.Setenv("TT_LOG_LEVEL", "warn")
	s = sample{}
	require.NoError(t, settings.Load(&s, file))
	require.Equal(t, "http://environment", s.URL)
	require.Equal(t, "from file", s.Key.Reveal())
	require.Equal(t, []string{"a", "b"}, s.Hosts)
	require.Equal(t, "warn", s.Level)
	require.True(t, s.Open)
}

func TestLoad_OlderName(t *testing.T) {
	t.Setenv("TT_OLD_URL", "http://old")
	var s sample
	require.NoError(t, settings.Load(&s, ""))
	require.Equal(t, "http://old", s.URL)
	t.Setenv("TT_URL", "http://new")
	require.NoError(t, settings.Load(&s, ""))
	require.Equal(t, "http://new", s.URL)
}

func TestLoad_SecretFromFile(t *testing.T) {
	t.Setenv("TT_KEY_FILE", write(t, "s3cret\n"))
	var s sample
	require.NoError(t, settings.Load(&s, ""))
	require.Equal(t, "s3cret", s.Key.Reveal())

	t.Setenv("TT_KEY", "twice")
	require.ErrorContains(t, settings.Load(&s, ""), "TT_KEY is given twice")
	t.Setenv("TT_KEY", "")
	t.Setenv("TT_KEY_FILE", "/nowhere/at/all")
	err := settings.Load(&s, "")
	require.ErrorContains(t, err, "TT_KEY cannot be read")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestLoad_NamesEveryWrongVariable(t *testing.T) {
	t.Setenv("TT_TIMEOUT", "soon")
	t.Setenv("TT_OPEN", "maybe")
	t.Setenv("TT_WORKERS", "4.5")
	err := settings.Load(&sample{}, "")
	require.ErrorContains(t, err, `TT_TIMEOUT must be a length of time such as 500ms, 15s or 10m, not "soon"`)
	require.ErrorContains(t, err, "TT_OPEN must be true or false")
	require.ErrorContains(t, err, "TT_WORKERS must be a whole number")
}

func TestLoad_Validates(t *testing.T) {
	t.Setenv("TT_WORKERS", "0")
	require.EqualError(t, settings.Load(&sample{}, ""), "TT_WORKERS must be at least 1")
}

func TestLoad_MissingFileIsAnError(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, settings.Load(&sample{}, "/nowhere.env"), "/nowhere.env")
}

func TestWriteExample_ListsEveryVariable(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, settings.WriteExample(&out, "sample", sample{}))
	for _, v := range settings.Variables(sample{}) {
		require.Contains(t, out.String(), "\n#"+v.Name+"="+v.Default+"\n")
	}
	require.Contains(t, out.String(), "Also accepted as TT_OLD_URL")
	require.Contains(t, out.String(), "TT_KEY_FILE")
}

// A line that is no setting may still hold a secret.
func TestLoad_AFileThatCannotBeReadShowsNoLine(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"TT_KEY hunter2", "TT_KEY='hunter2", "!=hunter2"} {
		path := filepath.Join(t.TempDir(), "settings.env")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		err := settings.Load(&sample{}, path)
		require.ErrorContains(t, err, path)
		require.NotContains(t, err.Error(), "hunter2")
	}
	require.ErrorContains(t, settings.Load(&sample{}, "/nowhere/settings.env"), "/nowhere/settings.env")
}

// All that is wrong at once, and the rest is there: what cannot be read has its default.
func TestExamine_GoesOn(t *testing.T) {
	t.Setenv("TT_TIMEOUT", "soon")
	t.Setenv("TT_WORKERS", "0")
	t.Setenv("TT_KEY_FILE", "/nowhere/at/all")
	t.Setenv("TT_URL", "http://environment")
	var s sample
	wrong := settings.Examine(&s, write(t, "nonsense\n"))
	require.Len(t, wrong, 4)
	require.ErrorContains(t, wrong[0], "has a line that is not NAME=value")
	for i, variable := range []string{"TT_KEY", "TT_TIMEOUT", "TT_WORKERS"} {
		var of *settings.VariableError
		require.ErrorAs(t, wrong[i+1], &of)
		require.Equal(t, variable, of.Variable)
	}
	require.Equal(t, "http://environment", s.URL)
	require.Equal(t, 15*time.Second, s.Timeout)
}

func TestParts(t *testing.T) {
	t.Parallel()
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	require.Equal(t, []error{a, b, c}, settings.Parts(errors.Join(a, errors.Join(b, nil, c))))
	require.Equal(t, []error{a}, settings.Parts(a))
	require.Empty(t, settings.Parts(nil))
}
