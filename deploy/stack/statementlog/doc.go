// Package statementlog stands between a program and its PostgreSQL, and writes down what the program sends.
//
// It reads the messages of the protocol (https://www.postgresql.org/docs/current/protocol-message-formats.html) and passes every byte
// on as it is. It speaks no TLS: it is for a server on this machine.
package statementlog
