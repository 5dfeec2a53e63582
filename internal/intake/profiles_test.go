package intake_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/rules"
)

// shakyProfiles keeps profiles in memory, and fails at first.
type shakyProfiles struct {
	mu       sync.Mutex
	failures int
	profiles map[string]*profile.Profile
	failed   func() // called at each failure
	merges   int
}

func (s *shakyProfiles) Merge(_ context.Context, key string, e events.Event, at events.Position) (profile.Profile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.merges++
	if s.failures > 0 {
		s.failures--
		s.failed()
		return profile.Profile{}, errors.New("nats: timeout")
	}
	if s.profiles == nil {
		s.profiles = map[string]*profile.Profile{}
	}
	if s.profiles[key] == nil {
		s.profiles[key] = &profile.Profile{}
	}
	_, err := s.profiles[key].Merge(e, at)
	return *s.profiles[key], err
}

// While NATS fails the merge of a profile, no rule judges and no vendor is called. The event waits,
// and is carried out once NATS works.
func TestProfileThatCannotBeMerged(t *testing.T) {
	team, err := rules.New(rules.Config{Scope: "user.?email.orValue('') != ''"})
	if err != nil {
		t.Fatal(err)
	}
	shaky := &shakyProfiles{failures: 5}
	scenario(t, history{}, func(r *run) { r.rules, r.profiles = team, shaky }, func(t *testing.T, r *run) {
		shaky.failed = func() {
			if n := len(r.vendor.live(email(1))); n != 0 || r.results() != 0 {
				t.Errorf("%d accounts and %d results, though the profile is unknown", n, r.results())
			}
		}
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "e1", user: 1}), events.Done)
		if n := len(r.vendor.live(email(1))); n != 1 || shaky.failures != 0 {
			t.Errorf("%d accounts, and %d failures left", n, shaky.failures)
		}
	})
}

// An event that changes no profile is judged by the profile of the last merge in the mailbox, without
// a read. A change by another process counts with the next event that changes the profile.
func TestProfileIsReadOnce(t *testing.T) {
	team, err := rules.New(rules.Config{Scope: "user.?phone.orValue('') != 'out'"})
	if err != nil {
		t.Fatal(err)
	}
	shared := &shakyProfiles{}
	scenario(t, history{}, func(r *run) { r.rules, r.profiles = team, shared }, func(t *testing.T, r *run) {
		step := func(what string, m message, outcome string, merges int) {
			t.Helper()
			before := shared.count()
			r.awaitOutcome(t, r.send(m), outcome)
			if n := shared.count() - before; n != merges {
				t.Errorf("%s: got %d reads of the profile, want %d", what, n, merges)
			}
		}
		step("a creation", message{kind: events.UserCreated, id: "e1", user: 1}, events.Done, 1)
		step("an enrolment", message{kind: events.EnrollmentRequested, id: "e2", user: 1, course: "go-1"}, events.Done, 0)
		step("a second enrolment", message{kind: events.EnrollmentRequested, id: "e3", user: 1, course: "go-1"}, events.AlreadyDone, 0)
		shared.set(t, "phone", `"out"`, 1000)
		step("an update", message{kind: events.UserUpdated, id: "e4", user: 1}, events.Skipped, 1)
		step("an enrolment after the change", message{kind: events.EnrollmentRequested, id: "e5", user: 1, course: "go-1"}, events.Skipped, 0)
	})
}

// count returns the number of merges.
func (s *shakyProfiles) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.merges
}

// set sets a member of each profile, as another process does by an event at a position.
func (s *shakyProfiles) set(t *testing.T, name, value string, seq uint64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.profiles {
		p.Members = maps.Clone(p.Members)
		p.Members[name] = profile.Member{Value: json.RawMessage(value), Position: events.Position{Epoch: p.Created.Epoch, Seq: seq}}
	}
}
