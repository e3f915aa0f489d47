package store_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tianguis.example/chassis/database"
	"tianguis.example/chassis/database/databasetest"
	"tianguis.example/chassis/logging"
	"tianguis.example/payments"
	"tianguis.example/payments/store"
)

// readKeys are the keys of a configuration.
func readKeys(t *testing.T, texts ...string) store.Keys {
	t.Helper()
	keys, err := store.ReadKeys(logging.Secret(strings.Join(texts, " ")))
	require.NoError(t, err)
	return keys
}

func TestReadKeys_WantsKeys(t *testing.T) {
	t.Parallel()
	const good = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	for _, text := range []logging.Secret{"", " ", "short", "not base64 at all, but long enough to be", good + " short", good + "," + good} {
		_, err := store.ReadKeys(text)
		require.ErrorContains(t, err, "32 random bytes", text.Reveal())
	}
	_, err := store.ReadKeys(good + " " + good)
	require.ErrorContains(t, err, "twice")
	require.NotContains(t, err.Error(), good)
	for _, text := range []string{good, " " + good + "\n", good + "  " + store.GenerateKey()} {
		readKeys(t, text)
	}
}

// A value that was sealed before keys had an id opens with whichever key it was sealed with.
func TestKeys_OpenWhatWasSealedBeforeKeysHadAnID(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, _ *store.Store, db *database.DB) {
		older, newer := store.GenerateKey(), store.GenerateKey()
		p := whole(t, first, "1")
		require.NoError(t, store.New(db, readKeys(t, older)).Record(t.Context(), payments.Change{After: p}))

		raw, err := base64.StdEncoding.DecodeString(older)
		require.NoError(t, err)
		block, err := aes.NewCipher(raw)
		require.NoError(t, err)
		aead, err := cipher.NewGCMWithRandomNonce(block)
		require.NoError(t, err)
		sealed := aead.Seal(nil, nil, []byte("planted-access"), []byte("payments/"+first+"/access_token"))
		databasetest.Exec(t, db, "UPDATE payments SET access_token_sealed = ?", "v1:"+base64.StdEncoding.EncodeToString(sealed))

		got, err := store.New(db, readKeys(t, newer, older)).Payment(t.Context(), p.ID)
		require.NoError(t, err)
		require.Equal(t, p, got)
		_, err = store.New(db, readKeys(t, newer)).Payment(t.Context(), p.ID)
		require.ErrorContains(t, err, "TOKEN_ENCRYPTION_KEY")
	})
}
