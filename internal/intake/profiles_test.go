package intake_test

import (
	"context"
	"errors"
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
}

func (s *shakyProfiles) Merge(_ context.Context, key string, e events.Event, at events.Position) (profile.Profile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
