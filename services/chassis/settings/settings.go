// Package settings reads a service's configuration into a typed struct: environment
// over file over default.
//
// A field says all there is to know about its variable:
//
//	WebhookSecret logging.Secret `env:"WEBHOOK_SECRET" help:"signs webhooks: whsec_…"`
//	BaseURL       string         `env:"BASE_URL" default:"http://localhost:4001" help:"…"`
//	Marketplace   string         `env:"MARKETPLACE_BASE_URL,DJANGO_BASE_URL" help:"…"`
//
// A second name in env is an older one that is accepted too. A Secret is also read from
// the file that <NAME>_FILE names, as container secrets are mounted. Types are string,
// bool, int, time.Duration, []string (separated by commas) and logging.Secret.
package settings

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/viper"

	"tianguis.example/chassis/logging"
)

// Validator is met by a settings struct that can tell whether it makes sense as a whole.
// Its errors should each name the variable that is wrong; see Wrong.
type Validator interface{ Validate() error }

// VariableError says what is wrong with one variable.
type VariableError struct {
	Variable string // its name; several separated by commas where they belong together
	Err      error
}

func (e *VariableError) Error() string { return e.Variable + " " + e.Err.Error() }

// Unwrap is what is wrong, without the name.
func (e *VariableError) Unwrap() error { return e.Err }

// Wrong is the error of one variable.
func Wrong(variable, format string, args ...any) error {
	return &VariableError{variable, fmt.Errorf(format, args...)}
}

// Load fills the struct that into points to, and validates it. file is a dotenv file
// ("" for none) whose values give way to the environment's. The error names every
// variable that is wrong, one a line, and never shows a secret.
func Load(into any, file string) error {
	source, err := read(file)
	if err != nil {
		return err
	}
	if wrong := fill(into, source); len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	return validate(into)
}

// Examine is Load for whoever wants to hear of all that is wrong, and go on with the rest: a variable that cannot be read
// has its default. It returns one error for each thing that is wrong, a VariableError where it is a variable.
func Examine(into any, file string) []error {
	var wrong []error
	source, err := read(file)
	if err != nil {
		wrong, source = append(wrong, err), viper.New()
	}
	return slices.Concat(wrong, fill(into, source), Parts(validate(into)))
}

// Parts are the errors that errors.Join has joined; none of nil.
func Parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, part := range joined.Unwrap() {
			all = append(all, Parts(part)...)
		}
		return all
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// read gives the environment, and below it the file.
func read(file string) (*viper.Viper, error) {
	source := viper.New()
	source.AllowEmptyEnv(false)
	if file == "" {
		return source, nil
	}
	source.SetConfigFile(file)
	source.SetConfigType("dotenv")
	if err := source.ReadInConfig(); err != nil {
		if _, unreadable := errors.AsType[viper.ConfigParseError](err); unreadable {
			// Its text shows the line, which may hold a secret.
			return nil, fmt.Errorf("the configuration file %s has a line that is not NAME=value", file)
		}
		return nil, fmt.Errorf("read the configuration file %s: %w", file, err)
	}
	return source, nil
}

// fill sets every variable, to its default where what is given cannot be used.
func fill(into any, source *viper.Viper) (wrong []error) {
	target := reflect.ValueOf(into).Elem()
	for _, v := range variables(target.Type()) {
		field := target.FieldByIndex(v.index)
		text, err := v.lookup(source)
		if err == nil {
			err = set(field, text)
		}
		if err != nil {
			wrong = append(wrong, &VariableError{v.Name, err})
			_ = set(field, v.Default) // the zero value where even that is none
		}
	}
	return wrong
}

func validate(into any) error {
	if v, ok := into.(Validator); ok {
		return v.Validate()
	}
	return nil
}

// Variable is one setting as documentation sees it.
type Variable struct {
	Name    string
	Older   []string // names that are accepted too
	Default string
	Help    string
	Secret  bool

	index []int
}

// Variables lists the settings of a struct (or of what a pointer points to), in its order.
func Variables(of any) []Variable {
	t := reflect.TypeOf(of)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return variables(t)
}

var (
	secretType   = reflect.TypeFor[logging.Secret]()
	durationType = reflect.TypeFor[time.Duration]()
)

func variables(t reflect.Type) []Variable {
	var all []Variable
	for _, f := range reflect.VisibleFields(t) {
		env, ok := f.Tag.Lookup("env")
		if !ok {
			continue
		}
		names := strings.Split(env, ",")
		all = append(all, Variable{
			Name: names[0], Older: names[1:],
			Default: f.Tag.Get("default"), Help: f.Tag.Get("help"),
			Secret: f.Type == secretType, index: f.Index,
		})
	}
	return all
}

// lookup asks for the variable under each of its names: all of the environment first,
// then all of the file, then the default.
func (v Variable) lookup(source *viper.Viper) (string, error) {
	names := append([]string{v.Name}, v.Older...)
	if err := source.BindEnv(append([]string{v.Name}, names...)...); err != nil {
		return "", err
	}
	if v.Secret {
		if path := os.Getenv(v.Name + "_FILE"); path != "" {
			if os.Getenv(v.Name) != "" {
				return "", fmt.Errorf("is given twice: set it or %s_FILE, not both", v.Name)
			}
			content, err := os.ReadFile(path) //nolint:gosec // G304: the operator names the file
			if err != nil {
				return "", fmt.Errorf("cannot be read from the file that %s_FILE names: %w", v.Name, errors.Unwrap(err))
			}
			return strings.TrimSpace(string(content)), nil
		}
	}
	for _, name := range names {
		if text := source.GetString(name); text != "" {
			return strings.TrimSpace(text), nil
		}
	}
	return v.Default, nil
}

func set(field reflect.Value, text string) error {
	switch {
	case field.Type() == durationType:
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return fmt.Errorf("must be a length of time such as 500ms, 15s or 10m, not %q", text)
		}
		field.SetInt(int64(d))
	case field.Kind() == reflect.String:
		field.SetString(text)
	case field.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("must be true or false, not %q", text)
		}
		field.SetBool(b)
	case field.Kind() == reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("must be a whole number, not %q", text)
		}
		field.SetInt(int64(n))
	case field.Type() == reflect.TypeFor[[]string]():
		var list []string
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		field.Set(reflect.ValueOf(list))
	default:
		return fmt.Errorf("has a type that settings do not know: %s", field.Type())
	}
	return nil
}
