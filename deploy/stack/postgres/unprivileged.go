package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// unprivileged says as whom the server is to run: PostgreSQL refuses to run as root, so then it
// runs as the user postgres, or nobody, to whom folder is given.
func unprivileged(folder string) (*syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is not for the server: Stop ends it
	if os.Geteuid() != 0 {
		return attributes, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, gid, err := ids(account)
		if err != nil {
			return nil, err
		}
		if err := os.Chown(folder, int(uid), int(gid)); err != nil {
			return nil, err
		}
		attributes.Credential = &syscall.Credential{Uid: uid, Gid: gid}
		return attributes, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as")
}

func ids(account *user.User) (uid, gid uint32, err error) {
	u, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("read the id of the user %s: %w", account.Username, err)
	}
	g, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("read the group of the user %s: %w", account.Username, err)
	}
	return uint32(u), uint32(g), nil
}
