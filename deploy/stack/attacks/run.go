package attacks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"tianguis.example/chassis/clock"
)

// Config says what a run is like.
type Config struct {
	Bin   string    // the folder of the services' programs
	State string    // the folder of everything that the run makes
	Only  string    // part of the ids of the attacks that are tried; "" for all
	Out   io.Writer // what is told as it goes
}

// Result is what a run came to.
type Result struct {
	Tried    int
	Requests int
	Breaches []Breach
}

// Breach is an attack that did not end as it must.
type Breach struct {
	Attack Attack
	Words  string
}

// Line is the result in one line.
func (r Result) Line() string {
	return fmt.Sprintf("attacks: %d tried, %d succeeded", r.Tried, len(r.Breaches))
}

// Clean reports whether nobody got in.
func (r Result) Clean() bool { return r.Tried > 0 && len(r.Breaches) == 0 }

// Run does it, and tells Out how it goes, with the result's line last. Its error is for a run that could not be made.
func Run(ctx context.Context, c Config) (result Result, err error) {
	began := clock.System().Now()
	s := newSiege(c)
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx); err != nil {
		return Result{}, err
	}
	fmt.Fprintf(c.Out, "attacks: everything stands after %s; all that the run makes is in %s\n\n", clock.System().Now().Sub(began).Round(time.Second), c.State)
	result, err = s.tryAll(ctx, All())
	if err != nil {
		return Result{}, err
	}
	for _, b := range result.Breaches {
		fmt.Fprintf(c.Out, "\n%s: %s\n%s\n", b.Attack.ID, b.Attack.Title, b.Words)
	}
	if !result.Clean() {
		fmt.Fprintf(c.Out, "\nThe logs are in %s.\n", c.State)
	}
	fmt.Fprintf(c.Out, "\n%d requests in %s", result.Requests, clock.System().Now().Sub(began).Round(time.Second))
	if result.Clean() && c.Only == "" {
		fmt.Fprint(c.Out, "; then the victims paid as they had meant to, once each")
	}
	fmt.Fprintln(c.Out)
	fmt.Fprintf(c.Out, "%s\n", result.Line())
	return result, nil
}

// tryAll tries the attacks, the slow ones beside the others, and lets the victims go on afterwards with what they were about.
func (s *siege) tryAll(ctx context.Context, all []Attack) (Result, error) {
	var result Result
	var mu sync.Mutex
	judge := func(a Attack, words string) {
		mu.Lock()
		defer mu.Unlock()
		result.Tried++
		verdict := "refused"
		if words != "" {
			verdict = "GOT IN"
			result.Breaches = append(result.Breaches, Breach{a, words})
		}
		fmt.Fprintf(s.config.Out, "  %-8s %-34s %s\n", verdict, a.ID, a.Title)
	}
	books, err := s.keep(ctx)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = books.close() }()
	before, err := books.read(ctx)
	if err != nil {
		return Result{}, err
	}
	var slow sync.WaitGroup
	for _, a := range all {
		if a.Slow && strings.Contains(a.ID, s.config.Only) {
			slow.Go(func() { judge(a, s.try(ctx, a)) })
		}
	}
	for _, a := range all {
		if a.Slow || !strings.Contains(a.ID, s.config.Only) {
			continue
		}
		words := s.try(ctx, a)
		after, err := books.read(ctx)
		if err != nil {
			return Result{}, err
		}
		if changed := before.changed(after); changed != "" {
			words = join(words, "the books have changed:\n"+changed)
			before = after
		}
		judge(a, words)
	}
	slow.Wait()
	after, err := books.read(ctx)
	if err != nil {
		return Result{}, err
	}
	if changed := before.changed(after); changed != "" {
		judge(Attack{ID: "slow", Title: "one of the slow ones"}, "the books have changed:\n"+changed)
	}
	result.Requests = int(s.shots.Load())
	if s.config.Only != "" {
		return result, ctx.Err()
	}
	if err := errors.Join(s.goOn(ctx), s.logsWhole()); err != nil {
		after := Attack{ID: "afterwards", Title: "The victims go on, and the logs are whole"}
		result.Breaches = append(result.Breaches, Breach{after, err.Error()})
	}
	return result, ctx.Err()
}

func join(words, more string) string { return strings.TrimPrefix(words+"\n"+more, "\n") }

// try tries one attack, and returns what is wrong with its end; "" for nothing.
func (s *siege) try(ctx context.Context, a Attack) (words string) {
	trapped := s.trap.visits()
	answers, err := a.Try(ctx, s)
	if err != nil {
		words = join(words, err.Error())
	}
	if len(answers) == 0 && err == nil {
		words = join(words, "nothing was tried")
	}
	for _, got := range answers {
		if !a.ends(got) {
			words = join(words, "not refused as it must be: "+got.String())
			continue
		}
		told, err := s.told(ctx, got, a.Told)
		if err != nil {
			words = join(words, err.Error())
		} else if !told {
			words = join(words, fmt.Sprintf("no log tells of it as one of %v: %s", a.Told, got))
		}
	}
	if now := s.trap.visits(); now != trapped {
		words = join(words, fmt.Sprintf("somebody was sent to where nobody may be sent: %d times", now-trapped))
	}
	return words
}
