package main

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// The readers of secrets, by their folders: each is a volume of its own in the compose stack, so that nobody
// can read what is not theirs. The marketplace has neither the key to the wallets' tokens nor the platform's.
const (
	paymentsFolder = "payments"
	webFolder      = "web"
	postgresFolder = "postgres"
)

// owners are the users that read: of our images, and of the official Postgres image.
type owners struct{ services, postgres int }

func (o *owners) flags(command *cobra.Command, folder *string) {
	command.Flags().StringVar(folder, "folder", "/secrets", "the folder of the readers' folders")
	command.Flags().IntVar(&o.services, "services-user", 10001, "the user and group of the services' images")
	command.Flags().IntVar(&o.postgres, "postgres-user", 999, "the user and group of the Postgres image")
}

func secretsCommand() *cobra.Command {
	var folder string
	var own owners
	command := &cobra.Command{
		Use:   "secrets",
		Short: "Make the secrets that are not there yet; those that are there stay as they are",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			made, err := makeSecrets(folder, own)
			for _, name := range made {
				fmt.Fprintln(cmd.OutOrStdout(), "made", name)
			}
			if err == nil && len(made) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), "all secrets are there")
			}
			return err
		},
	}
	own.flags(command, &folder)
	return command
}

// putCommand is for rotate.sh: the images have no shell to do it with.
func putCommand() *cobra.Command {
	var folder string
	var own owners
	command := &cobra.Command{
		Use:   "put <reader>/<name>",
		Short: "Put what comes on standard input in the place of a secret that is there",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			reader, name, _ := strings.Cut(args[0], "/")
			owner := own.services
			if reader == postgresFolder {
				owner = own.postgres
			}
			return putSecret(filepath.Join(folder, reader), name, owner, cmd.InOrStdin())
		},
	}
	own.flags(command, &folder)
	return command
}

// putSecret replaces a secret whole, or not at all.
func putSecret(folder, name string, owner int, from io.Reader) error {
	path := filepath.Join(folder, filepath.Base(name))
	if before, err := os.Lstat(path); err != nil || !before.Mode().IsRegular() {
		return fmt.Errorf("there is no secret %s/%s", filepath.Base(folder), name)
	}
	content, err := io.ReadAll(io.LimitReader(from, 64<<10))
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(content)) == 0 {
		return errors.New("standard input is empty: nothing was changed")
	}
	return write(path, content, owner)
}

// makeSecrets returns the names of the files that it made.
func makeSecrets(root string, own owners) ([]string, error) {
	m := &maker{root: root}
	for folder, owner := range map[string]int{paymentsFolder: own.services, webFolder: own.services, postgresFolder: own.postgres} {
		if err := m.folder(folder, owner); err != nil {
			return nil, err
		}
	}
	// The operators' key, which may do everything, and the marketplace's, which may pay (decision 12). In installations from before there is one for both,
	// until rotate.sh replaces it.
	m.secret(paymentsFolder, "api_key", own.services, func() []byte {
		return fmt.Appendf(nil, "%s pay:%s\n", bytes.TrimSpace(random()), bytes.TrimSpace(random()))
	})
	m.secret(webFolder, "api_key", own.services, func() []byte {
		keys := bytes.Fields(m.read(paymentsFolder, "api_key"))
		if len(keys) == 0 {
			m.err = errors.New("payments/api_key is empty")
			return nil
		}
		return append(bytes.TrimPrefix(keys[len(keys)-1], []byte("pay:")), '\n')
	})
	m.secret(paymentsFolder, "webhook_secret", own.services, func() []byte { return append([]byte("whsec_"), random()...) })
	m.copy(webFolder, "webhook_secret", own.services, paymentsFolder)
	m.secret(paymentsFolder, "token_encryption_key", own.services, random)
	m.secret(paymentsFolder, platformKeyFile, own.services, newPlatformKey)
	m.secret(postgresFolder, "superuser", own.postgres, password)
	for folder, role := range map[string]string{paymentsFolder: "payments", webFolder: "marketplace"} {
		m.secret(postgresFolder, role, own.postgres, password)
		m.secret(folder, "pgpass", own.services, func() []byte {
			return fmt.Appendf(nil, "*:*:*:%s:%s\n", role, bytes.TrimSpace(m.read(postgresFolder, role)))
		})
	}
	return m.made, m.err
}

// random is 32 random bytes, as TOKEN_ENCRYPTION_KEY wants them.
func random() []byte {
	bits := make([]byte, 32)
	_, _ = rand.Read(bits) // never returns an error (crypto/rand)
	return append([]byte(base64.StdEncoding.EncodeToString(bits)), '\n')
}

// password has no character that a password file, SQL or a URL would take for something else.
func password() []byte {
	bits := make([]byte, 24)
	_, _ = rand.Read(bits) // never returns an error (crypto/rand)
	return append([]byte(hex.EncodeToString(bits)), '\n')
}

// maker makes files, until something goes wrong.
type maker struct {
	root string
	made []string
	err  error
}

func (m *maker) folder(name string, owner int) error {
	path := filepath.Join(m.root, name)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	return errors.Join(os.Chmod(path, 0o700), chown(path, owner)) //nolint:gosec // G302: a folder that is entered
}

// secret makes a file that only its owner can read. It is whole, or not there. One that is there keeps its content, and is given to
// its owner: it may come from a backup.
func (m *maker) secret(folder, name string, owner int, content func() []byte) {
	if m.err != nil {
		return
	}
	path := filepath.Join(m.root, folder, name)
	switch _, err := os.Lstat(path); {
	case err == nil:
		m.err = errors.Join(chown(path, owner), os.Chmod(path, 0o400))
		return
	case !errors.Is(err, fs.ErrNotExist):
		m.err = err
		return
	}
	text := content()
	if m.err != nil {
		return
	}
	if err := write(path, text, owner); err != nil {
		m.err = fmt.Errorf("make %s/%s: %w", folder, name, err)
		return
	}
	m.made = append(m.made, folder+"/"+name)
}

// copy gives a reader the secret that another has already.
func (m *maker) copy(folder, name string, owner int, from string) {
	m.secret(folder, name, owner, func() []byte { return m.read(from, name) })
}

func (m *maker) read(folder, name string) []byte {
	content, err := os.ReadFile(filepath.Join(m.root, folder, name))
	m.err = errors.Join(m.err, err)
	return content
}

func write(path string, content []byte, owner int) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-") // readable by its owner alone
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignore(os.Remove(f.Name()), fs.ErrNotExist)) }()
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close(), chown(f.Name(), owner), os.Chmod(f.Name(), 0o400)); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}

// chown gives a file away. Whoever is not root has no one to give it to.
func chown(path string, owner int) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(path, owner, owner)
}
