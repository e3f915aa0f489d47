package stack

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Secrets names the files, readable by their owner alone, that hold what the services share. The
// services read them through <VARIABLE>_FILE, so that no secret shows in a list of processes.
type Secrets struct {
	APIKey             string // between marketplace and payments
	WebhookSecret      string // whsec_…: signs and verifies webhooks
	TokenEncryptionKey string // of the payments service: base64 of 32 bytes
}

// makeSecrets makes the files in folder that are not there yet, and keeps those that are: the
// database of a former run is of no use without the key that its tokens were encrypted with.
func makeSecrets(folder string) (Secrets, error) {
	s := Secrets{
		APIKey:             filepath.Join(folder, "api_key"),
		WebhookSecret:      filepath.Join(folder, "webhook_secret"),
		TokenEncryptionKey: filepath.Join(folder, "token_encryption_key"),
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return Secrets{}, err
	}
	random := make([]byte, 32)
	for file, prefix := range map[string]string{s.APIKey: "", s.WebhookSecret: "whsec_", s.TokenEncryptionKey: ""} {
		_, _ = rand.Read(random) // never returns an error (crypto/rand)
		if err := writeOnce(file, prefix+base64.StdEncoding.EncodeToString(random)); err != nil {
			return Secrets{}, err
		}
	}
	return s, nil
}

// writeOnce writes a file that only its owner can read, unless there is one.
func writeOnce(file, text string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text + "\n"); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// ReadSecret reads one of the files of Secrets.
func ReadSecret(file string) (string, error) {
	content, err := os.ReadFile(file)
	return strings.TrimSpace(string(content)), err
}
