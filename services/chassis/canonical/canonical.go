// Package canonical writes records in the one form that a hash is taken over.
package canonical

import (
	"encoding/binary"
	"io"
)

// Write writes fields, which are text or int64, so that no two lists of the same types read the same: text with its length before it, numbers
// in eight bytes, big-endian. It panics on a field of another type, and ignores errors of w, which a hash does not have (hash.Hash).
func Write(w io.Writer, fields ...any) {
	for _, field := range fields {
		switch f := field.(type) {
		case string:
			_ = binary.Write(w, binary.BigEndian, uint64(len(f)))
			_, _ = io.WriteString(w, f)
		case int64:
			_ = binary.Write(w, binary.BigEndian, f)
		default:
			panic("canonical: neither text nor int64")
		}
	}
}
