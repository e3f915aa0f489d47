package systemtest

import (
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments/api"
	"tianguis.example/stack"
	"tianguis.example/stack/person"
)

// previous is the release before the migrations payments 0009 and marketplace 0003.
const previous = "459176c20d60fa0c2e50221f9e4e03680a19ed39"

// previousBin builds the programs of the previous release. A clone that is shallow does not have it, and a new one cannot be forced: then the test is skipped, in
// CI too, with a loud word; what a migration may do is still held by TestMigrations_OnlyAdd and TestRolling_ColumnsMayAppear of both stores.
func previousBin(t *testing.T) string {
	t.Helper()
	if err := exec.CommandContext(t.Context(), "git", "-C", root, "cat-file", "-e", previous+"^{commit}").Run(); err != nil {
		t.Skipf("NOT TESTED: the upgrade from the previous release, since this clone does not have its commit %.10s (git fetch --unshallow)", previous)
	}
	source := t.TempDir()
	archive := exec.CommandContext(t.Context(), "git", "-C", root, "archive", previous, "--", "go.work", "services", "deploy/stack")
	unpack := exec.CommandContext(t.Context(), "tar", "-x", "-C", source)
	var err error
	unpack.Stdin, err = archive.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, unpack.Start())
	require.NoError(t, archive.Run())
	require.NoError(t, unpack.Wait())
	old := filepath.Join(source, "bin")
	require.NoError(t, stack.Build(t.Context(), source, old, false))
	return old
}

// TestUpgrade: the previous release goes on while the schema is brought up to date, runs beside the new one, and can be started again on the new schema, should
// that be wanted. It proves so of these two releases: buyers pay all the time through the payments service, which one of them begins the other ends, each pays
// once; the marketplace stays ready, and its own command goes on to write jobs. It does not go through the old marketplace's pages, which the tests' people may
// not know any more. On SQLite there is nothing to try: one process has the file to itself, and migrates it when it starts.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	if there != nil {
		t.Skip("NOT TESTED on this stack: the test needs services that are its own")
	}
	old := previousBin(t)
	u := &upgrade{world: start(t, stack.Config{Bin: old, PaymentsDatabase: newSchema(t, "payments"), MarketplaceDatabase: newSchema(t, "marketplace")})}
	_, err := u.payments.RegisterSeller(t.Context(), api.RegisterSeller{ID: "else", WalletAddressURL: u.Sandbox.Address + stack.WorkerWallet})
	require.NoError(t, err)
	newer := u.beside(t, u.Payments, "PAYMENTS_LISTEN")
	newerMarketplace := u.beside(t, u.Marketplace, "MARKETPLACE_LISTEN")
	key, err := stack.ReadSecret(u.Secrets.APIKey)
	require.NoError(t, err)
	atNewer := api.NewClient(newer.Address, key, http.DefaultClient)
	u.pay(t, u.payments, u.payments)

	// The schema changes under the old release, while it is at work.
	done := make(chan struct{})
	var payers sync.WaitGroup
	payers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				u.pay(t, u.payments, u.payments)
			}
		}
	})
	for program, migration := range map[*stack.Program]string{newer: "0009_indexes.sql", newerMarketplace: "0003_indexes.sql"} {
		applied, err := program.Run(t.Context(), "migrate")
		require.NoError(t, err)
		require.Contains(t, string(applied), "applied "+migration)
	}
	u.addJobs(t)

	// Both releases side by side.
	require.NoError(t, newer.Start(t.Context()))
	require.NoError(t, newerMarketplace.Start(t.Context()))
	watchContract(t, newer)
	watchContract(t, newerMarketplace)
	u.pay(t, u.payments, atNewer)
	u.pay(t, atNewer, u.payments)
	close(done)
	payers.Wait()

	// Back: the old release starts on the new schema. Then forward: the new one alone.
	for _, folder := range []string{old, bin} {
		require.NoError(t, u.Payments.Stop())
		require.NoError(t, u.Marketplace.Stop())
		u.Payments.Binary, u.Marketplace.Binary = filepath.Join(folder, stack.Payments), filepath.Join(folder, stack.Marketplace)
		require.NoError(t, u.Payments.Start(t.Context()))
		require.NoError(t, u.Marketplace.Start(t.Context()))
		u.pay(t, u.payments, u.payments)
		u.addJobs(t)
	}

	t.Logf("%d payments", len(u.paid))
	for _, id := range u.paid {
		require.Equal(t, api.StatusPaid, u.ended(t, id).Status)
	}
	require.Len(t, u.debits(t, "/buyer-usd"), len(u.paid))
}

// upgrade is a stack with the payments of the test.
type upgrade struct {
	*world

	mu     sync.Mutex
	offers int
	paid   []string
}

// beside is a replica of the release that is tested, not started yet.
func (u *upgrade) beside(t *testing.T, p *stack.Program, listen string) *stack.Program {
	t.Helper()
	port, err := stack.FreePort(t.Context())
	require.NoError(t, err)
	newer := p.Replica(p.Name+"-newer", listen, port)
	newer.Binary = filepath.Join(bin, p.Name)
	t.Cleanup(func() { require.NoError(t, newer.Stop()) })
	return newer
}

// addJobs has the marketplace's program take jobs through their life.
func (u *upgrade) addJobs(t *testing.T) {
	t.Helper()
	_, err := u.Marketplace.Run(t.Context(), "seed", "--to-pay", "2", "--funder-wallet", u.Sandbox.Address+stack.FunderWallet, "--worker-wallet", u.Sandbox.Address+stack.WorkerWallet)
	require.NoError(t, err)
}

// pay has a new offer paid: the payment is started at one replica, and finished at another.
func (u *upgrade) pay(t *testing.T, startAt, finishAt *api.Client) {
	t.Helper()
	u.mu.Lock()
	u.offers++
	offer := "upgrade-" + strconv.Itoa(u.offers)
	u.mu.Unlock()
	id, err := u.tryToPay(t, offer, startAt, finishAt)
	if err != nil {
		t.Errorf("pay offer %s: %v", offer, err)
		return
	}
	u.mu.Lock()
	u.paid = append(u.paid, id)
	u.mu.Unlock()
}

func (u *upgrade) tryToPay(t *testing.T, offer string, startAt, finishAt *api.Client) (pendingID string, err error) {
	t.Helper()
	var started api.Started
	err = again(t, func() (err error) {
		started, err = startAt.Start(t.Context(), offer, api.Start{SellerID: "else", BuyerWalletAddressURL: u.Sandbox.Address + "/buyer-usd", Amount: "7.77"})
		return err
	})
	if err != nil {
		return "", err
	}
	consent, err := person.NewBrowser().Open(t.Context(), started.RedirectURL)
	if err != nil {
		return "", err
	}
	page, err := consent.ClickUntil(t.Context(), person.Approve, nil, u.Marketplace.Address+"/")
	if err != nil {
		return "", err
	}
	query := page.Next.Query()
	return started.PendingID, again(t, func() error {
		_, err := finishAt.Finish(t.Context(), api.Finish{PendingID: query.Get("pendingId"), InteractRef: query.Get("interact_ref"), Hash: query.Get("hash")})
		return err
	})
}

// again does what the answer says, as callers do. The previous release has statements that end in a *: Postgres gives each of them up once on every connection
// when a column has appeared, and the release answers "try again". The start that this broke off is somebody's until its lease has ended.
func again(t *testing.T, ask func() error) error {
	t.Helper()
	for until := clock.System().Now().Add(leaseOfTheDead + patience); ; {
		err := ask()
		said, ok := errors.AsType[*api.Error](err)
		if !ok || said.Status != http.StatusInternalServerError && said.Code != api.CodeInProgress || clock.System().Now().After(until) {
			return err
		}
		if err := clock.Sleep(t.Context(), clock.System(), 200*time.Millisecond); err != nil {
			return err
		}
	}
}
