package tracing

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"tianguis.example/chassis/logging"
	"tianguis.example/chassis/settings"
)

// Settings are for the settings of a service to embed. The names are those of the OpenTelemetry specification ("OpenTelemetry Environment Variable
// Specification" and "OpenTelemetry Protocol Exporter").
type Settings struct {
	OTLPEndpoint     string         `env:"OTEL_EXPORTER_OTLP_ENDPOINT" help:"Where traces are sent, by OTLP over HTTP: the address of an OpenTelemetry collector, such as http://localhost:4318 (/v1/traces is added).\nWithout it there are none."`
	OTLPHeaders      logging.Secret `env:"OTEL_EXPORTER_OTLP_HEADERS" help:"Headers that the collector asks for: name=value, separated by commas, percent-encoded."`
	TracesSampler    string         `env:"OTEL_TRACES_SAMPLER" default:"parentbased_always_on" help:"Which traces are kept: parentbased_always_on, parentbased_traceidratio, parentbased_always_off, always_on, traceidratio or always_off."`
	TracesSamplerArg string         `env:"OTEL_TRACES_SAMPLER_ARG" default:"1" help:"For the samplers with a ratio: the share that is kept, from 0 to 1."`
}

// Validate refuses what cannot work.
func (s Settings) Validate() error {
	var wrong []error
	if s.OTLPEndpoint != "" {
		u, err := url.Parse(s.OTLPEndpoint)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			wrong = append(wrong, settings.Wrong("OTEL_EXPORTER_OTLP_ENDPOINT", "must be an address such as http://localhost:4318, without a user, a query or a fragment"))
		}
	}
	if _, err := s.headers(); err != nil {
		wrong = append(wrong, err)
	}
	if _, err := s.sampler(); err != nil {
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

func (s Settings) tracesURL() string { return strings.TrimRight(s.OTLPEndpoint, "/") + "/v1/traces" }

// headers reads name=value pairs, as W3C Baggage writes them.
func (s Settings) headers() (map[string]string, error) {
	headers := map[string]string{}
	for pair := range strings.SplitSeq(s.OTLPHeaders.Reveal(), ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if name = strings.TrimSpace(name); !found || name == "" || err != nil {
			return nil, settings.Wrong("OTEL_EXPORTER_OTLP_HEADERS", "must be name=value, several separated by commas, percent-encoded") // and does not show them
		}
		headers[name] = value
	}
	return headers, nil
}

func (s Settings) sampler() (sdk.Sampler, error) {
	share, err := strconv.ParseFloat(s.TracesSamplerArg, 64)
	if err != nil || !(share >= 0 && share <= 1) { // NaN is neither
		return nil, settings.Wrong("OTEL_TRACES_SAMPLER_ARG", "must be from 0 to 1, not %q", s.TracesSamplerArg)
	}
	name, parentBased := strings.CutPrefix(s.TracesSampler, "parentbased_")
	var root sdk.Sampler
	switch name {
	case "always_on":
		root = sdk.AlwaysSample()
	case "always_off":
		root = sdk.NeverSample()
	case "traceidratio":
		root = sdk.TraceIDRatioBased(share)
	default:
		return nil, settings.Wrong("OTEL_TRACES_SAMPLER", "must be always_on, traceidratio or always_off, or one of them after parentbased_, not %q", s.TracesSampler)
	}
	if parentBased {
		return sdk.ParentBased(root), nil
	}
	return root, nil
}
