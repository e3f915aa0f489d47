package cmd

import (
	"context"

	"tianguis.example/chassis/doctor"
	"tianguis.example/payments/store"
)

// lookAtEncryption opens what is sealed with the keys of the configuration.
func (x *examination) lookAtEncryption(ctx context.Context) []doctor.Finding {
	keys, err := store.ReadKeys(x.config.TokenEncryptionKey)
	if err != nil {
		return one(doctor.Skip("needs TOKEN_ENCRYPTION_KEY"))
	}
	keep, ok := x.store(keys)
	if !ok {
		return one(doctor.Skip(needsDatabase))
	}
	const newest = 100
	rows, err := keep.TrySealed(ctx, newest)
	if ctx.Err() != nil {
		return one(doctor.Fail("see the check of the database", "read what is sealed: %s", doctor.Why(ctx, err)))
	}
	if err != nil {
		return one(doctor.Fail("set TOKEN_ENCRYPTION_KEY to the key that this database was written with; it is in the backup of the secrets", "%v", err))
	}
	if rows == 0 {
		return one(doctor.Fine("nothing is sealed in the database yet"))
	}
	return one(doctor.Fine("TOKEN_ENCRYPTION_KEY opens all of %d sealed rows that were tried", rows))
}
