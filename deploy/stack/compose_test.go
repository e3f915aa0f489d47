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
// the schema, and that every service, image, secret and volume which is named exists.
func TestCompose(t *testing.T) {
	t.Parallel()
	root, err := stack.Root()
	require.NoError(t, err)
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithWorkingDirectory(root))
	require.NoError(t, err)
	compose, err := options.LoadProject(t.Context())
	require.NoError(t, err)

	images := images(t, filepath.Join(root, "deploy", "docker", "Dockerfile"))
	for _, name := range []string{"sandbox", "payments", "web", "postgres", "proxy"} {
		require.Contains(t, compose.Services, name)
	}
	for name, service := range compose.Services {
		if service.Build != nil {
			require.Equal(t, "deploy/docker/Dockerfile", service.Build.Dockerfile, name)
			require.Contains(t, images, service.Build.Target, name)
			require.True(t, service.ReadOnly, "%s writes where it should not", name)
			require.Equal(t, []string{"ALL"}, service.CapDrop, name)
		}
		for other, wait := range service.DependsOn {
			if wait.Condition == "service_healthy" {
				awaited := compose.Services[other]
				healthy := awaited.HealthCheck != nil || awaited.Build != nil && images[awaited.Build.Target]
				require.True(t, healthy, "%s waits until %s is healthy, which it never says", name, other)
			}
		}
		mounted := map[string]bool{}
		for _, volume := range service.Volumes {
			mounted[volume.Target] = true
		}
		for variable, value := range service.Environment {
			if value == nil {
				continue
			}
			if strings.HasPrefix(*value, "/secrets/") {
				require.True(t, mounted[filepath.Dir(*value)], "%s is not given %s, which is its %s", name, *value, variable)
			}
			require.NotContains(t, strings.ToLower(*value), "password=", "%s: a secret in its environment", name)
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

// images are what a Dockerfile makes, by their targets, and whether each has a health check.
func images(t *testing.T, file string) map[string]bool {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	found := map[string]bool{}
	last := ""
	for line := range strings.Lines(string(content)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 4 && words[0] == "FROM" && words[2] == "AS":
			last = words[3]
			found[last] = false
		case len(words) > 1 && words[0] == "HEALTHCHECK":
			found[last] = true
		}
	}
	return found
}
