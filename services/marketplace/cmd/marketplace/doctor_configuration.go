package main

import (
	"context"
	"net/url"

	"tianguis.example/chassis/doctor"
	"tianguis.example/chassis/httpserver"
	"tianguis.example/chassis/settings"
)

// lookAtConfiguration tells all that the marketplace would refuse to start with, and then what it starts with and could bite.
func (x *examination) lookAtConfiguration(context.Context) []doctor.Finding {
	c := x.config
	found := append(doctor.Wrong(service, x.wrong), c.risks(x.file)...)
	if len(found) == 0 {
		return one(doctor.Fine("all of %d settings make sense", len(settings.Variables(c))))
	}
	return found
}

// risks is what the marketplace starts with, and an operator should know.
func (c *Config) risks(file string) []doctor.Finding {
	var all []doctor.Finding
	warn := func(holds bool, do, format string, args ...any) {
		if holds {
			all = append(all, doctor.Warn(do, format, args...))
		}
	}
	warn(c.AllowUnsigned, "set WEBHOOK_SECRET here and at the payments service, and take WEBHOOK_ALLOW_UNSIGNED away",
		"WEBHOOK_ALLOW_UNSIGNED is set: whoever reaches the marketplace can mark jobs as paid")
	warn(c.WebhookSecret == "" && !c.AllowUnsigned, "set WEBHOOK_SECRET to that of the payments service", "WEBHOOK_SECRET is not set: webhooks are refused, and payments are learnt of by asking only")
	warn(c.MetricsListen == "", "set METRICS_LISTEN to an address that only your network reaches, such as 127.0.0.1:9402", "METRICS_LISTEN is not set: nobody is told when it goes badly")
	base, err := url.Parse(c.BaseURL)
	warn(err == nil && base.Scheme == "https" && len(c.TrustedProxies) == 0, "set MARKETPLACE_TRUSTED_PROXIES to the network of the proxy that serves https",
		"MARKETPLACE_TRUSTED_PROXIES is not set: behind a proxy, everybody's tries to sign in count as one person's")
	networks, err := httpserver.ParseNetworks(c.TrustedProxies)
	if err == nil {
		for _, n := range networks {
			bits, _ := n.Mask.Size()
			warn(bits == 0, "set MARKETPLACE_TRUSTED_PROXIES to the network of the proxy alone", "MARKETPLACE_TRUSTED_PROXIES has %s: everybody is believed who says that they are somebody else", n)
		}
	}
	all = append(all, doctor.PlainHTTP("MARKETPLACE_BASE_URL", c.BaseURL)...)
	return append(all, doctor.SecretFiles(*c, file)...)
}
