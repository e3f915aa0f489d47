package marketplace

import (
	"log/slog"
	"time"
)

// MessageState is what has become of a message.
type MessageState string

// The states. A message that is sent or dead has ended; a dead one can be sent again by an operator.
const (
	MessagePending MessageState = "pending"
	MessageSent    MessageState = "sent"
	MessageDead    MessageState = "dead"
)

// MessageStates are all of them.
var MessageStates = []MessageState{MessagePending, MessageSent, MessageDead}

// MessageLife is how long it is tried to send a message: news of a job is worth that long, and no longer.
const MessageLife = 3 * 24 * time.Hour

// Message is a notification on its way to one person by one channel. Its row is the queue, like a webhook's.
type Message struct {
	ID       string // a ULID; what a receiver knows a repeated message by
	Channel  Channel
	Kind     NotificationKind
	UserID   UserID
	To       string // an e-mail address, or a telephone number
	Name     string // the person's
	Language string // of its words, such as "en"
	Facts    Facts  // empty once it is sent, or when it holds a secret and is dead
	State    MessageState
	Attempts int       // begun
	NextAt   time.Time // when it is due; of a claimed one, when the claim ends
	Until    time.Time // when it is of no use any more
	Error    string    // of the last attempt
	At       time.Time // when it was written
	EndedAt  time.Time // zero before
}

// LogValue names the message as every log line does, without saying to whom it goes.
func (m Message) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("message_id", m.ID), slog.String("channel", string(m.Channel)), slog.String("kind", string(m.Kind)),
		slog.String("user_id", m.UserID.String()), slog.String("job_id", m.Facts.JobID.String()), slog.Int("attempt", m.Attempts))
}

// Addressee is a person as messages reach them.
type Addressee struct {
	ID          UserID
	Email       string
	Name        string
	Language    string
	Preferences Preferences
}

// Messages are what goes out of the site for a notification, by every channel that the person wants it by.
func (n Notification) Messages(to Addressee) []Message {
	var all []Message
	until := n.Until
	if until.IsZero() {
		until = n.At.Add(MessageLife)
	}
	for _, c := range Channels {
		if !to.Preferences.Wants(c, n.Kind) {
			continue
		}
		address := to.Email
		if c == SMS {
			address = to.Preferences.Phone
		}
		all = append(all, Message{
			ID: newID(n.At), Channel: c, Kind: n.Kind, UserID: n.To, To: address, Name: to.Name, Language: to.Language, Facts: n.Facts,
			State: MessagePending, NextAt: n.At, Until: until, At: n.At,
		})
	}
	return all
}
