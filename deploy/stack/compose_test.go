package stack_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/stretchr/testify/require"

	"tianguis.example/stack"
)

// TestCompose loads docker-compose.yml with the library that `docker compose` itself reads it with: it checks
// the schema, and that every service, secret and volume which is named exists.
func TestCompose(t *testing.T) {
	t.Parallel()
	root, err := stack.Root()
	require.NoError(t, err)
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithWorkingDirectory(root))
	require.NoError(t, err)
	compose, err := options.LoadProject(t.Context())
	require.NoError(t, err)

	for _, service := range []string{stack.Sandbox, stack.Payments, stack.Marketplace} {
		require.Contains(t, compose.Services, service)
		require.NotNil(t, compose.Services[service].Build)
		require.Equal(t, service, *compose.Services[service].Build.Args["SERVICE"])
	}
	for name, service := range compose.Services {
		if service.Build != nil {
			require.FileExists(t, filepath.Join(service.Build.Context, service.Build.Dockerfile), name)
		}
		for other, wait := range service.DependsOn {
			if wait.Condition == "service_healthy" {
				require.NotNil(t, compose.Services[other].HealthCheck, "%s waits until %s is healthy", name, other)
			}
		}
		mounted := map[string]bool{}
		for _, secret := range service.Secrets {
			mounted[secret.Source] = true
		}
		for variable, value := range service.Environment {
			if value == nil {
				continue
			}
			if secret, isSecret := strings.CutPrefix(*value, "/run/secrets/"); isSecret {
				require.True(t, mounted[secret], "%s has no secret for %s", name, variable)
			}
		}
		for _, port := range service.Ports {
			require.Equal(t, "127.0.0.1", port.HostIP, "%s is not for the whole network", name)
		}
		for _, volume := range service.Volumes {
			if volume.Type == "bind" {
				_, err := os.Stat(volume.Source)
				require.NoError(t, err, name)
			}
		}
	}
}
