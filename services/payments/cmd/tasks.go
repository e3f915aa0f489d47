package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"tianguis.example/chassis/clock"
	"tianguis.example/payments"
	"tianguis.example/payments/operator"
)

const (
	// taskLease is how long a task stays with a process that is gone.
	taskLease = time.Minute
	// taskRenewal is how often a process that has one in hand says so.
	taskRenewal = 15 * time.Second
	// taskPoll is how often the database is asked for tasks of processes that are gone: one that was asked for here rings.
	taskPoll = 5 * time.Second
	// keptFindings is how many differences of a comparison are kept.
	keptFindings = 1000
)

// Ask has a task done in the background, because an operator wants it. It reports false when one of its kind is under way.
func (p *program) Ask(ctx context.Context, by operator.Operator, kind payments.TaskKind) (bool, error) {
	done := operator.Action{At: p.clock.Now(), By: by, Kind: map[payments.TaskKind]operator.Kind{
		payments.TaskReconcile: operator.Reconcile, payments.TaskVerifyAudit: operator.VerifyAudit,
	}[kind]}
	who := "an operator"
	if by.Name != "" {
		who = fmt.Sprintf("an operator who said to be %q", by.Name)
	}
	return p.askTask(ctx, kind, who, &done)
}

func (p *program) askTask(ctx context.Context, kind payments.TaskKind, who string, done *operator.Action) (bool, error) {
	now := p.clock.Now()
	id := ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()) // no secret
	asked, err := p.store.AskTask(ctx, payments.Task{ID: id.String(), Kind: kind, AskedBy: who, AskedAt: now}, done)
	if asked {
		p.asked.Ring()
	}
	return asked, err
}

func (p *program) claimTasks(ctx context.Context, n int) ([]payments.Task, error) {
	now := p.clock.Now()
	return p.store.ClaimTasks(ctx, n, now, now.Add(taskLease))
}

// runTask does a task. When the process is stopped on the way, another one begins anew.
func (p *program) runTask(ctx context.Context, t payments.Task) error {
	result, failure := p.whileKept(ctx, &t, func(ctx context.Context) (any, error) {
		switch t.Kind {
		case payments.TaskReconcile:
			report, err := p.reconcileNow(ctx)
			if len(report.Findings) > keptFindings {
				report.Findings = report.Findings[:keptFindings]
			}
			return report, err
		case payments.TaskVerifyAudit:
			return p.store.VerifyAudit(ctx, "")
		}
		return nil, fmt.Errorf("there is no task %q", t.Kind)
	})
	if ctx.Err() != nil {
		return p.store.KeepTask(context.WithoutCancel(ctx), t, p.clock.Now())
	}
	if errors.Is(failure, payments.ErrStale) {
		return failure // another process has it
	}
	t.EndedAt = p.clock.Now()
	if failure != nil {
		t.Failure = "It could not be done to the end: the service's log says why."
	}
	var err error
	if t.Result, err = json.Marshal(result); err != nil {
		return fmt.Errorf("keep the result of a task: %w", err)
	}
	return errors.Join(failure, p.store.EndTask(ctx, t))
}

// whileKept does something while the task's lease is renewed. What is done is broken off with payments.ErrStale when another process has it.
func (p *program) whileKept(ctx context.Context, t *payments.Task, do func(context.Context) (any, error)) (any, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	renewed := make(chan struct{})
	ended, end := context.WithCancel(ctx)
	go func() {
		defer close(renewed)
		for clock.Sleep(ended, p.clock, taskRenewal) == nil {
			until := p.clock.Now().Add(taskLease)
			switch err := p.store.KeepTask(ended, *t, until); {
			case err == nil:
				t.BusyUntil = until
			case errors.Is(err, payments.ErrStale):
				stop(err)
				return
			}
		}
	}()
	result, err := do(ctx)
	end()
	<-renewed
	if cause := context.Cause(ctx); errors.Is(cause, payments.ErrStale) {
		err = cause
	}
	return result, err
}
