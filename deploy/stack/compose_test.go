package stack_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"tianguis.example/stack"
)

// TestCompose loads docker-compose.yml with the library that `docker compose` itself reads it with: it checks
// the schema, and that every service, image, secret and volume which is named exists. So it does with each profile.
func TestCompose(t *testing.T) {
	t.Parallel()
	main := []string{"sandbox", "payments", "web", "postgres", "proxy"}
	for profile, names := range map[string][]string{
		"": main, "observability": append([]string{"prometheus", "grafana", "traces"}, main...),
		"rafiki": append([]string{"rafiki-backend", "rafiki-auth", "rafiki-frontend", "rafiki-ase"}, main...),
	} {
		t.Run("profile "+profile, func(t *testing.T) {
			t.Parallel()
			compose := load(t, cli.WithDefaultProfiles(profile))
			for _, name := range names {
				require.Contains(t, compose.Services, name)
			}
			if profile == "" {
				require.NotContains(t, compose.Services, "grafana")
				require.NotContains(t, compose.Services, "rafiki-auth")
			}
			lookAt(t, compose)
		})
	}
}

// load is the project, as docker compose has it in the folder of the repository.
func load(t *testing.T, more ...cli.ProjectOptionsFn) *types.Project {
	t.Helper()
	root, err := stack.Root()
	require.NoError(t, err)
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, append(more, cli.WithWorkingDirectory(root))...)
	require.NoError(t, err)
	compose, err := options.LoadProject(t.Context())
	require.NoError(t, err)
	return compose
}

// lookAt checks what the services of a project say of one another.
func lookAt(t *testing.T, compose *types.Project) {
	t.Helper()
	images := images(t, filepath.Join(compose.WorkingDir, "deploy", "docker", "Dockerfile"))
	for name, service := range compose.Services {
		require.NotContains(t, service.Image, ":latest", name)
		if !strings.HasSuffix(name, "postgres") { // whose image begins as root, to become somebody else
			require.Equal(t, []string{"ALL"}, service.CapDrop, name)
			require.Contains(t, service.SecurityOpt, "no-new-privileges:true", name)
		}
		if service.Build != nil && strings.HasPrefix(service.Image, "tianguis/") && service.Build.Context == compose.WorkingDir {
			require.Equal(t, "deploy/docker/Dockerfile", service.Build.Dockerfile, name)
			require.Contains(t, images, service.Build.Target, name)
			require.True(t, service.ReadOnly, "%s writes where it should not", name)
		}
		for other, wait := range service.DependsOn {
			awaited, there := compose.Services[other]
			require.True(t, there || !wait.Required, "%s waits for %s, which there is not", name, other)
			if wait.Condition == "service_healthy" {
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
			if variable == "UPLOADS_DIR" {
				require.True(t, mounted[filepath.Dir(*value)], "%s loses what people hand in", name)
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

// TestCompose_Watched compares the ports at which the replicas tell their metrics with those that Prometheus asks for, under the names
// that the replicas have.
func TestCompose_Watched(t *testing.T) {
	t.Parallel()
	compose := load(t, cli.WithDefaultProfiles("observability"))
	content, err := os.ReadFile(filepath.Join(compose.WorkingDir, "deploy", "prometheus", "prometheus.yml"))
	require.NoError(t, err)
	var config struct {
		Jobs []struct {
			DNS []struct {
				Names []string
				Port  int
			} `json:"dns_sd_configs"`
		} `json:"scrape_configs"`
	}
	require.NoError(t, yaml.Unmarshal(content, &config))
	require.Len(t, config.Jobs, 2)
	for i, name := range []string{"payments", "web"} {
		service, found := compose.Services[name], config.Jobs[i].DNS[0]
		require.Equal(t, fmt.Sprintf("0.0.0.0:%d", found.Port), *service.Environment["METRICS_LISTEN"])
		require.Equal(t, found.Names, service.Networks[name].Aliases)
		require.Contains(t, compose.Services["prometheus"].Networks, name)
		require.Empty(t, service.Ports, "the port of the metrics asks for no key")
	}
}

// TestCompose_Rafiki takes the one command of docs/rafiki.md: its wallet addresses are accounts of the seed, the key is one that the
// seed publishes, the names are those under which payments finds Rafiki, and the sandbox is not there.
func TestCompose_Rafiki(t *testing.T) {
	t.Parallel()
	root, err := stack.Root()
	require.NoError(t, err)
	compose := load(t, cli.WithEnvFiles(filepath.Join(root, "deploy", "compose", "rafiki.env")), cli.WithDotEnv, cli.WithDefaultProfiles())
	require.Contains(t, compose.Services, "rafiki-auth", "COMPOSE_PROFILES")
	require.Zero(t, *compose.Services["sandbox"].Deploy.Replicas)
	lookAt(t, compose)

	content, err := os.ReadFile(filepath.Join(root, "deploy", "compose", "rafiki", "seed.yml"))
	require.NoError(t, err)
	var seed struct{ Accounts []struct{ ID, Path string } }
	require.NoError(t, yaml.Unmarshal(content, &seed))
	wallets := *compose.Services["rafiki-backend"].Environment["OPEN_PAYMENTS_URL"]
	accounts := map[string]string{}
	for _, a := range seed.Accounts {
		accounts[wallets+"/"+a.Path] = a.ID
	}
	payments := compose.Services["payments"].Environment
	require.Equal(t, "keyid-"+accounts[*payments["SELLER_WALLET_ADDRESS_URL"]], *payments["SELLER_KEY_ID"])
	for _, word := range compose.Services["seed"].Command {
		if strings.HasPrefix(word, "http") {
			require.Contains(t, accounts, word)
		}
	}
	named := map[string]bool{}
	for _, service := range compose.Services {
		if network := service.Networks["payments"]; network != nil {
			for _, alias := range network.Aliases {
				named[alias] = true
			}
		}
	}
	for host := range strings.SplitSeq(*payments["WALLET_ALLOW_HOSTS"], ",") {
		name, _, _ := strings.Cut(host, ":")
		require.True(t, named[name], "payments may call %s, and does not find it", name)
	}
	require.Equal(t, "http://auth.rafiki.localhost:3006", *compose.Services["rafiki-auth"].Environment["AUTH_SERVER_URL"])
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
