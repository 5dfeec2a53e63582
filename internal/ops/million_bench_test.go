package ops_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// users of the benchmarks. Each has an account at five vendors, a creation, and nine
// activities at one of them: a million events, and a record in EFFECTS for each activity.
const users, activities = 100_000, 9

// school returns a service over the data of all users.
func school(b *testing.B) (*ops.Service, *filling) {
	b.Helper()
	f := newFilling(b)
	for u := range users {
		user := fmt.Sprint("user-", u)
		at := f.event(events.UserCreated, user, 0)
		for _, v := range f.vendors {
			f.record(streams.AccountsBucket, record.AccountKey(v.Name, user), &record.Record{
				UserID: user, AccountID: fmt.Sprint(u), State: record.Active, Lifecycle: at, Registered: at,
				Finished: f.finished(events.UserCreated, events.ScopeLifecycle, user, 0, at),
			})
		}
		for n := range activities {
			at := f.event(events.ActivityTracked, user, n+1)
			f.record(streams.EffectsBucket, record.ActivityKey("usermost", user, eventKey(user, n+1)), &record.Record{
				UserID: user, Finished: f.finished(events.ActivityTracked, events.ScopeActivity, user, n+1, at),
			})
		}
	}
	f.wait()
	return ops.New(ops.Deps{Streams: f.streams, Vendors: f.vendors, Config: config.Config{Source: "/usher/bench"}}), f
}

// BenchmarkForget finds all of one user among the million events, and erases it.
func BenchmarkForget(b *testing.B) {
	service, f := school(b)
	var finding time.Duration
	b.ResetTimer()
	for n := range b.N {
		begun := time.Now()
		held, err := service.UserData(b.Context(), ops.Search{UserID: fmt.Sprint("user-", n*7919%users)})
		finding += time.Since(begun)
		if err != nil {
			b.Fatal(err)
		}
		done, err := service.Forget(b.Context(), held, ops.ForgetOptions{Accounts: true, Unfinished: true}, ops.Actor{Who: "bench", Why: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		for _, e := range done.Erased {
			if want, asked := map[string]int{streams.EventsStream: 1 + activities, streams.AccountsBucket: len(f.vendors), streams.EffectsBucket: activities}[e.Where]; asked && e.Count != want {
				b.Fatalf("%s: %d erased, want %d", e.Where, e.Count, want)
			}
		}
	}
	b.ReportMetric(finding.Seconds()/float64(b.N), "s-finding/op")
}

// BenchmarkHistory reads the history of a user.
func BenchmarkHistory(b *testing.B) {
	service, f := school(b)
	var longest time.Duration
	b.ResetTimer()
	for n := range b.N {
		begun := time.Now()
		h, err := service.History(b.Context(), fmt.Sprint("user-", n*7919%users))
		longest = max(longest, time.Since(begun))
		if err != nil || len(h.Accounts) != len(f.vendors) || len(h.Events) != len(f.vendors)+activities || h.Events[0].EventID == "" {
			b.Fatalf("got %d accounts, %d effects, %v", len(h.Accounts), len(h.Events), err)
		}
	}
	b.ReportMetric(float64(longest.Microseconds())/1000, "ms-longest")
}

// filling fills the streams without waiting for each answer.
type filling struct {
	b       *testing.B
	streams *streams.Set
	js      jetstream.JetStream
	epoch   int64
	seq     uint64
	vendors []ops.Vendor
}

func newFilling(b *testing.B) *filling {
	b.Helper()
	nc, err := nats.Connect(natstest.Start(b, natsconn.EmbeddedOptions{Addr: "127.0.0.1:0"}).URL())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	f := &filling{b: b}
	for _, name := range []string{"miestro", "meiro", "lead", "magloft", "usermost"} {
		f.vendors = append(f.vendors, ops.Vendor{Name: name})
	}
	f.js, err = jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(4096))
	if err != nil {
		b.Fatal(err)
	}
	layout := natstest.Layout()
	layout.Window = time.Second // a million ids in a longer one cost memory
	f.streams = natstest.Ensure(b, nc, layout)
	stream, err := f.js.Stream(b.Context(), streams.EventsStream)
	if err != nil {
		b.Fatal(err)
	}
	f.epoch = stream.CachedInfo().Created.UnixNano()
	return f
}

func eventID(user string, n int) string { return fmt.Sprintf("%s-%d", user, n) }

func eventKey(user string, n int) string { return events.Key("/school", eventID(user, n)) }

// event publishes an event, and returns its position.
func (f *filling) event(kind, user string, n int) events.Position {
	id := eventID(user, n)
	f.put(kind, fmt.Appendf(nil, `{"specversion":"1.0","id":%q,"source":"/school","type":%q,"data":{"user_id":%q,"name":"lesson.read"}}`, id, kind, user))
	f.seq++
	return events.Position{Epoch: f.epoch, Seq: f.seq}
}

// finished is an effect that is done.
func (f *filling) finished(kind string, scope events.Scope, user string, n int, at events.Position) []record.Finished {
	now := time.Now()
	return []record.Finished{{
		Effect: record.Effect{
			Key: record.KeyOf(eventKey(user, n)), Type: kind, Scope: scope, Position: at, Attempts: 1, Registered: now, Begun: now, Tried: true,
		},
		Outcome: record.Outcome{Kind: events.Done, At: now},
	}}
}

func (f *filling) record(bucket, key string, r *record.Record) {
	text, err := r.Encode()
	if err != nil {
		f.b.Fatal(err)
	}
	f.put("$KV."+bucket+"."+key, text)
}

func (f *filling) put(subject string, text []byte) {
	if _, err := f.js.PublishMsgAsync(&nats.Msg{Subject: subject, Data: text}, jetstream.WithStallWait(time.Minute)); err != nil {
		f.b.Fatal(err)
	}
}

func (f *filling) wait() {
	select {
	case <-f.js.PublishAsyncComplete():
	case <-f.b.Context().Done():
	}
	f.b.Log("stored")
}
