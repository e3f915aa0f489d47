package store

import "io/fs"

// Migrations are the schema's files, a folder for each dialect.
func Migrations() fs.FS {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the name is the one above
	}
	return files
}
