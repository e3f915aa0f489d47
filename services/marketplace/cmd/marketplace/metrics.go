package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tianguis.example/chassis/clock"
	"tianguis.example/chassis/database"
	"tianguis.example/chassis/metrics"
	"tianguis.example/marketplace"
	"tianguis.example/marketplace/store"
	"tianguis.example/payments/api"
	"tianguis.example/payments/webhook"
)

// measured is what the service tells Prometheus of itself.
type measured struct {
	registry *metrics.Registry
	requests *metrics.Requests
	loops    *metrics.Workers
	calls    *metrics.Calls
	starts   *metrics.Starts
	news     *news
	messages *messages
	files    *prometheus.CounterVec
	bytes    prometheus.Counter
	listener net.Listener // nil when nobody is answered
}

// newMeasured registers the metrics, and opens their port when there is one.
func newMeasured(c Config, db *database.DB, keep *store.Store, now clock.Clock, log *slog.Logger) (measured, error) {
	registry := metrics.New(service, version)
	m := measured{
		registry: registry, requests: metrics.NewRequests(registry, door, doors...), loops: metrics.NewWorkers(registry), starts: metrics.NewStarts(registry), news: newNews(registry),
		calls: metrics.NewCalls(registry, now, metrics.CallOptions{
			Name: "tianguis_payments_call_duration_seconds",
			Help: "How long calls of the payments service took, each try of a repeated one, by method and outcome.",
		}),
	}
	m.messages = newMessages(registry, m.loops)
	m.files, m.bytes = newFiles(registry)
	pool, err := db.Pool()
	if err != nil {
		return measured{}, err
	}
	registry.AddPool(pool)
	registry.AddAsked(now, log, []metrics.Gauge{
		{Name: gaugeOpen, Help: "Payments that people started and whose end is not known here yet."},
		{Name: gaugeOldest, Help: "How long ago the first of them began."},
		{Name: gaugeMessages, Help: "Messages to people that wait to be sent, by channel (email, sms).", Labels: []string{"channel"}},
		{Name: gaugeMessagesOldest, Help: "How long ago the first of them was written.", Labels: []string{"channel"}},
	}, func(ctx context.Context) ([]metrics.Reading, error) {
		n, oldest, err := keep.AttemptsOpen(ctx)
		if err != nil {
			return nil, err
		}
		readings := []metrics.Reading{{Name: gaugeOpen, Value: metrics.Count(n)}, {Name: gaugeOldest, Value: metrics.Age(now.Now(), oldest)}}
		for _, channel := range c.channels() { // what waits for a channel that is not set up waits for nothing
			n, oldest, err := keep.MessagesPending(ctx, channel)
			if err != nil {
				return nil, err
			}
			labels := []string{string(channel)}
			readings = append(readings, metrics.Reading{Name: gaugeMessages, Labels: labels, Value: metrics.Count(n)},
				metrics.Reading{Name: gaugeMessagesOldest, Labels: labels, Value: metrics.Age(now.Now(), oldest)})
		}
		return readings, nil
	})
	if m.listener, err = metrics.Listen(c.MetricsListen); err != nil {
		return measured{}, err
	}
	return m, nil
}

// The gauges that the database knows. Every replica tells the same.
const (
	gaugeOpen   = "tianguis_attempts_open"
	gaugeOldest = "tianguis_attempts_open_oldest_seconds"

	gaugeMessages       = "tianguis_messages_pending"
	gaugeMessagesOldest = "tianguis_messages_pending_oldest_seconds"
)

// payments is the client's transport, its calls counted.
func (m measured) payments() *http.Client {
	return &http.Client{Transport: m.calls.Transport(api.NewTransport())}
}

// doors are where requests can be refused.
var doors = []string{"finish", "form", "limit", "sign_in", "webhook"}

// door is where a request was refused: a webhook that nobody signed, a sign-in or whatever else takes a password, a form that is not ours, or a return from a wallet that could not be
// verified, or is another session's; or there were too many.
func door(route, method string, status int) string {
	switch {
	case route == webhook.Path && status == http.StatusUnauthorized:
		return "webhook"
	case method == http.MethodPost && (status == http.StatusUnauthorized || status == http.StatusTooManyRequests):
		return "sign_in"
	case status == http.StatusTooManyRequests:
		return "limit"
	case route == "/payments/finish" && (status == http.StatusForbidden || status == http.StatusNotFound):
		return "finish"
	case method == http.MethodPost && status == http.StatusForbidden:
		return "form"
	}
	return ""
}

// news is what is heard of payments.
type news struct {
	heard *prometheus.CounterVec
	late  *prometheus.HistogramVec
}

// knownBefore is the event of news that changed nothing.
const knownBefore = "nothing_new"

func newNews(r *metrics.Registry) *news {
	m := &news{
		heard: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tianguis_payment_news_total", Help: "News of payments that was applied, by how it came (webhook, unsigned_webhook, finish, asked) and the event that it put into the job's history.",
		}, []string{"source", "event"}),
		late: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tianguis_payment_paid_to_applied_seconds", Buckets: metrics.Waits,
			Help: "How long it took from a payment's end, by the clock of the payments service, to the job that shows it.",
		}, []string{"source"}),
	}
	events := append([]string{string(marketplace.Pay), marketplace.EventPaymentFailed, marketplace.EventRoundedUp, knownBefore}, marketplace.OddEvents...)
	for _, source := range []marketplace.Source{marketplace.SourceWebhook, marketplace.SourceUnsigned, marketplace.SourceFinish, marketplace.SourceAsked} {
		for _, event := range events { // told of from the start, so that the first is an increase
			m.heard.WithLabelValues(string(source), event)
		}
		m.late.WithLabelValues(string(source))
	}
	r.Add(m.heard, m.late)
	return m
}

// Heard is marketplace.Watch's.
func (m *news) Heard(source marketplace.Source, event string, late time.Duration) {
	if event == "" {
		event = knownBefore
	}
	m.heard.WithLabelValues(string(source), event).Inc()
	if event == string(marketplace.Pay) && late > 0 {
		m.late.WithLabelValues(string(source)).Observe(late.Seconds())
	}
}

// messages is what is told to people outside of the site.
type messages struct {
	*metrics.Workers
	attempts *prometheus.CounterVec
}

// failed is the outcome of an attempt that is made again.
const failed = "failed"

func newMessages(r *metrics.Registry, loops *metrics.Workers) *messages {
	m := &messages{Workers: loops, attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tianguis_message_attempts_total",
		Help: "Attempts to send a message, by channel (email, sms) and outcome: sent, failed (it is tried again), dead (it is not).",
	}, []string{"channel", "outcome"})}
	for _, channel := range marketplace.Channels {
		for _, outcome := range []string{string(marketplace.MessageSent), failed, string(marketplace.MessageDead)} {
			m.attempts.WithLabelValues(string(channel), outcome)
		}
	}
	r.Add(m.attempts)
	return m
}

// Attempted is notify.Watch's.
func (m *messages) Attempted(after marketplace.Message) {
	outcome := string(after.State)
	if after.State == marketplace.MessagePending {
		outcome = failed
	}
	m.attempts.WithLabelValues(string(after.Channel), outcome).Inc()
}

// The outcomes of a file that somebody hands in.
const (
	fileKept    = "kept"
	fileRefused = "refused" // empty, too large, or of no type that is taken
	fileDown    = "down"    // there was no place to keep it
	fileCut     = "cut_off" // it did not arrive whole
)

func newFiles(r *metrics.Registry) (*prometheus.CounterVec, prometheus.Counter) {
	files := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tianguis_files_total",
		Help: "Files that people handed in, by outcome: kept, refused (its size or type), cut_off (it did not arrive whole), down (there was no place to keep it).",
	}, []string{"outcome"})
	for _, outcome := range []string{fileKept, fileRefused, fileCut, fileDown} {
		files.WithLabelValues(outcome)
	}
	bytes := prometheus.NewCounter(prometheus.CounterOpts{Name: "tianguis_files_bytes_total", Help: "Bytes of the files that were kept."})
	r.Add(files, bytes)
	return files, bytes
}

// countedFiles counts what is put among the files.
type countedFiles struct {
	marketplace.Files
	measured
}

func (f countedFiles) Put(ctx context.Context, id string, content io.Reader, most int64) (marketplace.File, error) {
	kept, err := f.Files.Put(ctx, id, content, most)
	outcome := fileCut
	switch {
	case err == nil:
		outcome = fileKept
		f.bytes.Add(metrics.Count(int(kept.Size)))
	case errors.Is(err, marketplace.ErrFileEmpty), errors.Is(err, marketplace.ErrFileTooLarge), errors.Is(err, marketplace.ErrFileType):
		outcome = fileRefused
	case errors.Is(err, marketplace.ErrFilesDown):
		outcome = fileDown
	}
	f.files.WithLabelValues(outcome).Inc()
	return kept, err
}
