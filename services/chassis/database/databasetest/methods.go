package databasetest

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
)

// EveryMethod makes each of calls, which are a store's methods by their names, each in all the ways in which it asks the database. A method of the store
// that is not in it fails the test, and so does one that returns an error. during is told which method is called.
func EveryMethod(t *testing.T, store any, calls map[string]func() error, during func(method string, call func())) {
	t.Helper()
	called := map[string]bool{}
	all := reflect.TypeOf(store)
	for i := range all.NumMethod() {
		name := all.Method(i).Name
		called[name] = true
		if calls[name] == nil {
			t.Errorf("%s is not called: add it, so that what it asks the database is looked at", name)
			continue
		}
		during(name, func() {
			if err := calls[name](); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	for name := range calls {
		if !called[name] {
			t.Errorf("there is no method %s any more", name)
		}
	}
}

// One is what a query finds, asked in a way that no Explainer looks at.
func One[T any](t *testing.T, db *database.DB, query string) (found T) {
	t.Helper()
	pool, err := db.Pool()
	require.NoError(t, err)
	require.NoError(t, pool.QueryRowContext(t.Context(), query).Scan(&found), query)
	return found
}
