package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// Tally is the results of a run, as the stream has them.
type Tally struct {
	Load   Load
	Events int

	Times   []time.Time     // when each result was stored, in order
	Took    []time.Duration // from the publication of an event that counts to each of its results
	Skipped int             // results that say that nothing was to be done
	// Superseded are those of them that a newer event made void, by vendor: on a
	// busy machine a deletion may overtake an enrolment, and rightly so.
	Superseded map[string]int

	seen    map[string][]uint8 // by vendor and event
	failed  int
	example string // of what failed or is strange
	strange int
}

// Add counts a result; sent is when each event was published.
func (t *Tally) Add(subject string, payload []byte, at time.Time, sent []time.Time) {
	t.Times = append(t.Times, at)
	var e struct {
		Type        string `json:"type"`
		CausationID string `json:"causationid"`
		Data        struct {
			Outcome string `json:"outcome"`
		} `json:"data"`
	}
	err := json.Unmarshal(payload, &e)
	i := number(e.CausationID)
	vendor := subject[strings.LastIndexByte(subject, '.')+1:]
	if err != nil || i < 0 || i >= t.Events || !slices.Contains(t.Load.takers(i), vendor) {
		t.strange++
		t.example = fmt.Sprintf("%s: %.300s", subject, payload)
		return
	}
	if t.seen == nil {
		t.seen, t.Superseded = map[string][]uint8{}, map[string]int{}
	}
	if t.seen[vendor] == nil {
		t.seen[vendor] = make([]uint8, t.Events)
	}
	t.seen[vendor][i] = min(t.seen[vendor][i]+1, 2)
	switch {
	case strings.HasSuffix(e.Type, ".failed"):
		t.failed++
		t.example = fmt.Sprintf("%s: %.300s", subject, payload)
	case strings.HasSuffix(e.Type, ".skipped"):
		t.Skipped++
		if e.Data.Outcome == events.Superseded {
			t.Superseded[vendor]++
		}
	}
	if i >= warmUp && i < len(sent) {
		t.Took = append(t.Took, at.Sub(sent[i]))
	}
}

// Verdict is nil where every event has exactly one result of each vendor that
// takes it, none of which is a failure.
func (t *Tally) Verdict() error {
	var lost, doubled int
	for i := range t.Events {
		for _, v := range t.Load.takers(i) {
			switch {
			case t.seen[v] == nil || t.seen[v][i] == 0:
				lost++
			case t.seen[v][i] > 1:
				doubled++
			}
		}
	}
	var faults []error
	for _, f := range []struct {
		n    int
		what string
	}{
		{lost, "results are lost"},
		{doubled, "events have a result twice"},
		{t.strange, "results are of no event that was published, such as " + t.example},
		{t.failed, "events failed, such as " + t.example},
	} {
		if f.n > 0 {
			faults = append(faults, fmt.Errorf("%d %s", f.n, f.what))
		}
	}
	return errors.Join(faults...)
}

// results reads all results that there are.
func (s *stage) results(ctx context.Context) (*Tally, error) {
	t := &Tally{Load: s.plan.Load, Events: s.plan.Events}
	have, err := s.stored(ctx)
	if err != nil {
		return t, err
	}
	consumer, err := s.js.OrderedConsumer(ctx, streams.ResultsStream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return t, err
	}
	for uint64(len(t.Times)) < have {
		batch, err := consumer.Fetch(min(5000, int(have)-len(t.Times)), jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			return t, fmt.Errorf("read results: %w", err)
		}
		before := len(t.Times)
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return t, err
			}
			t.Add(m.Subject(), m.Data(), meta.Timestamp, s.sent)
		}
		if len(t.Times) == before {
			return t, fmt.Errorf("read results: %d of %d could be read: %w", before, have, batch.Error())
		}
	}
	return t, nil
}

// judge tells what is wrong with what a contestant did.
func (s *stage) judge(ctx context.Context, done *Tally, asked Asked) error {
	if err := done.Verdict(); err != nil {
		return err
	}
	if asked.Lifecycle {
		return s.judgeLives(ctx, done)
	}
	want := s.plan.Load.results(s.plan.Events)
	if asked.Distinct != want {
		return fmt.Errorf("the vendors saw %d of %d activities", asked.Distinct, want)
	}
	if s.contestant.Kind == Usher && asked.Calls != want { // the others promise no more than at least once
		return fmt.Errorf("the vendors saw %d calls for %d activities", asked.Calls, want)
	}
	return nil
}

// judgeLives asks the sandbox what it holds.
func (s *stage) judgeLives(ctx context.Context, done *Tally) error {
	var state sandbox.State
	if err := process.GetJSON(ctx, "http://"+s.stands+"/state", &state); err != nil {
		return err
	}
	var faults []error
	for _, name := range s.plan.Load.Vendors {
		if fault := judgeVendor(name, state.Vendors[name], s.plan.Load.users(s.plan.Events), done.Superseded[name]); fault != "" {
			faults = append(faults, fmt.Errorf("%s: %s", name, fault))
		}
	}
	return errors.Join(faults...)
}

// judgeVendor says what a vendor has too much or too little of; nothing where
// all is right. It may have less by what was superseded.
func judgeVendor(name string, v sandbox.VendorState, users, superseded int) string {
	pupils := slices.DeleteFunc(slices.Clone(v.Users), func(u sandbox.User) bool { return u.Staff })
	enrolled := slices.DeleteFunc(slices.Clone(v.Enrollments), func(e sandbox.Enrollment) bool { return !teaches(name, e.CourseID) })
	twins, again, recorded := len(v.Twins()), len(v.EnrolledTwice()), len(v.RecordedTwice())
	wrong := func(have, want int) bool { return have > want || have < want-superseded }
	switch {
	case wrong(len(pupils), users):
		return fmt.Sprintf("%d accounts for %d users, and %d effects superseded", len(pupils), users, superseded)
	case wrong(len(enrolled), users*len(courseNames)):
		return fmt.Sprintf("%d enrolments of %d, and %d effects superseded", len(enrolled), users*len(courseNames), superseded)
	case twins+again+recorded > 0:
		return fmt.Sprintf("%d accounts, %d enrolments and %d activities are there twice", twins, again, recorded)
	}
	return ""
}

// teaches tells whether a vendor's course is one of ours. MagLoft has a
// subscription for each reader beside them.
func teaches(vendor, course string) bool {
	return slices.ContainsFunc(courseNames, func(ours string) bool { return course == ours || course == courses[ours][vendor] })
}
