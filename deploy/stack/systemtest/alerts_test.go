package systemtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// alertRule is what is looked at of a rule; promtool knows the rest.
type alertRule struct {
	Alert, Expr string
	Labels      struct{ Severity string }
	Annotations struct{ Summary, Runbook string }
}

// alertRules are those of deploy/prometheus/alerts.yml.
func alertRules(t *testing.T) (rules []alertRule) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, "deploy", "prometheus", "alerts.yml"))
	require.NoError(t, err)
	var file struct{ Groups []struct{ Rules []alertRule } }
	require.NoError(t, yaml.Unmarshal(content, &file))
	for _, group := range file.Groups {
		rules = append(rules, group.Rules...)
	}
	require.NotEmpty(t, rules)
	return rules
}

// TestAlerts has promtool make every alert fire and be silent (alerts_test.yml), and looks for its line in the runbook.
func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool := need(t, "promtool")
	folder := filepath.Join(root, "deploy", "prometheus")
	for _, arguments := range [][]string{{"check", "config", "prometheus.yml"}, {"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}} {
		command := exec.CommandContext(t.Context(), promtool, arguments...)
		command.Dir = folder
		out, err := command.CombinedOutput()
		require.NoError(t, err, "promtool %s:\n%s", strings.Join(arguments, " "), out)
	}

	content, err := os.ReadFile(filepath.Join(folder, "alerts_test.yml"))
	require.NoError(t, err)
	var tests struct {
		Tests []struct {
			Expected []struct {
				Expr    string
				Samples []any `json:"exp_samples"`
			} `json:"promql_expr_test"`
		}
	}
	require.NoError(t, yaml.Unmarshal(content, &tests))
	fires, silent := map[string]bool{}, map[string]bool{}
	named := regexp.MustCompile(`alertname=~?"([\w|]+)"`)
	for _, test := range tests.Tests {
		for _, e := range test.Expected {
			for name := range strings.SplitSeq(named.FindStringSubmatch(e.Expr)[1], "|") {
				if len(e.Samples) > 0 {
					fires[name] = true
				} else {
					silent[name] = true
				}
			}
		}
	}

	runbook, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	require.NoError(t, err)
	for _, r := range alertRules(t) {
		require.True(t, fires[r.Alert], "%s is never made to fire", r.Alert)
		require.True(t, silent[r.Alert], "%s is never made to be silent", r.Alert)
		require.Contains(t, []string{"page", "ticket"}, r.Labels.Severity, r.Alert)
		require.NotEmpty(t, r.Annotations.Summary, r.Alert)
		anchor := strings.ToLower(r.Alert)
		require.Equal(t, "docs/operations.md#"+anchor, r.Annotations.Runbook)
		line := regexp.MustCompile(`\| <a id="` + anchor + `"></a>` + r.Alert + ` \| ` + r.Labels.Severity + ` \| [^|]+ \| [^|]+ \|\n`)
		require.True(t, line.Match(runbook), "%s has no line in the runbook, or with another severity", r.Alert)
	}
}
