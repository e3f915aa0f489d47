package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/cli"
	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/settings"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
	"tianguis.example/payments/money"
)

// The demo's logins. The password is published: seed refuses to make them where strangers come.
const (
	demoPassword = "demo-tianguis" //nolint:gosec // G101: public on purpose
	demoFunder   = "funder@example.com"
	demoWorker   = "worker@example.com"
	demoOperator = "operator@example.com"
)

// seeding is one run of `marketplace seed`.
type seeding struct {
	store      *store.Store
	clock      clock.Clock
	funder     marketplace.UserID
	worker     marketplace.UserID
	assetCode  string
	assetScale uint8
}

func (s *shell) seed() *cobra.Command {
	var funderWallet, workerWallet, assetCode string
	var assetScale uint8
	var toPay int
	cmd := &cobra.Command{
		Use:   "seed",
		Short: "Add demo people and jobs; a second run adds what is missing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return s.withStore(ctx, func(kept *store.Store, c databaseConfig) error {
				if base, err := url.Parse(c.BaseURL); err != nil || !loopback(base) {
					return settings.Wrong("MARKETPLACE_BASE_URL", "is not on this machine: the demo's passwords are public, so it is not seeded for others")
				}
				d := &seeding{store: kept, clock: s.clock, assetCode: assetCode, assetScale: assetScale}
				if err := d.people(ctx, funderWallet, workerWallet); err != nil {
					return plain(err)
				}
				if err := d.jobs(ctx); err != nil {
					return plain(err)
				}
				if err := d.toPay(ctx, toPay); err != nil {
					return plain(err)
				}
				logins := map[string]string{"sign_in": c.BaseURL + "/login", "funder": demoFunder, "worker": demoWorker, "operator": demoOperator, "password": demoPassword}
				return cli.Say(cmd, logins, "sign in at %s/login\n  funder    %s  %s\n  worker    %s  %s\n  operator  %s  %s",
					c.BaseURL, demoFunder, demoPassword, demoWorker, demoPassword, demoOperator, demoPassword)
			})
		},
	}
	cli.WithJSON(cmd)
	cmd.Flags().StringVar(&funderWallet, "funder-wallet", "", "the funder's wallet address")
	cmd.Flags().StringVar(&workerWallet, "worker-wallet", "", "the worker's wallet address; without one the worker cannot be paid")
	cmd.Flags().StringVar(&assetCode, "asset", "MXN", "the asset of the jobs' budgets, that of the worker's wallet")
	cmd.Flags().Uint8Var(&assetScale, "asset-scale", 2, "the decimals of that asset")
	cmd.Flags().IntVar(&toPay, "to-pay", 0, "so many more jobs that wait to be paid, each time, each with a budget of its own: 10.00, 10.20, 10.40, …")
	return cmd
}

// people adds the demo's three, or gives those who are there the wallets that were asked for.
func (d *seeding) people(ctx context.Context, funderWallet, workerWallet string) (err error) {
	if d.funder, err = d.person(ctx, demoFunder, "Fernanda Ruiz", marketplace.Funder, funderWallet, false); err != nil {
		return err
	}
	if d.worker, err = d.person(ctx, demoWorker, "Beto Hernández", marketplace.Worker, workerWallet, false); err != nil {
		return err
	}
	_, err = d.person(ctx, demoOperator, "Ofelia Cruz", marketplace.Both, "", true)
	return err
}

func (d *seeding) person(ctx context.Context, email, name string, role marketplace.Role, wallet string, operator bool) (marketplace.UserID, error) {
	have, err := d.store.UserByEmail(ctx, email)
	switch {
	case err == nil && wallet != "":
		parsed, err := marketplace.ParseWalletAddress(wallet)
		if err != nil {
			return 0, err
		}
		return have.ID, d.store.SetWallet(ctx, have.ID, parsed)
	case err == nil:
		return have.ID, nil
	case marketplace.CodeOf(err) != marketplace.CodeNotFound:
		return 0, err
	}
	u, err := marketplace.NewUser(email, name, demoPassword, role, wallet, d.clock.Now())
	if err != nil {
		return 0, err
	}
	u.Operator = operator
	return d.store.CreateUser(ctx, u)
}

// sample is a job of the demo: what it is, and how far it has come.
type sample struct {
	title, description, submission string
	budget                         string
	actions                        []marketplace.Action // from the draft on
	always                         bool                 // there must be one in review with this budget, however many were paid
}

// toReview is the life of a job until it waits to be paid.
var toReview = []marketplace.Action{marketplace.Publish, marketplace.Apply, marketplace.Close, marketplace.Select, marketplace.Submit}

// samples: on an empty database the first is job 1.
var samples = []sample{
	{
		title:       "Hand-lettered sign for a juice stand",
		description: "A sign of 120 × 40 cm for a juice stand at the corner market, in the style of the old rótulos.\n\nBright colours, readable from across the street: JUGOS LUPITA, and three fruits.",
		submission:  "Done in enamel on primed steel, two coats of varnish. Photos of the front and of the mounting holes are in the folder.\n\nIt dries until Thursday; then it can hang in the rain.",
		budget:      "100.00", actions: toReview, always: true,
	},
	{
		title:       "Proofread a menu in Spanish and English",
		description: "Two pages, 46 dishes. Spelling, accents, and prices that line up.",
		submission:  "Corrected in the document, 31 changes. Two dishes had different prices in the two languages: please look at lines 12 and 40.",
		budget:      "19.99", actions: toReview, always: true,
	},
	{
		title:       "Repair the awning of stall 14",
		description: "A seam has torn along two metres. Thread and cloth are there.",
		budget:      "450.00", actions: toReview[:4],
	},
	{
		title:       "Photograph thirty ceramics for a catalogue",
		description: "White background, three angles each, delivered as files that can be printed at A4.",
		budget:      "1200.00", actions: toReview[:1],
	},
	{
		title:       "Translate a lease agreement",
		description: "Nine pages from English into Spanish, for information, not certified.",
		budget:      "800.00", actions: toReview[:3],
	},
	{
		title:       "Write to the neighbours about the night market",
		description: "One friendly page. Still being thought about.",
		budget:      "60.00",
	},
	{
		title:       "Paint the shutters green",
		description: "Four shutters, two coats. The landlord said no after all.",
		budget:      "350.00", actions: []marketplace.Action{marketplace.Publish, marketplace.Cancel},
	},
	{
		title:       "Carry forty crates on Sunday at five",
		description: "From the lorry to the stalls, before the market opens.",
		budget:      "200.00", actions: []marketplace.Action{marketplace.Publish, marketplace.Expire},
	},
}

// jobs adds the samples that are missing.
func (d *seeding) jobs(ctx context.Context) error {
	have, err := d.store.AllJobs(ctx)
	if err != nil {
		return err
	}
	for _, s := range samples {
		budget, err := money.ParseDecimal(s.budget, d.assetCode, d.assetScale)
		if err != nil {
			return fmt.Errorf("--asset %s, --asset-scale %d: %w", d.assetCode, d.assetScale, err)
		}
		missing := true
		for _, job := range have {
			if job.Funder != d.funder {
				continue
			}
			if s.always {
				missing = missing && (job.State != marketplace.Reviewing || job.Budget != budget || job.Worker != d.worker)
			} else {
				missing = missing && job.Title != s.title
			}
		}
		if missing {
			if err := d.job(ctx, s, budget); err != nil {
				return err
			}
		}
	}
	return nil
}

// words are what the demo's people write where something must be written.
var words = map[marketplace.Action]string{
	marketplace.Apply:  "I have done this before, and could begin tomorrow. Photos of earlier work are on my profile.",
	marketplace.Cancel: "The landlord does not want it.",
}

// job lives a sample's life, one hour for each step, by the rules.
func (d *seeding) job(ctx context.Context, s sample, budget money.Amount) error {
	funder, worker, err := d.doers(ctx)
	if err != nil {
		return err
	}
	at := d.clock.Now().Add(-time.Duration(len(s.actions)+1) * time.Hour)
	if slices.Contains(s.actions, marketplace.Expire) {
		at = at.AddDate(0, 0, -marketplace.RecruitDays)
	}
	draft, history := marketplace.NewJob(funder.ID, marketplace.Terms{
		Title: s.title, Description: s.description, Budget: budget,
		MaxApplications: marketplace.MaxApplications, RecruitDays: marketplace.RecruitDays, SubmitDays: marketplace.SubmitDays,
	}, at)
	draft.Version = 1
	c := marketplace.Case{Job: draft}
	var life []marketplace.Change
	for _, action := range s.actions {
		at = at.Add(time.Hour)
		command := marketplace.Command{Action: action, By: funder, Worker: worker.ID, Text: words[action]}
		var change marketplace.Change
		switch action {
		case marketplace.Expire:
			change, err = c.RunOut(c.Deadline)
		case marketplace.Apply:
			command.By = worker
			change, err = c.Decide(command, at)
		case marketplace.Submit:
			command.By, command.Text = worker, s.submission
			change, err = c.Decide(command, at)
		default:
			change, err = c.Decide(command, at)
		}
		if err != nil {
			return fmt.Errorf("seed %q: %w", s.title, err)
		}
		c = c.With(change)
		life = append(life, change)
	}
	_, err = d.store.ImportJob(ctx, draft, history, life)
	return err
}

// doers are the demo's funder and worker. The worker is one who had a wallet when applying.
func (d *seeding) doers(ctx context.Context) (funder, worker marketplace.User, err error) {
	if funder, err = d.store.User(ctx, d.funder); err != nil {
		return funder, worker, err
	}
	worker, err = d.store.User(ctx, d.worker)
	worker.WalletAddressURL = cmp.Or(worker.WalletAddressURL, "none any more")
	return funder, worker, err
}
