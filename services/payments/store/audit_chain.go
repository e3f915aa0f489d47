package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"
	"time"

	"gorm.io/gorm"

	"tianguis.example/chassis/canonical"
	"tianguis.example/payments"
)

// Each payment has a chain of events, numbered from 1. An event's hash is an HMAC over all that it says, its number and the hash before it,
// so that nobody without the key can change, insert or remove one; the payment's row keeps a signed head, so that the
// last one cannot be removed either. docs/decisions/0005-the-audit-trail-is-a-chain.md has what this finds, and what not.

type eventRow struct {
	ID        int64 `gorm:"primaryKey;autoIncrement"`
	PaymentID string
	At        time.Time
	Actor     string
	FromState string
	ToState   string
	Reason    string
	Detail    string
	Number    int64  // in the payment's chain; 0 before there was one
	KeyID     string // of the key that made the hash
	Hash      string
}

func (eventRow) TableName() string { return "payment_events" }

// chainEnd is where a payment's chain ends: as its row says, and as the events do.
type chainEnd struct {
	AuditEvents int64
	AuditHead   string
	Number      int64
	Hash        string
}

// broken stands for the hash before an event when the head did not agree with the events: the chain goes on, since payments must, and
// verifying it finds the place for ever.
const broken = "broken"

// follow is the event that comes after the end of a chain, and the new head.
func (ks Keys) follow(end chainEnd, paymentID string, e payments.AuditEvent) (row eventRow, head string) {
	k := ks.current()
	row = eventRow{
		PaymentID: paymentID, At: e.At.Truncate(time.Microsecond), Actor: string(e.Actor), FromState: string(e.From), ToState: string(e.To),
		Reason: string(e.Reason), Detail: plain(e.Detail), Number: max(end.AuditEvents, end.Number) + 1, KeyID: k.id,
	}
	before := end.Hash
	if end.Number != end.AuditEvents || end.Number > 0 && !ks.isHead(end.AuditHead, paymentID, end.Number, end.Hash) {
		before = broken
	}
	row.Hash = k.ofEvent(row, before)
	return row, k.head(paymentID, row.Number, row.Hash)
}

// endOf reads where the chain of a payment ends. Nobody moves it without moving the payment's version.
func endOf(tx *gorm.DB, paymentID string) (chainEnd, error) {
	var end chainEnd
	err := tx.Raw(`SELECT p.audit_events, p.audit_head, COALESCE(e.number, 0) AS number, COALESCE(e.hash, '') AS hash
		FROM payments p LEFT JOIN payment_events e ON e.payment_id = p.id AND e.number > 0
			AND e.number = (SELECT MAX(number) FROM payment_events WHERE payment_id = p.id AND number > 0)
		WHERE p.id = ?`, paymentID).Scan(&end).Error
	return end, err
}

// ofEvent is the hash of an event that comes after the one whose hash is before.
func (k key) ofEvent(e eventRow, before string) string {
	return k.sum("event", e.PaymentID, e.Number, e.At.UnixMicro(), e.Actor, e.FromState, e.ToState, e.Reason, e.Detail, before)
}

// head signs the end of a chain. It is "<key id>:<hash>".
func (k key) head(paymentID string, number int64, hash string) string {
	return k.id + ":" + k.sum("head", paymentID, number, hash)
}

// isHead reports whether head is one that any of the keys made for this end.
func (ks Keys) isHead(head, paymentID string, number int64, hash string) bool {
	k, known := ks.headKey(head)
	return known && same(head, k.head(paymentID, number, hash))
}

// headKey is the key that made a head, if it is known.
func (ks Keys) headKey(head string) (key, bool) {
	id, _, _ := strings.Cut(head, ":")
	return ks.byID(id)
}

// sum is an HMAC-SHA256 in hexadecimal over fields, which are text or int64.
func (k key) sum(label string, fields ...any) string {
	mac := hmac.New(sha256.New, k.audit)
	canonical.Write(mac, label)
	canonical.Write(mac, fields...)
	return hexSum(mac)
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }
