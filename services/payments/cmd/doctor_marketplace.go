package cmd

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"tianguis.example/chassis/doctor"
)

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

func portOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Port()
}

// lookAtMarketplace: any marketplace will do, if it is none of our other services.
func (x *examination) lookAtMarketplace(ctx context.Context) []doctor.Finding {
	base := strings.TrimRight(x.config.MarketplaceBaseURL, "/")
	answer, err := doctor.Ask(ctx, base+"/health")
	const set = "start the marketplace, or set MARKETPLACE_BASE_URL to where this machine reaches it"
	if err != nil {
		return one(doctor.Fail(set, "%s does not answer: %s", base, doctor.Why(ctx, err)))
	}
	switch service := answer.Service(); {
	case service == "marketplace":
		return one(doctor.Fine("%s is the marketplace", base))
	case service != "":
		return one(doctor.Fail("set MARKETPLACE_BASE_URL", "%s is not the marketplace but the %.40q service", base, service))
	case answer.Status >= http.StatusInternalServerError:
		return one(doctor.Fail(set, "%s answers %d", base, answer.Status))
	}
	return one(doctor.Fine("%s answers; it is no marketplace of this project, and need not be", base))
}

// lookAtFinish asks for the page that wallets send buyers back to, for no payment: the marketplace's, or our own that sends them on there.
func (x *examination) lookAtFinish(ctx context.Context) []doctor.Finding {
	base := strings.TrimRight(x.config.BaseURL, "/")
	page := base + "/payments/finish"
	const set = "set BASE_URL to the address under which buyers reach the marketplace, without /payments/finish"
	health, err := doctor.Ask(ctx, base+"/health")
	if err != nil && !x.notes.Known().runs && doctor.OnThisMachine(hostOf(base)) && portOf(base) == portOf(doctor.Here(x.config.Listen)) {
		return one(doctor.Skip("needs the service to run: BASE_URL is its own address"))
	}
	if err != nil && doctor.OnThisMachine(hostOf(base)) && hostOf(base) != hostOf(x.config.MarketplaceBaseURL) {
		// In a container this machine is another one than the buyer's.
		return one(doctor.Warn("open "+page+" in a browser: it must be the marketplace's page", "%s is for browsers on one machine, and cannot be tried from here: %s", base, doctor.Why(ctx, err)))
	}
	if err != nil {
		return one(doctor.Fail(set, "buyers come back from the wallet to %s, which does not answer: %s", page, doctor.Why(ctx, err)))
	}
	answer, err := doctor.Ask(ctx, page)
	if err != nil {
		return one(doctor.Fail(set, "buyers come back from the wallet to %s, which does not answer: %s", page, doctor.Why(ctx, err)))
	}
	return one(finishFinding(health.Service(), page, strings.TrimRight(x.config.MarketplacePublic, "/")+"/payments/finish", answer))
}

// finishFinding judges the answer of whoever takes buyers back: the payments service, the marketplace, or a marketplace of somebody else.
func finishFinding(service, page, onwards string, answer doctor.Answer) doctor.Finding {
	const set = "set BASE_URL to the address under which buyers reach the marketplace, without /payments/finish"
	isPage := strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") && answer.Status < http.StatusInternalServerError
	to, _, _ := strings.Cut(answer.Header.Get("Location"), "?")
	switch {
	case service == "payments" && answer.Status == http.StatusSeeOther && to == onwards && to != page:
		return doctor.Fine("buyers come back to %s, which sends them on to %s", page, to)
	case service == "payments":
		return doctor.Fail("set MARKETPLACE_PUBLIC_URL to the address under which buyers reach the marketplace, then restart the service",
			"buyers come back to %s, which is to send them on to %s, and answers %d %s", page, onwards, answer.Status, to)
	case service == "marketplace" && isPage:
		return doctor.Fine("buyers come back to %s, a page of the marketplace", page)
	case service == "" && answer.Status == http.StatusNotFound:
		return doctor.Warn("is there a route for GET /payments/finish? If not, add it; if BASE_URL is another's address, set BASE_URL", "buyers come back to %s, which answers 404", page)
	case service == "" && answer.Status < http.StatusInternalServerError:
		return doctor.Fine("buyers come back to %s, which answers %d; it is no marketplace of this project", page, answer.Status)
	}
	return doctor.Fail(set, "buyers come back to %s, which answers %d and is no page of a marketplace", page, answer.Status)
}
