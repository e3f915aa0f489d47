package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"tianguis.example/stack"
)

// People that the marketplace's seed makes.
const (
	funder   = "funder@example.com"
	worker   = "worker@example.com"
	operator = "operator@example.com"
	password = "demo-tianguis" //nolint:gosec // G101: printed for everybody to use, on this machine alone
)

func upCommand() *cobra.Command {
	ports := stack.DefaultPorts()
	command := &cobra.Command{
		Use:   "up",
		Short: "Run the services on the demo's state until Ctrl-C",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := start(cmd.Context(), cmd.OutOrStdout(), ports)
			if err != nil {
				return err
			}
			return stay(cmd.Context(), cmd.OutOrStdout(), s)
		},
	}
	portFlags(command, &ports)
	return command
}

func portFlags(command *cobra.Command, ports *stack.Ports) {
	command.Flags().IntVar(&ports.Sandbox, "sandbox-port", ports.Sandbox, "port of the sandbox wallet; each has a state of its own")
	command.Flags().IntVar(&ports.Payments, "payments-port", ports.Payments, "port of the payments service")
	command.Flags().IntVar(&ports.Marketplace, "marketplace-port", ports.Marketplace, "port of the marketplace")
}

// start builds the services and starts them on the state that a former run left.
func start(ctx context.Context, out io.Writer, ports stack.Ports) (*stack.Stack, error) {
	if err := ports.Check(ctx); err != nil {
		return nil, err
	}
	root, err := stack.Root()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(root, stack.StateFolder)
	fmt.Fprintln(out, "Building sandbox, payments and marketplace …")
	if err := stack.Build(ctx, root, filepath.Join(folder, "bin"), false); err != nil {
		return nil, err
	}
	// Wallet addresses carry the sandbox's port, and are kept in both databases.
	state := filepath.Join(folder, "demo")
	if ports.Sandbox != stack.DefaultPorts().Sandbox {
		state += "-" + strconv.Itoa(ports.Sandbox)
	}
	env := map[string]map[string]string{stack.Marketplace: {"MAIL_DELIVERY": "page"}} // nobody is written to
	sendTraces(env)
	s, err := stack.New(stack.Config{Bin: filepath.Join(folder, "bin"), State: state, Ports: ports, Env: env})
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(out, "Starting them …")
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// sendTraces lets the services send theirs to the collector that our own environment names. Nothing else of it reaches them.
func sendTraces(env map[string]map[string]string) {
	collector := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
	if collector == "" {
		return
	}
	for _, service := range []string{stack.Sandbox, stack.Payments, stack.Marketplace} {
		if env[service] == nil {
			env[service] = map[string]string{}
		}
		env[service]["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector
	}
}

// stay keeps the stack up until ctx is done, which is a Ctrl-C, or one of the services ends.
func stay(ctx context.Context, out io.Writer, s *stack.Stack) error {
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  marketplace\t%s\tsign in as %s, %s or %s, password %s\n", s.Marketplace.Address, funder, worker, operator, password)
	fmt.Fprintf(table, "  payments\t%s\tits API key is in %s; with it as password, /operator/webhooks shows where each webhook is\n", s.Payments.Address, nearby(s.Secrets.APIKey))
	fmt.Fprintf(table, "  sandbox wallet\t%s\tmoney that is none\n", s.Sandbox.Address)
	fmt.Fprintf(table, "  e-mail\t%s/dev/mail\tshown instead of being sent\n", s.Marketplace.Address)
	fmt.Fprintf(table, "  logs\t%s\n", nearby(filepath.Join(filepath.Dir(s.Marketplace.Log), "*.log")))
	if err := table.Flush(); err != nil {
		return errors.Join(err, s.Stop())
	}
	fmt.Fprintln(out, "\nThe next payment is yours: sign in as the funder, and choose a job in review.")
	fmt.Fprintln(out, "The services stay up. Ctrl-C stops them; what they know is kept for the next time.")
	var ended error
	select {
	case <-ctx.Done():
	case <-s.Sandbox.Ended():
		ended = died(s.Sandbox)
	case <-s.Payments.Ended():
		ended = died(s.Payments)
	case <-s.Marketplace.Ended():
		ended = died(s.Marketplace)
	}
	fmt.Fprintln(out, "\nStopping …")
	return errors.Join(ended, s.Stop())
}

func died(p *stack.Program) error {
	return fmt.Errorf("%s has ended by itself; the end of %s:\n%s", p.Name, nearby(p.Log), stack.Tail(p.Log, 15))
}

// nearby is a path as seen from the working folder, when that is shorter.
func nearby(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if relative, err := filepath.Rel(here, path); err == nil && len(relative) < len(path) {
		return relative
	}
	return path
}
