// Package postgres gives a PostgreSQL server to whoever tests on one: the server that
// TEST_DATABASE_URL names, or one of its own that it starts from the machine's server binaries,
// or one in a Docker container. A server of its own has a random port on loopback, a random
// password, and data that go away with it.
package postgres
