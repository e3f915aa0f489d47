// Package notify sends the messages that wait in the store: e-mail by SMTP (smtp.go), or to a page that shows it during
// development (page.go), and SMS through a gateway (sms.go). What is said, and to whom, package marketplace has decided and
// the store has kept, in the transaction of what it tells of (store/notifications.go).
//
// A message is sent once, as far as its channel allows: when this process dies between sending and keeping that it was
// sent, it is sent again, and whoever receives it can tell by its Message-ID or Idempotency-Key, which stay. It never
// holds a transaction while somebody else is being talked to, and one channel never waits for another.
package notify
