package cmd

import (
	"time"

	"github.com/spf13/cobra"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/doctor"
	"tianguis.example/chassis/settings"
	"tianguis.example/payments/openpayments"
	"tianguis.example/payments/store"
)

// examination is the doctor at work: what the checks look at, and what the later of them have from the earlier.
type examination struct {
	config config
	file   string  // the dotenv file; "" for none
	wrong  []error // what is wrong with the configuration
	clock  clock.Clock

	notes doctor.Shared[known]
}

// known is what the checks have found so far.
type known struct {
	db     *database.DB
	runs   bool                        // the service, on this machine
	wallet *openpayments.WalletAddress // the platform's
}

func doctorCommand(file *string, newWallets NewWallets) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check everything that payments need, and say what to do", Args: cobra.NoArgs,
		Long: "Check the configuration, the database, the wallets and their keys, the marketplace and the way of the webhooks, whether the service runs or not.\n" +
			"It changes nothing: it sends a test event (ping) to each webhook endpoint, and asks the wallet for a grant that it gives back.\n" +
			"Ends with 0 when all is well or only warned of, with 4 when something does not work, and with another when it could not look.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			x := examination{file: configFile(*file), clock: clock.System()}
			x.wrong = settings.Examine(&x.config, x.file)
			x.config.newWallets = newWallets
			defer x.close()
			return doctor.Examine(cmd.Context(), x.clock, doctor.Report{Service: "payments", Version: programVersion()}, x.checks(), asJSON, cmd.OutOrStdout())
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
			Address: x.config.DatabaseURL.Reveal(), Migrations: store.Migrations(), Migrate: "payments migrate", Clock: x.clock,
			Opened: func(db *database.DB) { x.notes.Learn(func(k *known) { k.db = db }) },
		}.Check(),
		{Name: "encryption key", Limit: 10 * time.Second, Look: x.lookAtEncryption},
		doctor.Running{Service: "payments", Listen: x.config.Listen, Runs: func() { x.notes.Learn(func(k *known) { k.runs = true }) }}.Check(),
		{Name: "wallet", Limit: walletBound, Look: x.lookAtWallet},
		{Name: "published key", Limit: walletBound, Look: x.lookAtPublishedKey},
		{Name: "signed request", Limit: 2 * walletBound, Look: x.lookAtSignedRequest},
		{Name: "sellers", Limit: 3 * walletBound, Look: x.lookAtSellers},
		{Name: "marketplace", Limit: 8 * time.Second, Look: x.lookAtMarketplace},
		{Name: "finish", Limit: 8 * time.Second, Look: x.lookAtFinish},
		{Name: "webhooks", Limit: pingWait + 5*time.Second, Look: x.lookAtWebhooks},
		{Name: "backlog", Limit: 10 * time.Second, Look: x.lookAtBacklog},
	}
}

// store is what is kept, without keys what is neither sealed nor signed; false without a database.
func (x *examination) store(keys store.Keys) (*store.Store, bool) {
	db := x.notes.Known().db
	if db == nil {
		return nil, false
	}
	return store.New(db, keys), true
}

func (x *examination) close() {
	if db := x.notes.Known().db; db != nil {
		_ = db.Close()
	}
}

// one is the finding of a check that found one thing.
func one(f doctor.Finding) []doctor.Finding { return []doctor.Finding{f} }

const needsDatabase = "needs the database"
