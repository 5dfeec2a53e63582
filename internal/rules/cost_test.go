package rules_test

import (
	"context"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/rules"
	"github.com/usherhq/usher/vendors"
)

// oneProfile keeps the profile of a single user.
type oneProfile struct {
	value    []byte
	revision uint64
}

func (m *oneProfile) Load(context.Context, string) ([]byte, uint64, error) {
	return m.value, m.revision, nil
}

func (m *oneProfile) Store(_ context.Context, _ string, value []byte, revision uint64) (uint64, error) {
	m.value, m.revision = value, revision+1
	return m.revision, nil
}

// BenchmarkRules is the work of rules for one event: merge the profile, judge the scope, map the
// fields. An enrolment merges and judges only.
func BenchmarkRules(b *testing.B) {
	set, err := rules.New(rules.Config{
		Scope: `user.?attributes.role.orValue("") == "learner"`,
		Map: map[string]rules.Field{
			"email": {Value: "user.email.lowerAscii()"}, "first_name": {Value: "user.first_name"}, "last_name": {Value: `user.last_name + " (" + user.attributes.team + ")"`},
			"locale": {Value: `user.?locale.orValue("en")`}, "phone": {Value: "user.?phone"}, "time_zone": {Value: `user.?time_zone.orValue("Europe/Vienna")`},
			"attributes.role": {Value: "user.attributes.role"}, "attributes.group": {Value: `user.attributes.team + "-x"`},
			"attributes.year": {Value: "user.attributes.year"}, "attributes.name": {Value: "user.first_name"},
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	data := map[string]any{
		"user_id": "u1", "email": "u1@example.org", "first_name": "Ada", "last_name": "Byron",
		"attributes": map[string]any{"role": "learner", "team": "Red", "year": 7},
	}
	created, err := events.New(events.UserCreated, "/bench", "e1", time.Unix(1, 0), data)
	if err != nil {
		b.Fatal(err)
	}
	requested, err := events.New(events.EnrollmentRequested, "/bench", "e2", time.Unix(2, 0), map[string]any{"user_id": "u1", "course_id": "c"})
	if err != nil {
		b.Fatal(err)
	}
	for name, e := range map[string]events.Event{"created": created, "requested": requested} {
		b.Run(name, func(b *testing.B) {
			store := profile.NewStore(&oneProfile{}, profile.Cipher{})
			if _, err := store.Merge(b.Context(), "k", created, events.Position{Epoch: 1, Seq: 1}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 2; b.Loop(); i++ {
				merged, err := store.Merge(b.Context(), "k", e, events.Position{Epoch: 1, Seq: uint64(i)})
				if err != nil {
					b.Fatal(err)
				}
				p := handlers.Profile{Known: true, Decoded: new(map[string]any)}
				if p.Data, err = merged.Data(); err != nil {
					b.Fatal(err)
				}
				if in, err := set.InScope(p, e); err != nil || !in {
					b.Fatal(in, err)
				}
				if name == "created" {
					if _, err := set.Map(p, e, vendors.User{}, true); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
