package main

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}

// userCommands are what an operator does about people, at 3 a.m. too.
func userCommands(t *testing.T, file string) {
	t.Helper()
	list, err := run(t, file, "", "user", "list")
	require.NoError(t, err)
	require.Regexp(t, `ana@example\.com +Ana +both +false +enabled .* https://w\.example/ana +not checked`, list)
	require.NotContains(t, list, "argon2")

	out, err := run(t, file, "another long one\n", "user", "password", "--email", "Ana@example.com")
	require.NoError(t, err)
	require.Contains(t, out, "ana@example.com: the password is changed")
	_, err = run(t, file, "short\n", "user", "password", "--email", "ana@example.com")
	require.ErrorContains(t, err, "A password has between 10 and 200")
	_, err = run(t, file, "", "user", "password", "--email", "ana@example.com")
	require.ErrorContains(t, err, "no password on standard input")
	_, err = run(t, file, "another long one\n", "user", "password", "--email", "no@example.com")
	require.EqualError(t, err, "There is no such person.")

	_, err = run(t, file, "", "user", "operator", "--email", "ana@example.com")
	require.NoError(t, err)
	_, err = run(t, file, "", "user", "operator", "--email", "ana@example.com", "--remove")
	require.NoError(t, err)
	_, err = run(t, file, "", "user", "email", "--email", "ana@example.com", "--to", "worker@example.com")
	require.ErrorContains(t, err, "already")
	_, err = run(t, file, "", "user", "email", "--email", "ana@example.com", "--to", "nonsense")
	require.ErrorContains(t, err, "not an e-mail address")
	_, err = run(t, file, "", "user", "email", "--email", "ana@example.com", "--to", "ANA@new.example")
	require.NoError(t, err)

	events, err := run(t, file, "", "user", "events", "--email", "ana@new.example")
	require.NoError(t, err)
	require.Regexp(t, `(?s)email_changed +command line +ana@example\.com → ana@new\.example.*operator_removed.*operator_added.*password_reset.*sign_up`, events)
	require.NotContains(t, events, "another long one")
}
