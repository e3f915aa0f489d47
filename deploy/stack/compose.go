package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"tianguis.example/chassis/clock"
)

// Compose is the stack that `docker compose up` has started from the docker-compose.yml at Root. Docker's own variables
// (COMPOSE_PROJECT_NAME, DOCKER_HOST, …) say which and where.
type Compose struct {
	Root string // the repository

	// Where it answers, as docker-compose.yml publishes it: http://localhost:8000.
	Marketplace, Payments, Sandbox string
}

// composeServices are the names in docker-compose.yml where they differ from the program's.
var composeServices = map[string]string{Marketplace: "web"}

// composeService is the name that a program has in docker-compose.yml.
func composeService(name string) string {
	if service, differs := composeServices[name]; differs {
		return service
	}
	return name
}

// Stack is what runs, seen from here: its programs can be asked and Run, but neither started nor stopped. The secrets that the
// services share are copied into the folder state.
func (c Compose) Stack(ctx context.Context, state string) (*Stack, error) {
	program := func(name, address string) *Program {
		return &Program{
			Name: name, Binary: name, Address: address, Log: filepath.Join(state, "logs", name+".log"),
			Through: []string{"docker", "compose", "--project-directory", c.Root, "exec", "-T", composeService(name)},
		}
	}
	s := &Stack{
		Marketplace: program(Marketplace, c.Marketplace), Payments: program(Payments, c.Payments), Sandbox: program(Sandbox, c.Sandbox), state: state,
		Secrets: Secrets{APIKey: filepath.Join(state, "api_key"), WebhookSecret: filepath.Join(state, "webhook_secret")},
	}
	for _, file := range []string{s.Secrets.APIKey, s.Secrets.WebhookSecret} {
		if _, err := c.Do(ctx, "cp", "payments:/secrets/payments/"+filepath.Base(file), file); err != nil {
			return nil, err
		}
	}
	// The first of the keys is the operators', which may do everything.
	keys, err := ReadSecret(s.Secrets.APIKey)
	if err != nil {
		return nil, err
	}
	operators, _, _ := strings.Cut(keys, " ")
	return s, os.WriteFile(s.Secrets.APIKey, []byte(operators), 0o600)
}

// Do is `docker compose` with these arguments. It returns the standard output; its error tells what was written to standard error.
func (c Compose) Do(ctx context.Context, arguments ...string) (string, error) {
	return c.command(ctx, "docker", append([]string{"compose"}, arguments...)...)
}

// Script runs one of deploy/compose/*.sh.
func (c Compose) Script(ctx context.Context, name string, arguments ...string) error {
	_, err := c.command(ctx, filepath.Join(c.Root, "deploy", "compose", name), arguments...)
	return err
}

func (c Compose) command(ctx context.Context, name string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir = c.Root
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(arguments, " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), err
}

// Roll replaces the replicas of a program, one after the other (deploy/compose/roll.sh).
func (c Compose) Roll(ctx context.Context, program string) error {
	return c.Script(ctx, "roll.sh", composeService(program))
}

// KillOne kills one replica of a program as a power cut would, and starts it again after a while.
func (c Compose) KillOne(ctx context.Context, program string, down time.Duration) error {
	replicas, err := c.Do(ctx, "ps", "--quiet", composeService(program))
	if err != nil {
		return err
	}
	if strings.Count(replicas, "\n") == 0 {
		return errors.New("there is no second replica of " + program)
	}
	victim, _, _ := strings.Cut(replicas, "\n")
	if _, err := c.command(ctx, "docker", "kill", victim); err != nil {
		return err
	}
	err = clock.Sleep(ctx, clock.System(), down)
	_, started := c.command(context.WithoutCancel(ctx), "docker", "start", victim)
	return errors.Join(err, started)
}

// RestartPostgres kills the database as a power cut would, starts it again after a while, and returns when it answers.
func (c Compose) RestartPostgres(ctx context.Context, down time.Duration) error {
	if _, err := c.Do(ctx, "kill", "postgres"); err != nil {
		return err
	}
	err := clock.Sleep(ctx, clock.System(), down)
	_, started := c.Do(context.WithoutCancel(ctx), "up", "--detach", "--no-deps", "--no-recreate", "--wait", "postgres")
	return errors.Join(err, started)
}

// ComposeFromEnv is the compose stack that the environment points at, or false when it points at none: STACK=compose, and
// STACK_MARKETPLACE_URL, STACK_PAYMENTS_URL and STACK_SANDBOX_URL where its addresses are not the documented ones.
func ComposeFromEnv(root string) (Compose, bool, error) {
	or := func(name, usual string) string {
		if value := os.Getenv(name); value != "" {
			return strings.TrimRight(value, "/")
		}
		return usual
	}
	c := Compose{
		Root:        root,
		Marketplace: or("STACK_MARKETPLACE_URL", "http://localhost:8000"),
		Payments:    or("STACK_PAYMENTS_URL", "http://localhost:4001"),
		Sandbox:     or("STACK_SANDBOX_URL", "http://sandbox.localhost:4100"),
	}
	switch kind := os.Getenv("STACK"); kind {
	case "", "own":
		return Compose{}, false, nil
	case "compose":
		return c, true, nil
	default:
		return Compose{}, false, fmt.Errorf("STACK is %q: it must be own (processes of the tests' own) or compose (what docker compose has started)", kind)
	}
}
