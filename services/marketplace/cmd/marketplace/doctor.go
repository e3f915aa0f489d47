package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/doctor"
	"tianguis.example/chassis/settings"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
	"tianguis.example/payments/api"
)

// examination is the doctor at work: what the checks look at, and what the later of them have from the earlier.
type examination struct {
	config   Config
	file     string  // the dotenv file; "" for none
	wrong    []error // what is wrong with the configuration
	clock    clock.Clock
	payments *api.Client

	notes doctor.Shared[known]
}

// known is what the checks have found so far.
type known struct {
	db       *database.DB
	runs     bool // the marketplace, on this machine
	payments bool // the payments service answers, and takes our key
}

func (s *shell) doctor() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check everything that the marketplace needs, and say what to do",
		Long: "Check the configuration, the database, the folder of uploads, the payments service and the way of the webhooks from there to here, whether the marketplace runs or not.\n" +
			"It changes nothing: it sends test events (ping), and has the payments service send one.\n" +
			"Ends with 0 when all is well or only warned of, with 4 when something does not work, and with another when it could not look.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			x := examination{file: s.settingsFile(), clock: s.clock}
			x.wrong = settings.Examine(&x.config, x.file)
			x.payments = api.NewClient(x.config.PaymentsURL, x.config.PaymentsKey.Reveal(), nil)
			defer x.close()
			return doctor.Examine(cmd.Context(), s.clock, doctor.Report{Service: service, Version: revision()}, x.checks(), asJSON, s.out)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// checks are all of them. What a later one needs of an earlier one is in known; without it, it is skipped.
func (x *examination) checks() []doctor.Check {
	return []doctor.Check{
		{Name: "configuration", Limit: 5 * time.Second, Look: x.lookAtConfiguration},
		doctor.Database{
			Address: x.config.DatabaseURL, Migrations: store.Migrations(), Migrate: "marketplace migrate", Clock: x.clock,
			Opened: func(db *database.DB) { x.notes.Learn(func(k *known) { k.db = db }) },
		}.Check(),
		doctor.Folder{Name: "uploads", Path: x.config.uploads(), Variable: "UPLOADS_DIR"}.Check(),
		doctor.Running{Service: service, Listen: x.config.Listen, Runs: func() { x.notes.Learn(func(k *known) { k.runs = true }) }}.Check(),
		{Name: "payments service", Limit: 8 * time.Second, Look: x.lookAtPayments},
		{Name: "API key", Limit: 8 * time.Second, Look: x.lookAtKey},
		{Name: "webhooks here", Limit: 10 * time.Second, Look: x.lookAtOwnDoor},
		{Name: "webhook secret", Limit: 8 * time.Second, Look: x.lookAtSecret},
		{Name: "webhooks from payments", Limit: pingWait + 5*time.Second, Look: x.lookAtWay},
		{Name: "people's wallets", Limit: 30 * time.Second, Look: x.lookAtWallets},
		{Name: "open payments", Limit: 10 * time.Second, Look: x.lookAtOpenPayments},
	}
}

func (x *examination) close() {
	if db := x.notes.Known().db; db != nil {
		_ = db.Close()
	}
}

// one is the finding of a check that found one thing.
func one(f doctor.Finding) []doctor.Finding { return []doctor.Finding{f} }

const (
	needsDatabase = "needs the database"
	needsPayments = "needs the payments service, and its key"
)

// lookAtOpenPayments counts what an operator's page shows.
func (x *examination) lookAtOpenPayments(ctx context.Context) []doctor.Finding {
	db := x.notes.Known().db
	if db == nil {
		return one(doctor.Skip(needsDatabase))
	}
	seen, err := store.New(db).Operations(ctx, x.clock.Now().Add(-marketplace.OpenForLong))
	if err != nil {
		return one(doctor.Fail("see the check of the database", "read the payments: %s", doctor.Why(ctx, err)))
	}
	if len(seen.Open) > 0 {
		most := ""
		if len(seen.Open) == marketplace.OperationsLines {
			most = " or more"
		}
		first := seen.Open[0].Attempt
		return one(doctor.Warn(fmt.Sprintf("open /operator, signed in as an operator; the oldest: payments payment show %s", first.PendingID),
			"%d%s payments are open for more than an hour", len(seen.Open), most))
	}
	return one(doctor.Fine("no payment is open for more than an hour"))
}
