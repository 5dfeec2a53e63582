package ops_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/rules"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// simulatedUsers of the benchmark. Two of three have an account at the five vendors.
const simulatedUsers = 4_000

// BenchmarkSimulate simulates a resync of all stored profiles at five vendors with rules.
func BenchmarkSimulate(b *testing.B) {
	f := newFilling(b)
	for n := range simulatedUsers {
		user := fmt.Sprint("user-", n)
		f.profile(user, n)
		for _, v := range f.vendors {
			if n%3 > 0 {
				at := events.Position{Epoch: f.epoch, Seq: uint64(n) + 1}
				f.record(streams.AccountsBucket, record.AccountKey(v.Name, user), &record.Record{
					UserID: user, AccountID: fmt.Sprint(n), State: record.Active, Lifecycle: at, Registered: at,
				})
			}
		}
	}
	f.wait()
	for i := range f.vendors {
		f.vendors[i].ReadOnly = func(func(vendors.Request)) (vendors.Adapter, error) { return fullPort{}, nil }
		f.vendors[i].Rules = func() (handlers.Rules, error) {
			return rules.New(rules.Config{
				Scope: `user.?attributes.role.orValue("") == "learner"`, Map: map[string]rules.Field{"last_name": {Value: `user.last_name + " (" + user.attributes.team + ")"`}},
			})
		}
	}
	service := ops.New(ops.Deps{
		Streams: f.streams, Vendors: f.vendors, Config: config.Config{Source: "/usher/bench"},
		Handlers: []handlers.Handler{handlers.UserCreated(), handlers.UserUpdated()},
	})
	b.ReportAllocs()
	for b.Loop() {
		got, err := service.Simulate(b.Context(), ops.SimulateOptions{})
		if err != nil || got.Users != simulatedUsers || len(got.Counts) != 2*len(f.vendors) {
			b.Fatalf("got %+v, %v", got, err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/simulatedUsers, "µs/user")
}

// profile stores the profile of a user.
func (f *filling) profile(user string, n int) {
	at := events.Position{Epoch: f.epoch, Seq: uint64(n) + 1}
	p := profile.Profile{Created: at, Members: map[string]profile.Member{}}
	for name, value := range map[string]string{
		"user_id": user, "email": user + "@example.org", "first_name": "Ada", "last_name": "Byron",
		"attributes.role": "learner", "attributes.team": "red", "attributes.year": "7",
	} {
		p.Members[name] = profile.Member{Value: json.RawMessage(fmt.Sprintf("%q", value)), Position: at}
	}
	text, err := json.Marshal(p)
	if err != nil {
		f.b.Fatal(err)
	}
	f.put("$KV."+streams.ProfilesBucket+"."+record.Digest(user), text)
}

// fullPort has the ports that a simulation looks for.
type fullPort struct{ fullCalls }

type fullCalls interface {
	vendors.Provisioner
	vendors.Updater
	vendors.Deprovisioner
}

func (fullPort) Check(context.Context) error { return nil }
