package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

const image = "postgres:17"

func dockerAnswers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return exec.CommandContext(ctx, "docker", "info").Run() == nil
}

func startContainer(ctx context.Context, port int) (*Server, error) {
	password := rand.Text()
	command := exec.CommandContext(ctx, "docker", "run", "--detach", "--rm",
		"--publish", "127.0.0.1:"+strconv.Itoa(port)+":5432",
		"--env", "POSTGRES_USER="+administrator, "--env", "POSTGRES_DB=postgres", "--env", "POSTGRES_PASSWORD",
		image, "-c", "fsync=off", "-c", "max_connections=300")
	command.Env = append(os.Environ(), "POSTGRES_PASSWORD="+password)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("start PostgreSQL in Docker: %w\n%s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	container := strings.TrimSpace(string(out))
	server := &Server{
		Address: address(password, port),
		stop: func() {
			_ = exec.CommandContext(context.WithoutCancel(ctx), "docker", "stop", container).Run()
		},
	}
	if err := waitReady(ctx, server.Address, nil); err != nil {
		server.Stop()
		return nil, err
	}
	return server, nil
}
