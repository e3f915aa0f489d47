// Package cli is what the command lines of all programs have in common: exit codes, errors that a program can read, and answers as JSON.
// docs/commandline.md has the table of exit codes for people.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/settings"
)

// The exit codes. They say what a script can do about it; the error's code says what it was.
const (
	OK          = 0
	Failed      = 1 // it did not work
	WrongUsage  = 2 // arguments, flags or settings are wrong: nothing was done
	NotFound    = 3 // what was named does not exist
	Differences = 4 // a check was made, and found something
	Unreachable = 5 // a service or database does not answer
)

// The codes of errors that have none of their own.
const (
	codeFailed        = "failed"
	codeUsage         = "usage"
	codeConfiguration = "configuration"
	codeNotFound      = "not_found"
	codeDifferences   = "differences"
	codeUnreachable   = "unreachable"
)

// Error is an error that knows what the program ends with.
type Error struct {
	Exit int
	Code string // a stable word
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// Usage is err as the error of who called; nil for none.
func Usage(err error) error { return as(WrongUsage, codeUsage, err) }

// Usagef makes an error of who called.
func Usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

// Missing is err as that of something that does not exist; nil for none.
func Missing(err error) error { return as(NotFound, codeNotFound, err) }

// Found is err as what a check found; nil for none.
func Found(err error) error { return as(Differences, codeDifferences, err) }

// Away is err as that of a service or database that does not answer; nil for none.
func Away(err error) error { return as(Unreachable, codeUnreachable, err) }

func as(exit int, code string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Exit: exit, Code: code, Err: err}
}

// Explain says what err is. A program's own errors are known to more, which is asked after Error; it may be nil, and returns nil for what it
// does not know. Never nil for an error.
func Explain(err error, more func(error) *Error) *Error {
	if known, ok := errors.AsType[*Error](err); ok {
		return &Error{known.Exit, known.Code, err}
	}
	if more != nil {
		if known := more(err); known != nil {
			return known
		}
	}
	if _, ok := errors.AsType[*settings.VariableError](err); ok {
		return &Error{WrongUsage, codeConfiguration, err}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op != "listen" {
		return &Error{Unreachable, codeUnreachable, err}
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return &Error{Unreachable, codeUnreachable, err}
	}
	return &Error{Failed, codeFailed, err}
}

// Execute runs a command line and returns what the program ends with; an error is told on root's stderr: in words, or for --json as one line
// {"error":{"code","message"}}. args are without the program's name.
func Execute(ctx context.Context, root *cobra.Command, args []string, more func(error) *Error) int {
	err := Run(ctx, root, args)
	if err == nil {
		return OK
	}
	known := Explain(err, more)
	if !wantsJSON(args) {
		_, _ = fmt.Fprintf(root.ErrOrStderr(), "%s: %v\n", root.Name(), err)
		return known.Exit
	}
	type failure struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	_ = writeJSON(root.ErrOrStderr(), map[string]failure{"error": {known.Code, err.Error()}}, "")
	return known.Exit
}

// Run is Execute that returns the error. What goes wrong before a command begins, such as an unknown flag, is a Usage error.
func Run(ctx context.Context, root *cobra.Command, args []string) error {
	began := false
	Walk(root, func(c *cobra.Command) {
		if run := c.RunE; run != nil {
			c.RunE = func(c *cobra.Command, args []string) error {
				began = true
				return run(c, args)
			}
		} else if c.Run == nil && c.HasParent() && c.HasSubCommands() && c.Args == nil {
			// Cobra shows the help for a misspelt command of a group, and ends with 0.
			c.Args = cobra.NoArgs
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !began {
		return Usage(err)
	}
	return err
}

// wantsJSON reads --json from the arguments themselves: an error must be told right also when they are what is wrong.
func wantsJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--"+jsonFlag) || slices.Contains(args, "--"+jsonFlag+"=true")
}

const (
	jsonFlag   = "json"
	noJSONMark = "tianguis_no_json"
)

// WithJSON gives a command the flag --json; its answer goes through Print.
func WithJSON(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().Bool(jsonFlag, false, "print JSON")
	return cmd
}

// NoJSON says why a command has no --json.
func NoJSON(cmd *cobra.Command, why string) *cobra.Command {
	if cmd.Annotations == nil {
		cmd.Annotations = map[string]string{}
	}
	cmd.Annotations[noJSONMark] = why
	return cmd
}

// AsJSON reports whether the command was asked for JSON.
func AsJSON(cmd *cobra.Command) bool {
	asked, err := cmd.Flags().GetBool(jsonFlag)
	return err == nil && asked
}

// Print answers: with v as JSON where the command was asked for that, or else with what words writes.
func Print(cmd *cobra.Command, v any, words func(io.Writer) error) error {
	if AsJSON(cmd) {
		return JSON(cmd.OutOrStdout(), v)
	}
	return words(cmd.OutOrStdout())
}

// Say is Print with one sentence, after which the line ends.
func Say(cmd *cobra.Command, v any, format string, args ...any) error {
	return Print(cmd, v, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, format+"\n", args...)
		return err
	})
}

// JSON writes v as a document for people's eyes as well: indented, and with <, > and & as they are.
func JSON(w io.Writer, v any) error { return writeJSON(w, v, "  ") }

// Line writes v as one line, for a stream.
func Line(w io.Writer, v any) error { return writeJSON(w, v, "") }

func writeJSON(w io.Writer, v any, indent string) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", indent)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// Walk calls do for root and all commands below it, those that cobra adds included.
func Walk(root *cobra.Command, do func(*cobra.Command)) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	walk(root, do)
}

func walk(c *cobra.Command, do func(*cobra.Command)) {
	do(c)
	for _, below := range c.Commands() {
		walk(below, do)
	}
}

// Own reports whether a command is ours, and not one that cobra adds.
func Own(c *cobra.Command) bool {
	path := strings.Fields(c.CommandPath())
	return len(path) < 2 || path[1] != "help" && path[1] != "completion"
}

// WithoutJSON are the paths of the commands that have neither --json nor an excuse (NoJSON).
func WithoutJSON(root *cobra.Command) []string {
	var bare []string
	Walk(root, func(c *cobra.Command) {
		if Own(c) && c.Runnable() && c.Flags().Lookup(jsonFlag) == nil && c.Annotations[noJSONMark] == "" {
			bare = append(bare, c.CommandPath())
		}
	})
	return bare
}

// Words are completions of an argument or a flag whose values are known.
func Words[S ~string](values []S, more ...S) cobra.CompletionFunc {
	var all []cobra.Completion
	for _, v := range slices.Concat(values, more) {
		all = append(all, string(v))
	}
	return cobra.FixedCompletions(all, cobra.ShellCompDirectiveNoFileComp)
}

// Choose completes a flag of cmd with the values that it may have.
func Choose[S ~string](cmd *cobra.Command, flag string, values []S, more ...S) {
	if err := cmd.RegisterFlagCompletionFunc(flag, Words(values, more...)); err != nil {
		panic(err) // the flag is defined beside every caller
	}
}
