// Package dashboard reads the Grafana dashboard of the project, and draws what it shows of a Prometheus.
//
// The drawing is not Grafana's: it is for a picture, and for tests, where Grafana is not to be had.
package dashboard

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// Dashboard is what is used here of a Grafana dashboard.
type Dashboard struct {
	Title  string
	Panels []Panel
}

// Panel is one chart, one number, or the title of a row.
type Panel struct {
	Type        string // timeseries, stat or row
	Title       string
	GridPos     Grid
	Targets     []Target
	FieldConfig struct {
		Defaults struct {
			Unit       string
			Decimals   int
			Custom     struct{ Stacking struct{ Mode string } }
			Thresholds struct {
				Steps []struct {
					Color string
					Value *float64
				}
			}
		}
	}
}

// Grid is a place on a page that is 24 wide.
type Grid struct{ X, Y, W, H int }

// Target is one query, and what its series are called ({{label}}).
type Target struct{ Expr, LegendFormat string }

// Read reads a dashboard from its file.
func Read(file string) (Dashboard, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return Dashboard{}, err
	}
	var d Dashboard
	if err := json.Unmarshal(content, &d); err != nil {
		return Dashboard{}, fmt.Errorf("%s: %w", file, err)
	}
	return d, nil
}

// Query is the target's query, with what Grafana would put for its variables: rates over that time.
func (t Target) Query(rates time.Duration) string {
	return strings.ReplaceAll(t.Expr, "$__rate_interval", fmt.Sprintf("%dms", rates.Milliseconds()))
}
