package systemtest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/api"
	"tianguis.example/sandbox/control"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
	"tianguis.example/stack/postgres"
)

// The people of the marketplace's seed.
const (
	funder   = "funder@example.com"
	worker   = "worker@example.com"
	operator = "operator@example.com"
	password = "demo-tianguis"
)

// patience bounds every wait for something that must happen: generous, since it is only waited out by a failure.
const patience = 30 * time.Second

// world is one stack with everything that tests look at it with.
type world struct {
	*stack.Stack
	payments *api.Client
	wallets  *control.Client
}

// env are variables of the services beside the usual ones, by service.
type env map[string]map[string]string

// on runs a test on SQLite and on Postgres; or on the stack that the environment points at.
func on(t *testing.T, f func(t *testing.T, database string)) {
	if there != nil {
		t.Run("compose", func(t *testing.T) { f(t, "compose") })
		return
	}
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			f(t, database)
		})
	}
}

// onOwn is on for a test that starts, stops or sets up the services itself.
func onOwn(t *testing.T, f func(t *testing.T, database string)) {
	if there != nil {
		t.Skip("NOT TESTED on this stack: the test needs services that are its own")
	}
	on(t, f)
}

// alone is held by whoever looks at the stack that all tests share.
var alone sync.Mutex

// newWorld starts a stack of its own on that database, with a wallet that may be continued at once. It is
// stopped, and must stop well, at the end of the test; the logs are shown when the test has failed.
// On compose it is the stack that is there already.
func newWorld(t *testing.T, database string, more env) *world {
	t.Helper()
	config := stack.Config{Env: more}
	switch database {
	case "compose":
		alone.Lock()
		t.Cleanup(alone.Unlock)
		return lookThere(t)
	case "postgres":
		config.PaymentsDatabase, config.MarketplaceDatabase = newSchema(t, "payments"), newSchema(t, "marketplace")
	}
	return start(t, config)
}

// start is newWorld on the databases of config, with the variables of its Env beside the usual ones.
func start(t *testing.T, config stack.Config) *world {
	t.Helper()
	more := config.Env
	ports, err := stack.FreePorts(t.Context())
	require.NoError(t, err)
	if config.Bin == "" {
		config.Bin = bin
	}
	config.State, config.Ports, config.Env = t.TempDir(), ports, env{
		stack.Sandbox:  {"SANDBOX_CONTINUE_WAIT": "0s", "SANDBOX_SETTLE_DELAY": "50ms", "SANDBOX_COMPLETE_LAG": "0s"},
		stack.Payments: {}, stack.Marketplace: {},
	}
	for service, variables := range more {
		for name, value := range variables {
			config.Env[service][name] = value
		}
	}
	s, err := stack.New(config)
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	t.Cleanup(func() {
		err := s.Stop()
		if t.Failed() {
			for _, p := range s.Programs() {
				t.Logf("the end of the log of %s:\n%s", p.Name, stack.Tail(p.Log, 30))
			}
		}
		require.NoError(t, err)
		for _, p := range s.Programs() {
			log, err := os.ReadFile(p.Log)
			require.NoError(t, err)
			require.NotContains(t, string(log), "WARNING: DATA RACE", p.Name)
			require.NotContains(t, string(log), "panicked", p.Name)
		}
	})
	return look(t, s)
}

// lookThere is the world of the stack that is there, with its secrets as they are now.
func lookThere(t *testing.T) *world {
	t.Helper()
	s, err := there.Stack(t.Context(), t.TempDir())
	require.NoError(t, err)
	return look(t, s)
}

// look is the world of a stack that runs.
func look(t *testing.T, s *stack.Stack) *world {
	t.Helper()
	key, err := stack.ReadSecret(s.Secrets.APIKey)
	require.NoError(t, err)
	for _, service := range []*stack.Program{s.Payments, s.Marketplace} {
		watchContract(t, service)
	}
	return &world{Stack: s, payments: api.NewClient(s.Payments.Address, key, http.DefaultClient), wallets: s.Wallets()}
}

// server is the Postgres of this run, started when it is first wanted and stopped by TestMain.
var server = sync.OnceValues(func() (*postgres.Server, error) {
	return postgres.Start(context.Background(), stack.FreePort)
})

func newSchema(t *testing.T, name string) string {
	t.Helper()
	s, err := server()
	if errors.Is(err, postgres.ErrNone) {
		missing(t, err.Error())
	}
	require.NoError(t, err)
	serverStarted.Store(true)
	address, err := postgres.NewSchema(t.Context(), s.Address, name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, postgres.DropSchema(context.WithoutCancel(t.Context()), address)) })
	return address
}

// signIn is somebody at the marketplace in a new browser.
func (w *world) signIn(t *testing.T, email string) *person.Payer {
	t.Helper()
	payer, err := person.SignIn(t.Context(), w.Marketplace.Address, email, password)
	require.NoError(t, err)
	return payer
}

// jobToPay is a job with that budget whose work waits to be paid; the seed adds one when there is none.
func (w *world) jobToPay(t *testing.T, payer *person.Payer, budget string) int64 {
	t.Helper()
	require.NoError(t, w.Seed(t.Context()))
	job, err := payer.JobToPay(t.Context(), budget)
	require.NoError(t, err)
	return job.ID
}

// attempt is a payment that has been started: the funder is at the wallet, and has not decided.
type attempt struct {
	job       int64
	pendingID string
	payer     *person.Payer
	consent   *person.Page
}

// start lets the funder ask to pay a job with that budget from a wallet of the sandbox ("/buyer-usd").
func (w *world) start(t *testing.T, budget, wallet string) attempt {
	t.Helper()
	payer := w.signIn(t, funder)
	a := attempt{payer: payer, job: w.jobToPay(t, payer, budget)}
	var err error
	a.consent, err = payer.AskToPay(t.Context(), a.job, w.Sandbox.Address+wallet)
	require.NoError(t, err)
	a.pendingID = w.latest(t, a.job).PendingID
	return a
}

// startOffer is the start of a payment by a marketplace of somebody else's, through the API, with the buyer's approval at the wallet.
func (w *world) startOffer(t *testing.T, offer, wallet string) api.Finish {
	t.Helper()
	_, err := w.payments.RegisterSeller(t.Context(), api.RegisterSeller{ID: "else", WalletAddressURL: w.Sandbox.Address + stack.WorkerWallet})
	require.NoError(t, err)
	started, err := w.payments.Start(t.Context(), offer, api.Start{SellerID: "else", BuyerWalletAddressURL: w.Sandbox.Address + wallet, Amount: "7.77"})
	require.NoError(t, err)
	finish, err := w.approve(t.Context(), started)
	require.NoError(t, err)
	return finish
}

// approve is the approval, at the wallet, of a payment that was started through the API.
func (w *world) approve(ctx context.Context, started api.Started) (api.Finish, error) {
	consent, err := person.NewBrowser().Open(ctx, started.RedirectURL)
	if err != nil {
		return api.Finish{}, err
	}
	page, err := consent.ClickUntil(ctx, person.Approve, nil, w.Marketplace.Address+"/")
	if err != nil {
		return api.Finish{}, err
	}
	if page.Next == nil {
		return api.Finish{}, fmt.Errorf("the wallet sends nobody back: %s", page.Text("main"))
	}
	query := page.Next.Query()
	return api.Finish{PendingID: query.Get("pendingId"), InteractRef: query.Get("interact_ref"), Hash: query.Get("hash")}, nil
}

// decide approves or declines at the wallet, and returns where the wallet then sends the browser.
func (a attempt) decide(t *testing.T, decision string) string {
	t.Helper()
	finish, err := a.payer.Decide(t.Context(), a.consent, decision)
	require.NoError(t, err)
	return finish.String()
}

// open goes to an address in the browser of the payer.
func (a attempt) open(t *testing.T, address string) *person.Page {
	t.Helper()
	page, err := a.payer.Browser.Open(t.Context(), address)
	require.NoError(t, err)
	return page
}

// complete waits until the job is paid.
func (a attempt) complete(t *testing.T) person.JobStatus {
	t.Helper()
	status, err := a.payer.WaitFor(t.Context(), a.job, patience, person.Complete)
	require.NoError(t, err)
	return status
}

// latest is the newest payment of a job.
func (w *world) latest(t *testing.T, job int64) api.Payment {
	t.Helper()
	all, err := w.payments.OfferPayments(t.Context(), decimal(job))
	require.NoError(t, err)
	require.NotEmpty(t, all.Payments)
	return all.Payments[len(all.Payments)-1]
}

// payment is one as the payments service tells it.
func (w *world) payment(t *testing.T, pendingID string) api.Payment {
	t.Helper()
	p, err := w.payments.Payment(t.Context(), pendingID)
	require.NoError(t, err)
	return p
}

// ended waits until a payment has ended, and returns it.
func (w *world) ended(t *testing.T, pendingID string) api.Payment {
	t.Helper()
	var p api.Payment
	eventually(t, "payment "+pendingID+" ends", func() bool {
		p = w.payment(t, pendingID)
		return p.Status != api.StatusPending
	})
	return p
}

// addWallet adds a wallet with so many hundredths of MXN to the sandbox, under a name that no other run has given: "/wallet-…".
func (w *world) addWallet(t *testing.T, balance int64) string {
	t.Helper()
	added := control.Wallet{Name: "wallet-" + strings.ToLower(rand.Text()), AssetCode: "MXN", AssetScale: 2, Balance: balance}
	require.NoError(t, w.wallets.AddWallet(t.Context(), added))
	return "/" + added.Name
}

// debits are the payments that left a wallet, as the ledger tells them.
func (w *world) debits(t *testing.T, wallet string) []control.Entry {
	t.Helper()
	ledger, err := w.wallets.Ledger(t.Context())
	require.NoError(t, err)
	require.True(t, ledger.Conserved)
	var found []control.Entry
	for _, e := range ledger.Entries {
		if e.From == "wallet:"+strings.TrimPrefix(wallet, "/") && e.Payment != "" {
			found = append(found, e)
		}
	}
	return found
}

// jobFacts is what the operator's command tells of a job.
type jobFacts struct {
	Status            string `json:"job_status"`
	PaymentID         string `json:"payment_id"`
	ContractCompleted bool   `json:"contract_completed"`
	History           []struct {
		Event string `json:"event"`
	} `json:"history"`
}

func (w *world) job(t *testing.T, id int64) jobFacts {
	t.Helper()
	out, err := w.Marketplace.Run(t.Context(), "job", "show", decimal(id), "--json")
	require.NoError(t, err)
	var facts jobFacts
	require.NoError(t, json.Unmarshal(out, &facts))
	return facts
}

// times counts an event in a job's history.
func (f jobFacts) times(event string) (n int) {
	for _, e := range f.History {
		if e.Event == event {
			n++
		}
	}
	return n
}

// delivered reports whether the webhook of a payment has been delivered, as the operator's command tells.
func (w *world) delivered(t *testing.T, pendingID string) bool {
	t.Helper()
	out, err := w.Payments.Run(t.Context(), "payment", "show", pendingID, "--json")
	require.NoError(t, err)
	var told struct {
		Webhooks []struct{ State string }
	}
	require.NoError(t, json.Unmarshal(out, &told))
	return len(told.Webhooks) == 1 && told.Webhooks[0].State == "delivered"
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	within(t, patience, what, holds)
}

// within is eventually for what takes longer.
func within(t *testing.T, bound time.Duration, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	for !holds() {
		if clock.Sleep(ctx, clock.System(), 20*time.Millisecond) != nil {
			t.Fatalf("after %s still not: %s", bound, what)
		}
	}
}
