package dashboard_test

import (
	"bytes"
	"context"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	grafana "github.com/grafana/grafana-foundation-sdk/go/dashboard"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
	"tianguis.example/stack/dashboard"
)

func file(t *testing.T) string {
	t.Helper()
	root, err := stack.Root()
	require.NoError(t, err)
	return filepath.Join(root, "deploy", "grafana", "dashboards", "tianguis.json")
}

// TestDashboard_IsGrafanas reads the dashboard with Grafana's own types, which know every field by name, and looks at what a person
// would see: the three questions, and no two panels in one place.
func TestDashboard_IsGrafanas(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(file(t))
	require.NoError(t, err)
	plugins.RegisterDefaultPlugins()
	var known grafana.Dashboard //nolint:staticcheck // SA1019: Grafana reads files in this schema; the newer one is for its API
	var wrong cog.BuildErrors
	require.ErrorAs(t, known.UnmarshalJSONStrict(content), &wrong, "a list of errors, which may be empty")
	require.Empty(t, wrong)
	require.NoError(t, known.Validate())

	board, err := dashboard.Read(file(t))
	require.NoError(t, err)
	var rows []string
	taken := map[dashboard.Grid]string{}
	titles := map[string]bool{}
	for _, p := range board.Panels {
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		require.False(t, titles[p.Title], "two panels are called %q", p.Title)
		titles[p.Title] = true
		require.Contains(t, []string{"timeseries", "stat"}, p.Type, p.Title)
		require.NotEmpty(t, p.Targets, p.Title)
		require.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, p.Title)
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				cell := dashboard.Grid{X: p.GridPos.X + x, Y: p.GridPos.Y + y}
				require.Empty(t, taken[cell], "%s is over it", p.Title)
				taken[cell] = p.Title
			}
		}
	}
	require.Equal(t, []string{"Is money flowing?", "Is anything stuck?", "Is anyone knocking?", "The machine room"}, rows)
}

// still is a Prometheus that says the same of everything.
type still struct{ asked []string }

func (s *still) Query(_ context.Context, query string, at time.Time, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	s.asked = append(s.asked, query)
	return model.Vector{{Value: 3, Timestamp: model.TimeFromUnixNano(at.UnixNano())}}, nil, nil, nil
}

func (s *still) QueryRange(_ context.Context, query string, r v1.Range, _ ...v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
	s.asked = append(s.asked, query)
	return model.Matrix{{Metric: model.Metric{"state": "paid"}, Values: []model.SamplePair{{Timestamp: model.TimeFromUnixNano(r.Start.UnixNano()), Value: 3}}}}, nil, nil, nil
}

func TestDraw(t *testing.T) {
	t.Parallel()
	board, err := dashboard.Read(file(t))
	require.NoError(t, err)
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	prometheus := &still{}
	drawn, err := board.Draw(t.Context(), prometheus, v1.Range{Start: noon, End: noon.Add(time.Minute), Step: time.Second}, 10*time.Second)
	require.NoError(t, err)
	picture, err := png.Decode(bytes.NewReader(drawn))
	require.NoError(t, err)
	require.Equal(t, 24*70, picture.Bounds().Dx())
	targets := 0
	for _, p := range board.Panels {
		targets += len(p.Targets)
	}
	require.Len(t, prometheus.asked, targets)
	require.NotContains(t, strings.Join(prometheus.asked, "\n"), "$__", "Prometheus knows no variable of Grafana's")
}
