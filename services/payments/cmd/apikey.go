package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/payments/apikey"
	"tianguis.example/payments/operator"
	"tianguis.example/payments/store"
)

// keyPoll is how often each replica reads the API keys: so long a new one may be refused, and a revoked one let in.
const keyPoll = 2 * time.Second

// readAPIKeys has the gate ask for the keys that the database has. Those that somebody else wrote there open nothing, and are told of.
func (p *program) readAPIKeys(ctx context.Context) error {
	keys, err := p.store.APIKeys(ctx)
	forged := errors.Is(err, store.ErrForgedAPIKey)
	if err == nil || forged {
		p.gate.Keep(keys)
	}
	if text := fmt.Sprint(err); forged && text != p.forged {
		p.forged = text // once
		p.log.WarnContext(ctx, "API keys that this service did not write", "security", "forged_api_key", "error", err)
	}
	if forged {
		return nil
	}
	return err
}

// followAPIKeys reads the keys again and again, and keeps when they were used.
func (p *program) followAPIKeys(ctx context.Context) {
	lost := false
	for clock.Sleep(ctx, p.clock, keyPoll) == nil {
		err := p.readAPIKeys(ctx)
		if used := p.gate.Used(); err == nil && len(used) > 0 {
			err = p.store.UseAPIKeys(ctx, used)
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil && !lost {
			p.log.WarnContext(ctx, "the API keys cannot be read: those that are known go on", "error", err)
		}
		lost = err != nil
	}
}

func apiKeyCommand(load func() (config, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use: "apikey", Short: "Make, list and revoke the API keys of callers",
		Long: "Make, list and revoke the API keys of callers. They are beside those of PAYMENTS_API_KEY, and need no restart: each replica follows within two seconds.\n" +
			"To replace one without a gap: create another, give it to the caller, and revoke the old one once apikey list shows that it is not used any more.",
	}
	cmd.AddCommand(apiKeyCreateCommand(load), apiKeyListCommand(load), apiKeyRevokeCommand(load))
	return cmd
}

func apiKeyCreateCommand(load func() (config, error)) *cobra.Command {
	var name, scope string
	cmd := &cobra.Command{
		Use: "create --name NAME --scope {read|pay|admin}", Short: "Make a key, and print it, once", Args: cobra.NoArgs,
		Long: "Make a key, and print it, this once: only its hash is kept. What it may do:\n" +
			"  read   look at payments, sellers and webhooks\n" +
			"  pay    that, and start, finish and call off payments: what a marketplace needs\n" +
			"  admin  everything: sellers with a key of their own, webhook endpoints and secrets, the operators' pages",
		RunE: func(cmd *cobra.Command, _ []string) error {
			can, err := apikey.ParseScope(scope)
			if err != nil {
				return cli.Usage(err)
			}
			by := operator.Operator{}.Claimed(name)
			if by.Name == "" {
				return cli.Usagef("--name must say whose key it is")
			}
			return withKeys(cmd, load, func(ctx context.Context, keep *store.Store) error {
				secret, now := apikey.Generate(), clock.System().Now()
				k := apikey.Key{
					ID: ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String(), Name: by.Name, Scope: can,
					Hash: apikey.HashOf(secret), Fingerprint: apikey.Fingerprint(secret), CreatedAt: now,
				}
				done := operator.Action{At: now, By: atCommandLine(), Kind: operator.AddAPIKey, Subject: k.ID, Detail: fmt.Sprintf("%s, scope %s, fingerprint %s", k.Name, k.Scope, k.Fingerprint)}
				if err := keep.AddAPIKey(ctx, k, done); err != nil {
					return err
				}
				if err := cli.Say(cmd, map[string]any{"key": secret, "id": k.ID, "name": k.Name, "scope": k.Scope}, "%s", secret); err != nil || cli.AsJSON(cmd) {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "Shown this once. It is key %s, with the scope %s; each replica takes it within %s.\n", k.ID, k.Scope, keyPoll)
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "whose key it is, such as marketplace, or a person's name")
	cmd.Flags().StringVar(&scope, "scope", "", "what it may do: read, pay or admin")
	_ = cmd.MarkFlagRequired("name")
	_ = cmd.MarkFlagRequired("scope")
	cli.Choose(cmd, "scope", apikey.Scopes)
	return cli.WithJSON(cmd)
}

type apiKeyFacts struct {
	ID          string       `json:"id,omitempty"`
	Name        string       `json:"name"`
	Scope       apikey.Scope `json:"scope"`
	Fingerprint string       `json:"fingerprint,omitempty"`
	CreatedAt   time.Time    `json:"createdAt,omitzero"`
	LastUsedAt  time.Time    `json:"lastUsedAt,omitzero"`
	RevokedAt   time.Time    `json:"revokedAt,omitzero"`
	Active      bool         `json:"active"`
}

func apiKeyListCommand(load func() (config, error)) *cobra.Command {
	return cli.WithJSON(&cobra.Command{
		Use: "list", Short: "List the keys, those of PAYMENTS_API_KEY first, by their fingerprints", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := load()
			if err != nil {
				return err
			}
			all, err := apikey.ParseConfigured(c.APIKey.Reveal())
			if err != nil {
				return err
			}
			return withKeys(cmd, load, func(ctx context.Context, read *store.Store) error {
				kept, err := read.APIKeys(ctx)
				if err != nil && !errors.Is(err, store.ErrForgedAPIKey) {
					return err
				}
				now := clock.System().Now()
				var facts []apiKeyFacts
				for _, k := range append(all, kept...) {
					facts = append(facts, apiKeyFacts{k.ID, k.Name, k.Scope, k.Fingerprint, k.CreatedAt, k.LastUsedAt, k.RevokedAt, !k.Revoked(now)})
				}
				return errors.Join(cli.Print(cmd, facts, func(w io.Writer) error { return printAPIKeys(w, facts) }), err)
			})
		},
	})
}

func printAPIKeys(w io.Writer, facts []apiKeyFacts) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tSCOPE\tFINGERPRINT\tSINCE\tLAST USED\tOPENS")
	at := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return stamp(t)
	}
	for _, f := range facts {
		opens := "yes"
		if !f.RevokedAt.IsZero() {
			opens = "until " + stamp(f.RevokedAt)
		}
		if !f.Active {
			opens = "no more, since " + stamp(f.RevokedAt)
		}
		id, fingerprint := f.ID, f.Fingerprint
		if id == "" {
			id = "-"
		}
		if fingerprint == "" {
			fingerprint = "(a hash)"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", id, f.Name, f.Scope, fingerprint, at(f.CreatedAt), at(f.LastUsedAt), opens)
	}
	return table.Flush()
}

func apiKeyRevokeCommand(load func() (config, error)) *cobra.Command {
	var after time.Duration
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "Let a key open nothing any more", Args: cobra.ExactArgs(1),
		Long: "Let a key open nothing any more, now or after a while (--in 24h). Its row stays, so that what was done with it can be told. A key of PAYMENTS_API_KEY is\nrevoked by taking it out of there.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if after < 0 {
				return cli.Usagef("--in must not be negative")
			}
			return withKeys(cmd, load, func(ctx context.Context, keep *store.Store) error {
				now := clock.System().Now()
				until := now.Add(after)
				done := operator.Action{At: now, By: atCommandLine(), Kind: operator.RevokeAPIKey, Subject: args[0], Detail: "opens nothing from " + stamp(until) + " on"}
				if err := keep.RevokeAPIKey(ctx, args[0], until, done); err != nil {
					return err
				}
				return cli.Say(cmd, map[string]any{"id": args[0], "revokedAt": until}, "key %s opens nothing from %s on; each replica follows within %s", args[0], stamp(until), keyPoll)
			})
		},
	}
	cmd.Flags().DurationVar(&after, "in", 0, "only after this time, such as 24h")
	return cli.WithJSON(cmd)
}
