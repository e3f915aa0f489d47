package cmd

import (
	"context"
	"net/http"
	"os"
	"strings"

	"tianguis.example/chassis/doctor"
	"tianguis.example/chassis/settings"
)

// lookAtConfiguration tells all that the service would refuse to start with, and then what it starts with and could bite.
func (x *examination) lookAtConfiguration(context.Context) []doctor.Finding {
	c := x.config
	wrong := append(x.wrong[:len(x.wrong):len(x.wrong)], settings.Parts(c.forServing())...)
	_, err := newIdentities(c, http.DefaultClient, 0, x.clock)
	wrong = append(wrong, settings.Parts(err)...)
	if c.KeyFolder != "" {
		if info, err := os.Stat(c.KeyFolder); err != nil || !info.IsDir() {
			wrong = append(wrong, settings.Wrong("KEY_FOLDER", "names no folder that can be read: %s", c.KeyFolder))
		}
	}
	found := doctor.Wrong("payments", wrong)
	for i, f := range found {
		if strings.HasPrefix(f.Found, "SELLER_PRIVATE_KEY_PATH cannot be read") {
			found[i].Do = "set SELLER_PRIVATE_KEY_PATH to the platform's key; a new one: payments key generate --key-id <id> --out <file>"
		}
	}
	found = append(found, c.risks(x.file)...)
	if len(found) == 0 {
		return one(doctor.Fine("all of %d settings make sense", len(settings.Variables(c))))
	}
	return found
}

// risks is what the service starts with, and an operator should know.
func (c *config) risks(file string) []doctor.Finding {
	var all []doctor.Finding
	warn := func(holds bool, do, format string, args ...any) {
		if holds {
			all = append(all, doctor.Warn(do, format, args...))
		}
	}
	public := !doctor.OnThisMachine(hostOf(c.BaseURL))
	warn(c.WebhookSecret == "" && c.WebhookAllowUnsigned, "set WEBHOOK_SECRET on both sides, and take WEBHOOK_ALLOW_UNSIGNED away; a secret: payments secret generate webhook",
		"WEBHOOK_ALLOW_UNSIGNED is set and there is no WEBHOOK_SECRET: a marketplace that believes unsigned webhooks believes anybody's")
	warn(c.APIKey == "", "set PAYMENTS_API_KEY; one is made by: payments secret generate api", "there is no PAYMENTS_API_KEY: every program on this machine may make payments")
	warn(c.SellerID+c.SellerWalletAddressURL+c.SellerKeyID+c.SellerPrivateKeyPath == "",
		"set SELLER_ID, SELLER_WALLET_ADDRESS_URL, SELLER_KEY_ID and SELLER_PRIVATE_KEY_PATH", "there is no client identity: nobody without a key of their own can be paid")
	warn(public && len(c.WalletAllowHosts) > 0, "take out of WALLET_ALLOW_HOSTS what is no wallet of yours",
		"WALLET_ALLOW_HOSTS lets %s be in a private network and speak plain http", strings.Join(c.WalletAllowHosts, ", "))
	warn(c.ReconcileInterval == 0, "set RECONCILE_INTERVAL, or run payments reconcile now and then", "RECONCILE_INTERVAL is 0: nothing compares payments with the wallets")
	warn(c.MetricsListen == "", "set METRICS_LISTEN to an address that only your network reaches, such as 127.0.0.1:9401", "METRICS_LISTEN is not set: nobody is told when it goes badly")
	all = append(all, doctor.PlainHTTP("BASE_URL", c.BaseURL)...)
	if c.MarketplacePublic != c.MarketplaceBaseURL && c.MarketplacePublic != c.BaseURL {
		all = append(all, doctor.PlainHTTP("MARKETPLACE_PUBLIC_URL", c.MarketplacePublic)...)
	}
	if c.SellerPrivateKeyPath != "" {
		all = append(all, doctor.PrivateKeyFile(c.SellerPrivateKeyPath)...)
	}
	return append(all, doctor.SecretFiles(*c, file)...)
}
