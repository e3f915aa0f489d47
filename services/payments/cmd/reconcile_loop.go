package cmd

import (
	"context"
	"log/slog"
	"time"

	"tianguis.example/payments"
)

// reconcileTask is the name of the periodic comparison's row.
const reconcileTask = "reconcile"

// reconcileWindow is how far back ended payments are compared.
const reconcileWindow = 48 * time.Hour

// claimReconcile makes one replica the one that asks for a comparison, once in an interval.
func (p *program) claimReconcile(ctx context.Context, _ int) ([]time.Time, error) {
	now := p.clock.Now()
	mine, err := p.store.ClaimPeriodic(ctx, reconcileTask, now, now.Add(p.config.ReconcileInterval))
	if err != nil || !mine {
		return nil, err
	}
	return []time.Time{now}, nil
}

// askReconcile asks for it: when one runs already, because an operator wanted it, that one will do.
func (p *program) askReconcile(ctx context.Context, _ time.Time) error {
	_, err := p.askTask(ctx, payments.TaskReconcile, "the service: it is time", nil)
	return err
}

// reconcileNow compares, and says what it found in the log: one line for each finding, and one for all.
func (p *program) reconcileNow(ctx context.Context) (payments.Report, error) {
	began := p.clock.Now()
	ctx, end := p.tracer.Work(ctx, "reconcile payments", "")
	report, err := p.service.Reconcile(ctx, payments.ReconcileRequest{ChangedSince: began.Add(-reconcileWindow), Nudge: true})
	end(err)
	p.measured.differences.ran(report, err)
	counts := map[payments.FindingKind]int{}
	for _, f := range report.Findings {
		counts[f.Kind]++
		p.log.LogAttrs(ctx, levelOf[f.Severity], "payment differs from the wallets", slog.Any("", f))
	}
	attrs := []slog.Attr{slog.Int("compared", report.Compared), slog.Int("findings", len(report.Findings)), slog.Int64("duration_ms", p.clock.Now().Sub(began).Milliseconds())}
	for _, kind := range payments.FindingKinds {
		if counts[kind] > 0 {
			attrs = append(attrs, slog.Int(string(kind), counts[kind]))
		}
	}
	p.log.LogAttrs(ctx, slog.LevelInfo, "payments were compared with the wallets", attrs...)
	return report, err
}

var levelOf = map[payments.Severity]slog.Level{
	payments.SeverityNotice: slog.LevelInfo, payments.SeverityWarning: slog.LevelWarn, payments.SeverityError: slog.LevelError,
}
