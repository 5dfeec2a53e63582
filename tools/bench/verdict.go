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
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// Tally counts the results of a run by the stream of results.
type Tally struct {
	Load   Load
	Events int

	Times   []time.Time     // times of storage of the results, in order
	Took    []time.Duration // from publication to result, for each counted event and vendor
	Skipped int             // results of skipped effects
	// Superseded counts skipped effects with a newer event, by vendor. On a busy machine a
	// deletion may correctly supersede an enrolment.
	Superseded map[string]int

	seen    map[string][]uint8 // by vendor and event
	failed  int
	example string // an example of a failed or strange result
	strange int
}

// Add counts a result. sent holds the times of publication of the events.
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

// Verdict returns nil if every event has exactly one result, without failure, from each vendor of
// the event.
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
		text string
	}{
		{lost, "results are lost"},
		{doubled, "results are repeated"},
		{t.strange, "results are of unpublished events, such as " + t.example},
		{t.failed, "events failed, such as " + t.example},
	} {
		if f.n > 0 {
			faults = append(faults, fmt.Errorf("%d %s", f.n, f.text))
		}
	}
	return errors.Join(faults...)
}

// results reads all stored results.
func (s *env) results(ctx context.Context) (*Tally, error) {
	t := &Tally{Load: s.plan.Load, Events: s.plan.Events}
	have, err := s.stored(ctx)
	if err != nil {
		return t, err
	}
	consumer, err := s.js.OrderedConsumer(ctx, bus.ResultsStream, jetstream.OrderedConsumerConfig{})
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
			return t, fmt.Errorf("read results: only %d of %d available: %w", before, have, batch.Error())
		}
	}
	return t, nil
}

// check returns the faults of a contestant: by the results, and by the calls of vendors.
func (s *env) check(ctx context.Context, done *Tally, asked Asked) error {
	if err := done.Verdict(); err != nil {
		return err
	}
	if asked.Lifecycle {
		return s.checkSandbox(ctx, done)
	}
	want := s.plan.Load.results(s.plan.Events)
	if asked.Distinct != want {
		return fmt.Errorf("the vendors received %d of %d activities", asked.Distinct, want)
	}
	if s.contestant.Kind == Usher && asked.Calls != want { // the other contestants guarantee at-least-once only
		return fmt.Errorf("the vendors received %d calls for %d activities", asked.Calls, want)
	}
	return nil
}

// checkSandbox compares the users of the sandbox with the events.
func (s *env) checkSandbox(ctx context.Context, done *Tally) error {
	var state sandbox.State
	if err := process.GetJSON(ctx, "http://"+s.vendorAddr+"/state", &state); err != nil {
		return err
	}
	var faults []error
	for _, name := range s.plan.Load.Vendors {
		if fault := checkVendor(name, state.Vendors[name], s.plan.Load.users(s.plan.Events), done.Superseded[name]); fault != "" {
			faults = append(faults, fmt.Errorf("%s: %s", name, fault))
		}
	}
	return errors.Join(faults...)
}

// checkVendor returns the first difference between a vendor and the events, or an empty string. A
// vendor may have fewer entries, by the number of superseded effects.
func checkVendor(name string, v sandbox.VendorState, users, superseded int) string {
	accounts := slices.DeleteFunc(slices.Clone(v.Users), func(u sandbox.User) bool { return u.Staff })
	enrolled := slices.DeleteFunc(slices.Clone(v.Enrollments), func(e sandbox.Enrollment) bool { return !isCourse(name, e.CourseID) })
	twins := len(v.Twins())
	again := len(v.EnrolledTwice())
	recorded := len(v.RecordedTwice())
	wrong := func(have, want int) bool { return have > want || have < want-superseded }
	switch {
	case wrong(len(accounts), users):
		return fmt.Sprintf("%d accounts for %d users, and %d effects superseded", len(accounts), users, superseded)
	case wrong(len(enrolled), users*len(courseNames)):
		return fmt.Sprintf("%d enrolments of %d, and %d effects superseded", len(enrolled), users*len(courseNames), superseded)
	case twins+again+recorded > 0:
		return fmt.Sprintf("%d accounts, %d enrolments and %d activities are duplicates", twins, again, recorded)
	}
	return ""
}

// isCourse reports whether a vendor's course belongs to the load. MagLoft additionally has a
// subscription for each reader.
func isCourse(vendor, course string) bool {
	return slices.ContainsFunc(courseNames, func(ours string) bool { return course == ours || course == courses[ours][vendor] })
}
