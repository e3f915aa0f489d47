package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
)

// NewSchema makes an empty schema on the server, named prefix and something random, and returns an
// address whose connections see nothing else. It is the caller's to DropSchema.
func NewSchema(ctx context.Context, server, prefix string) (string, error) {
	schema := prefix + "_" + strings.ToLower(rand.Text())
	if err := execute(ctx, server, "CREATE SCHEMA "+schema); err != nil {
		return "", fmt.Errorf("make a schema: %w", err)
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	query := u.Query()
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// DropSchema removes the schema of an address that NewSchema returned.
func DropSchema(ctx context.Context, address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	return execute(ctx, address, "DROP SCHEMA "+u.Query().Get("search_path")+" CASCADE")
}

// NewDatabase makes an empty database on the server, named prefix and something random, and returns its address. It goes away with
// the server. Unlike schemas, databases do not hear one another's notifications.
func NewDatabase(ctx context.Context, server, prefix string) (string, error) {
	name := prefix + "_" + strings.ToLower(rand.Text())
	if err := execute(ctx, server, "CREATE DATABASE "+name); err != nil {
		return "", fmt.Errorf("make a database: %w", err)
	}
	u, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

func execute(ctx context.Context, server, statement string) error {
	db, err := database.Open(ctx, server, database.Options{Clock: clock.System(), MaxConns: 1})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	return db.Read(ctx).Exec(statement).Error
}
