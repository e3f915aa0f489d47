package stack_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"tianguis.example/stack"
)

// composeFile is what TestCompose looks at; yaml.v3 resolves anchors and merge keys.
type composeFile struct {
	Services map[string]struct {
		Image   string
		Command []string
		Build   struct {
			Context    string
			Dockerfile string
			Args       map[string]string
		}
		Environment map[string]string
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
		Secrets     []string
		Volumes     []string
		Ports       []string
		Healthcheck struct{ Test []string }
	}
	Secrets map[string]struct{ File string }
	Volumes map[string]any
}

// TestCompose checks what `docker compose config` would, for machines without it: that the file
// parses, and that everything in it which names another thing names one that is there.
func TestCompose(t *testing.T) {
	t.Parallel()
	root, err := stack.Root()
	require.NoError(t, err)
	content, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	require.NoError(t, err)
	var compose composeFile
	require.NoError(t, yaml.Unmarshal(content, &compose))

	for _, service := range []string{stack.Sandbox, stack.Payments, stack.Marketplace} {
		require.Contains(t, compose.Services, service)
		require.Equal(t, service, compose.Services[service].Build.Args["SERVICE"])
	}
	for name, service := range compose.Services {
		require.NotEmpty(t, service.Image, name)
		if service.Build.Context != "" {
			require.FileExists(t, filepath.Join(root, service.Build.Context, service.Build.Dockerfile), name)
		}
		for other, wait := range service.DependsOn {
			require.Contains(t, compose.Services, other, name)
			if wait.Condition == "service_healthy" {
				require.NotEmpty(t, compose.Services[other].Healthcheck.Test, "%s waits until %s is healthy", name, other)
			}
		}
		for _, secret := range service.Secrets {
			require.Contains(t, compose.Secrets, secret, name)
		}
		for variable, value := range service.Environment {
			if secret, isSecret := strings.CutPrefix(value, "/run/secrets/"); isSecret {
				require.Contains(t, service.Secrets, secret, "%s: %s", name, variable)
			}
		}
		for _, port := range service.Ports {
			require.True(t, strings.HasPrefix(port, "127.0.0.1:"), "%s: %s is not for the whole network", name, port)
		}
		for _, volume := range service.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if strings.HasPrefix(source, ".") {
				require.FileExists(t, filepath.Join(root, source), name)
			} else {
				require.Contains(t, compose.Volumes, source, name)
			}
		}
	}
}
