package language_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tianguis.example/marketplace/language"
	"tianguis.example/payments/money"
)

func load(t *testing.T) *language.Catalogue {
	t.Helper()
	c, err := language.Load()
	require.NoError(t, err)
	return c
}

type state string

func (s state) Word() string { return string(s) }

func TestMatch_WhatIsChosenThenWhatTheBrowserPrefers(t *testing.T) {
	t.Parallel()
	c := load(t)
	for _, one := range []struct{ chosen, accept, want string }{
		{"", "", "en"}, {"es", "en", "es"}, {"", "es", "es"}, {"", "es-AR,es;q=0.9,en;q=0.8", "es"}, {"", "fr,de;q=0.5", "en"}, {"", "fr,es;q=0.5", "es"},
		{"xx", "es", "es"}, {"\x00", ";;;q=,", "en"}, {"en", "es", "en"},
	} {
		require.Equal(t, one.want, c.Match(one.chosen, one.accept).Code, "%+v", one)
	}
	require.Equal(t, "en", c.Languages()[0].Code)
}

func TestT_FillsInWhatTheLanguageWrites(t *testing.T) {
	t.Parallel()
	es, en := load(t).Match("es"), load(t).Match("en")
	budget, err := money.ParseDecimal("1234567.80", "MXN", 2)
	require.NoError(t, err)
	yen, err := money.New(1500, "JPY", 0)
	require.NoError(t, err)
	require.Equal(t, "1,234,567.80 MXN", en.Amount(budget))
	require.Equal(t, "1,234,567.80 MXN", es.Amount(budget), "as Mexico writes it")
	require.Equal(t, "1,500 JPY", en.Amount(yen))
	require.Empty(t, en.Amount(money.Amount{}))
	largest, err := money.New(9223372036854775807, "XAU", 9)
	require.NoError(t, err)
	require.Equal(t, "9,223,372,036.854775807 XAU", en.Amount(largest), "exact")

	at := time.Date(2026, 11, 5, 23, 5, 0, 0, time.FixedZone("", -6*3600))
	require.Equal(t, "6 Nov 2026, 05:05 UTC", en.DateTime(at))
	require.Equal(t, "6 de noviembre de 2026", es.Date(at))
	require.Equal(t, "Ana recibió 1,500 JPY.", es.T("%s has received %s.", "Ana", yen))
	require.Equal(t, "Llegó dinero aunque el trabajo estaba en el estado «Cancelado»", es.T("Money arrived although the job was “%s”", state("Canceled")))
	require.Equal(t, "Never heard of 7", es.T("Never heard of %d", 7), "in English rather than not at all")
	require.Equal(t, "100%! of it", es.Known("100%! of it"), "what others say is no format")
	require.Equal(t, "Borrador", es.Known("Draft"))
}
