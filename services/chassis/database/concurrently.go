package database

import (
	"fmt"
	"regexp"
)

// outsideOfTransaction is the first line of a Postgres file that cannot be run in one: it makes or drops indexes CONCURRENTLY, which
// stops nobody from writing meanwhile (https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY).
const outsideOfTransaction = "-- outside of a transaction\n"

func (m migrator) applyOutside(f migrationFile) (did bool, err error) {
	if before, err := f.applied(m.db); err != nil || before {
		return false, err
	}
	err = m.patiently(func() error {
		for _, statement := range f.statements {
			if err := m.concurrently(statement); err != nil {
				return err
			}
		}
		return m.record(m.db, f)
	})
	return err == nil, err
}

var (
	indexConcurrently = regexp.MustCompile(`(?i)\b((?:CREATE|CREATE\s+UNIQUE|DROP)\s+INDEX)\s+CONCURRENTLY\b`)
	createIndex       = regexp.MustCompile(`(?is)^CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+IF\s+NOT\s+EXISTS\s+(\w+)\s`)
	dropIndex         = regexp.MustCompile(`(?is)^DROP\s+INDEX\s+CONCURRENTLY\s+IF\s+EXISTS\s+\w+$`)
)

// repeatable refuses statements that could not be run again, should the process be killed between them.
func repeatable(all []string) error {
	for _, statement := range all {
		if !createIndex.MatchString(statement) && !dropIndex.MatchString(statement) {
			return fmt.Errorf("outside of a transaction there can be CREATE INDEX CONCURRENTLY IF NOT EXISTS and DROP INDEX CONCURRENTLY IF EXISTS only, not: %s", statement)
		}
	}
	return nil
}

// concurrently makes or drops an index. What is left of an index whose making was cut short is invalid: it is not used, and would count as existing.
func (m migrator) concurrently(statement string) error {
	if made := createIndex.FindStringSubmatch(statement); made != nil {
		var invalid bool
		if err := m.db.Raw("SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(?)", made[1]).Scan(&invalid).Error; err != nil {
			return err
		}
		if invalid {
			if err := m.unhurried("DROP INDEX CONCURRENTLY IF EXISTS " + made[1]); err != nil {
				return err
			}
		}
	}
	return m.unhurried(statement)
}

// unhurried runs a statement that nobody has to wait for, and that may itself wait for transactions which began before it.
func (m migrator) unhurried(statement string) error {
	if err := m.db.Exec("SET lock_timeout = 0").Error; err != nil {
		return err
	}
	if err := m.db.Exec(statement).Error; err != nil {
		return err
	}
	return m.db.Exec(fmt.Sprintf("SET lock_timeout = %d", schemaLockTimeout.Milliseconds())).Error
}
