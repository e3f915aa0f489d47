// Package cmd is the program payments: it runs the service, and is its operator's tool. The program of package cmd/payments is this with the
// project's own client for wallets; a program with another one is a main of three lines elsewhere.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/settings"
	"tianguis.example/payments"
	"tianguis.example/payments/api"
	"tianguis.example/payments/outbox"
	"tianguis.example/payments/store"
)

// version is stamped in by the build: -ldflags "-X tianguis.example/payments/cmd.version=…".
var version = ""

// Main runs the program with the arguments of the process, reaching wallets in this way: nil for package openpayments. It exits with the code that
// the error means.
func Main(newWallets NewWallets) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	exit := cli.Execute(ctx, command(newWallets), os.Args[1:], explain)
	stop()
	os.Exit(exit) //nolint:gocritic // stop is called above
}

// explain is what the errors of this program's own packages mean at the command line.
func explain(err error) *cli.Error {
	if errors.Is(err, payments.ErrUnknown) {
		return &cli.Error{Exit: cli.NotFound, Code: string(payments.CodeNotFound), Err: err}
	}
	var code string
	if known, ok := errors.AsType[*payments.Error](err); ok {
		code = string(known.Code)
	} else if known, ok := errors.AsType[*outbox.Error](err); ok {
		code = string(known.Code)
	} else if known, ok := errors.AsType[*api.Error](err); ok {
		code = known.Code
	}
	switch code {
	case "":
		return nil
	case string(payments.CodeNotFound), string(payments.CodeUnknownSeller), string(outbox.CodeUnknownEndpoint), string(outbox.CodeUnknownDelivery):
		return &cli.Error{Exit: cli.NotFound, Code: code, Err: err}
	case string(payments.CodeInvalidRequest), string(payments.CodeInvalidAmount), string(payments.CodeInvalidWallet), string(payments.CodeInvalidKey),
		string(outbox.CodeInvalidEndpoint):
		return &cli.Error{Exit: cli.WrongUsage, Code: code, Err: err}
	case string(payments.CodeWalletDown), string(payments.CodeWalletTimeout), string(payments.CodeBusy), api.CodeUnreachable:
		return &cli.Error{Exit: cli.Unreachable, Code: code, Err: err}
	}
	return &cli.Error{Exit: cli.Failed, Code: code, Err: err}
}

// command is the whole command line, of a program that reaches wallets in this way; nil for package openpayments.
func command(newWallets NewWallets) *cobra.Command {
	var file string
	root := &cobra.Command{
		Use:           "payments",
		Short:         "The payments service: jobs get paid over Open Payments",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&file, "config", "", "read settings from this dotenv `file` (default: .env, if there is one); the environment counts more")
	load := func() (config, error) {
		c, err := loadConfig(file)
		c.newWallets = newWallets
		return c, err
	}
	root.AddCommand(
		serveCommand(load), migrateCommand(load), sellerCommand(load), paymentCommand(load), webhookCommand(load), reconcileCommand(load),
		auditCommand(load), apiKeyCommand(load), keyCommand(load), secretCommand(load), configCommand(), versionCommand(),
	)
	root.AddCommand(healthCommand(load), doctorCommand(&file, newWallets), listenCommand(&file), triggerCommand(&file))
	root.AddCommand(crashCommands()...)
	return root
}

func versionCommand() *cobra.Command {
	return cli.WithJSON(&cobra.Command{
		Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cli.Say(cmd, map[string]string{"service": "payments", "version": programVersion()}, "payments %s", programVersion())
		},
	})
}

func programVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && version == "" {
		return info.Main.Version
	}
	return version
}

func serveCommand(load func() (config, error)) *cobra.Command {
	return cli.NoJSON(&cobra.Command{
		Use: "serve", Short: "Run the service until it is told to stop", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load()
			if err != nil {
				return err
			}
			log, err := logging.New(cmd.ErrOrStderr(), c.LogFormat, c.LogLevel)
			if err != nil {
				return err
			}
			p, err := newProgram(cmd.Context(), c, log, clock.System())
			if err != nil {
				return err
			}
			defer p.Close()
			return p.Run(cmd.Context())
		},
	}, "it prints nothing but its log: LOG_FORMAT=json")
}

func migrateCommand(load func() (config, error)) *cobra.Command {
	var status bool
	cmd := &cobra.Command{
		Use: "migrate", Short: "Bring the database's schema up to date", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load()
			if err != nil {
				return err
			}
			db, err := database.Open(cmd.Context(), c.DatabaseURL.Reveal(), database.Options{Clock: clock.System(), Limits: c.Limits, MaxConns: maxConns})
			if err != nil {
				return err
			}
			defer func() { _ = db.Close() }()
			return migrate(cmd, db, status)
		},
	}
	cli.WithJSON(cmd)
	cmd.Flags().BoolVar(&status, "status", false, "only say what is applied")
	return cmd
}

// migrationFacts are one migration, as JSON.
type migrationFacts struct {
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

func migrate(cmd *cobra.Command, db *database.DB, status bool) error {
	if !status {
		applied, err := database.Migrate(cmd.Context(), db, store.Migrations())
		if err != nil && len(applied) == 0 {
			return err
		}
		return errors.Join(err, cli.Print(cmd, map[string][]string{"applied": append([]string{}, applied...)}, func(out io.Writer) error {
			for _, name := range applied {
				fmt.Fprintln(out, "applied", name)
			}
			if len(applied) == 0 {
				fmt.Fprintln(out, "the schema is up to date")
			}
			return nil
		}))
	}
	all, err := database.Migrations(cmd.Context(), db, store.Migrations())
	if err != nil {
		return err
	}
	facts := make([]migrationFacts, len(all))
	for i, m := range all {
		facts[i] = migrationFacts{m.Name, m.Applied}
	}
	return cli.Print(cmd, facts, func(out io.Writer) error {
		for _, m := range facts {
			state := "pending"
			if m.Applied {
				state = "applied"
			}
			fmt.Fprintln(out, state, m.Name)
		}
		return nil
	})
}

// maxConns is enough for a command.
const maxConns = 2

// withDatabase runs f with the settings and the database that they name, its schema up to date.
func withDatabase(cmd *cobra.Command, load func() (config, error), f func(context.Context, config, *database.DB) error) error {
	c, err := load()
	if err != nil {
		return err
	}
	db, err := openMigrated(cmd.Context(), c, maxConns, slog.New(slog.DiscardHandler), clock.System())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return f(cmd.Context(), c, db)
}

// withStore runs f, which only reads, with the store as it is: nothing is made or migrated for a command that looks.
func withStore(cmd *cobra.Command, load func() (config, error), f func(context.Context, *store.Store) error) error {
	c, err := load()
	if err != nil {
		return err
	}
	return withStoreAsItIs(cmd, c, nil, f)
}

// withKeys is withStore for what is sealed or signed.
func withKeys(cmd *cobra.Command, load func() (config, error), f func(context.Context, *store.Store) error) error {
	c, err := load()
	if err != nil {
		return err
	}
	keys, err := store.ReadKeys(c.TokenEncryptionKey)
	if err != nil {
		return settings.Wrong("TOKEN_ENCRYPTION_KEY", "%v: set it as the service has it", err)
	}
	return withStoreAsItIs(cmd, c, keys, f)
}

func withStoreAsItIs(cmd *cobra.Command, c config, keys store.Keys, f func(context.Context, *store.Store) error) error {
	if file, ok := strings.CutPrefix(c.DatabaseURL.Reveal(), database.SQLite+":"); ok {
		if _, err := os.Stat(file); err != nil {
			return cli.Away(fmt.Errorf("there is no database at %s: run this where the service runs, or set DATABASE_URL as it has it", file))
		}
	}
	db, err := database.Open(cmd.Context(), c.DatabaseURL.Reveal(), database.Options{Clock: clock.System(), Limits: c.Limits, MaxConns: maxConns})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := migrated(cmd.Context(), db); err != nil {
		return err
	}
	return f(cmd.Context(), store.New(db, keys))
}
