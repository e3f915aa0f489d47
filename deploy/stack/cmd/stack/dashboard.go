package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/spf13/cobra"

	"tianguis.example/stack"
	"tianguis.example/stack/chaos"
	"tianguis.example/stack/dashboard"
	"tianguis.example/stack/prometheus"
)

// scrapeEvery is often, since minutes have to show what hours do elsewhere.
const scrapeEvery = 2 * time.Second

func dashboardCommand() *cobra.Command {
	c := chaos.Config{Pace: chaos.Steady, Seed: 1}
	c.Pace.Reconcile = time.Minute
	var picture string
	command := &cobra.Command{
		Use:   "dashboard",
		Short: "Let Prometheus watch a chaos run, and draw what the dashboard shows of it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			root, err := stack.Root()
			if err != nil {
				return err
			}
			folder := filepath.Join(root, stack.StateFolder)
			c.Bin, c.Out = filepath.Join(folder, "bin"), cmd.OutOrStdout()
			if err := os.MkdirAll(folder, 0o700); err != nil {
				return err
			}
			if c.State, err = os.MkdirTemp(folder, "dashboard-"); err != nil {
				return err
			}
			if picture == "" {
				picture = filepath.Join(root, "docs", "dashboard.png")
			}
			if err := watchChaos(cmd.Context(), root, c, picture); err != nil {
				return err
			}
			return os.RemoveAll(c.State)
		},
	}
	flags := command.Flags()
	flags.IntVar(&c.Payments, "payments", 500, "how many jobs are to be paid")
	flags.IntVar(&c.Buyers, "buyers", 16, "how many buyers pay at a time")
	flags.StringVar(&picture, "out", "", "the picture (docs/dashboard.png)")
	return command
}

func watchChaos(ctx context.Context, root string, c chaos.Config, picture string) (err error) {
	if err := stack.Build(ctx, root, c.Bin, false); err != nil {
		return err
	}
	c.Metrics = map[string]string{}
	for _, name := range []string{stack.Payments, chaos.SecondPayments, stack.Marketplace} {
		port, err := stack.FreePort(ctx)
		if err != nil {
			return err
		}
		c.Metrics[name] = "127.0.0.1:" + strconv.Itoa(port)
	}
	server, err := prometheus.Start(ctx, prometheus.Config{
		Root: root, State: filepath.Join(c.State, "prometheus"), Every: scrapeEvery, Targets: map[string][]string{
			stack.Payments: {c.Metrics[stack.Payments], c.Metrics[chaos.SecondPayments]}, stack.Marketplace: {c.Metrics[stack.Marketplace]},
		},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	result, err := chaos.Run(ctx, c)
	if err != nil {
		return err
	}
	if !result.Clean() {
		return exitCode(1) // and said why
	}
	board, err := dashboard.Read(filepath.Join(root, "deploy", "grafana", "dashboards", "tianguis.json"))
	if err != nil {
		return err
	}
	over := v1.Range{Start: result.From, End: result.To, Step: scrapeEvery}
	png, err := board.Draw(ctx, server, over, 10*scrapeEvery)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.Out, "The dashboard from %s to %s is in %s\n", over.Start.Format(time.TimeOnly), over.End.Format(time.TimeOnly), picture)
	return os.WriteFile(picture, png, 0o644) //nolint:gosec // G306: for everybody to look at
}
