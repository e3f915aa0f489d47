package postgres

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
)

// Tool is one of the programs that come with the server, such as pgbench, ready to be given its arguments: it connects to
// this server by the environment, so that no password is on its command line.
func (s *Server) Tool(ctx context.Context, name string, arguments ...string) (*exec.Cmd, error) {
	path, err := s.find(name)
	if err != nil {
		return nil, fmt.Errorf("%s, which comes with PostgreSQL's server, is missing: %w", name, err)
	}
	u, err := url.Parse(s.Address)
	if err != nil {
		return nil, err
	}
	password, _ := u.User.Password()
	command := exec.CommandContext(ctx, path, arguments...)
	command.Env = append(os.Environ(), // https://www.postgresql.org/docs/current/libpq-envars.html
		"PGHOST="+u.Hostname(), "PGPORT="+u.Port(), "PGUSER="+u.User.Username(), "PGPASSWORD="+password, "PGDATABASE="+filepath.Base(u.Path))
	return command, nil
}

// find looks beside the server's own programs first: Debian keeps them off the PATH.
func (s *Server) find(name string) (string, error) {
	if s.own != nil {
		path := filepath.Join(s.own.binaries, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return exec.LookPath(name)
}
