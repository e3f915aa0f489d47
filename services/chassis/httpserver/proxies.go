package httpserver

import (
	"fmt"
	"net"

	"github.com/labstack/echo/v4"
)

// ParseNetworks reads networks such as 172.16.0.0/12, as Options.TrustedProxies has them.
func ParseNetworks(networks []string) ([]*net.IPNet, error) {
	var parsed []*net.IPNet
	for _, text := range networks {
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			return nil, fmt.Errorf("%q is no network such as 172.16.0.0/12", text)
		}
		parsed = append(parsed, network)
	}
	return parsed, nil
}

// peers finds out who asks: as the connection has it, since a header is believed from a proxy of ours only.
func peers(proxies []*net.IPNet) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	// Echo trusts all of these by itself.
	trust := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, network := range proxies {
		trust = append(trust, echo.TrustIPRange(network))
	}
	return echo.ExtractIPFromXFFHeader(trust...)
}
