package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/settings"
	"tianguis.example/marketplace/store"
)

func open(ctx context.Context, c databaseConfig, now clock.Clock) (*database.DB, error) {
	return database.Open(ctx, c.DatabaseURL, database.Options{Clock: now, Limits: c.Limits})
}

// openMigrated opens the database with its schema up to date. On SQLite, which one process has to itself, it brings it
// there; on Postgres, which others share, it refuses and says what to run.
func openMigrated(ctx context.Context, c databaseConfig, log *slog.Logger, now clock.Clock) (*database.DB, error) {
	db, err := open(ctx, c, now)
	if err != nil {
		return nil, err
	}
	if err := migrated(ctx, db, log); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func migrated(ctx context.Context, db *database.DB, log *slog.Logger) error {
	if db.Dialect() == database.SQLite {
		applied, err := database.Migrate(ctx, db, store.Migrations())
		if len(applied) > 0 {
			log.InfoContext(ctx, "migrations applied", "names", strings.Join(applied, " "))
		}
		return err
	}
	all, err := database.Migrations(ctx, db, store.Migrations())
	if err != nil {
		return err
	}
	var pending []string
	for _, m := range all {
		if !m.Applied {
			pending = append(pending, m.Name)
		}
	}
	if len(pending) > 0 {
		return settings.Wrong("DATABASE_URL", "names a database without %s: run `marketplace migrate` first", strings.Join(pending, ", "))
	}
	return nil
}
