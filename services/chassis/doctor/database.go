package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/disk"
)

// Database is a check of the database that a service keeps its things in.
type Database struct {
	Address    string // DATABASE_URL
	Migrations fs.FS
	Migrate    string // the command that brings the schema up to date
	Clock      clock.Clock
	// Opened is called with the database as it is, when what it holds can be read.
	Opened func(*database.DB)
}

// How far apart the clocks of this machine and the database's may be, and how slow its answer and full its disk.
const (
	clockApart    = 2 * time.Second
	clockTooApart = 30 * time.Second // a lease lasts about as long: replicas would take each other's work
	slowAnswer    = 250 * time.Millisecond
	littleSpace   = 1 << 30   // bytes
	noSpace       = 100 << 20 // bytes
)

// Check looks whether it answers and how fast, at its schema, its clock, and on SQLite at its file.
func (d Database) Check() Check {
	return Check{Name: "database", Limit: 10 * time.Second, Look: d.look}
}

func (d Database) look(ctx context.Context) []Finding {
	var all []Finding
	if file, ok := strings.CutPrefix(d.Address, database.SQLite+":"); ok {
		info, err := os.Stat(file)
		if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 { // and opening it would make it
			return []Finding{Fail(d.Migrate, "there is no database at %s: either the service has never run here, or DATABASE_URL is not what it has", file)}
		}
		all = d.file(file)
	}
	db, err := database.Open(ctx, d.Address, database.Options{Clock: d.Clock, MaxConns: 2})
	if err != nil {
		return append(all, Fail("start the database, or set DATABASE_URL to where it is", "%s", Why(ctx, err)))
	}
	facts, err := database.Inspect(ctx, db, d.Migrations)
	if err != nil {
		_ = db.Close()
		return append(all, Fail("see the database's own log", "%s", Why(ctx, err)))
	}
	if facts.Foreign { // and to migrate it would mix the two
		_ = db.Close()
		return append(all, Fail("set DATABASE_URL to this service's own database", "%s answered, and is the database of another program: it has %s", facts.Server, strings.Join(facts.Unknown, ", ")))
	}
	all = append(all, d.tell(facts)...)
	if len(facts.Missing) > 0 {
		_ = db.Close()
		return append(all, Fail(d.Migrate, "its schema lacks %s", strings.Join(facts.Missing, ", ")))
	}
	d.Opened(db)
	return all
}

func (d Database) tell(f database.Facts) []Finding {
	all := []Finding{Fine("%s answered after %s; its schema is this program's", f.Server, f.Took.Round(100*time.Microsecond))}
	if len(f.Missing) > 0 {
		all[0] = Fine("%s answered after %s", f.Server, f.Took.Round(100*time.Microsecond))
	}
	if len(f.Unknown) > 0 {
		all[0] = Warn("run the program's newest version", "%s has %s, of a newer version of this program", f.Server, strings.Join(f.Unknown, ", "))
	}
	if f.Took > slowAnswer {
		all = append(all, Warn("look at the load of the database, and at the network between", "it took %s to answer a question about nothing", f.Took.Round(time.Millisecond)))
	}
	apart := max(f.Ahead, -f.Ahead) - f.Took
	const set = "set the clocks by NTP, on both machines"
	if apart > clockTooApart {
		all = append(all, Fail(set, "its clock is %s away from this machine's", apart.Round(time.Second)))
	} else if apart > clockApart {
		all = append(all, Warn(set, "its clock is %s away from this machine's", apart.Round(100*time.Millisecond)))
	}
	return all
}

// file looks at an SQLite file and the folder around it, in which SQLite makes two more.
func (d Database) file(file string) []Finding {
	var all []Finding
	folder := filepath.Dir(file)
	f, err := os.OpenFile(file, os.O_RDWR, 0) //nolint:gosec // G304: the operator names the file
	if err == nil {
		err = f.Close()
	}
	if err == nil && !disk.Writable(folder) {
		err = fmt.Errorf("the folder %s cannot be written", folder)
	}
	if err != nil {
		all = append(all, Fail("chown or chmod it, so that the user of the service may write", "%v", err))
	}
	all = append(all, room(folder, file)...)
	if readableByOthers(file) {
		all = append(all, Warn("chmod 600 "+file, "everybody on this machine can read the database %s", file))
	}
	return all
}
