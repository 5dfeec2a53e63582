package ops_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
	"github.com/usherhq/usher/vendors"
)

// TestMain fails if a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	natstest.Parallel(4)
	goleak.VerifyTestMain(m)
}

// world is the streams as usher serve makes them, with two vendors, and nothing in them.
type world struct {
	t       *testing.T
	streams *streams.Set
	client  streams.Client
	service *ops.Service
	epoch   int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	b := natstest.Ensure(t, natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{})), natstest.Layout())
	w := &world{t: t, streams: b, client: streams.Client{JetStream: b.Client.JetStream}}
	w.check(admin.EnsureWorker(t.Context(), b.Client.JetStream, admin.Workers{}))
	at, err := b.Client.Extent(t.Context(), streams.EventsStream)
	w.check(err)
	w.epoch = at.Epoch
	c := config.Default()
	c.Source = "/usher"
	adapter := func() (vendors.Adapter, error) { return nil, nil }
	settings := vendors.Settings{MaxAge: time.Hour}
	w.service = ops.New(ops.Deps{
		Streams: b, Config: c, Vendors: []ops.Vendor{{Name: "lms", Settings: settings, Adapter: adapter}, {Name: "crm", Settings: settings, Adapter: adapter}},
		Handlers: []handlers.Handler{handlers.UserCreated(), handlers.UserDeleted()},
	})
	return w
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// event stores an event of a user, and returns the effect that it asks for.
func (w *world) event(kind, id, user string) record.Effect {
	w.t.Helper()
	e, err := events.New(kind, "/school", id, time.Now(), dataOf(user))
	w.check(err)
	header, payload, err := events.ToNATS(e)
	w.check(err)
	ack, err := w.streams.Client.JetStream.PublishMsg(w.t.Context(), &nats.Msg{Subject: kind, Header: header, Data: payload})
	w.check(err)
	return record.Effect{
		Key: record.KeyOf(keyOf(id)), Type: kind, Scope: events.ScopeOf(kind), Registered: time.Now(), Position: events.Position{Epoch: w.epoch, Seq: ack.Sequence},
	}
}

// dataOf is data that every type of event of an account takes.
func dataOf(user string) map[string]any {
	return map[string]any{"user_id": user, "email": user + "@example.org", "first_name": "A", "last_name": "B"}
}

func keyOf(id string) string { return events.Key("/school", id) }

// change changes a record.
func (w *world) change(bucket, key string, change func(*record.Record)) {
	w.t.Helper()
	s, err := recordstore.Open(w.t.Context(), w.client, bucket)
	w.check(err)
	w.check(s.Change(w.t.Context(), key, change))
}

// account changes the record of the account of a user.
func (w *world) account(vendor, user string, change func(*record.Record)) {
	w.t.Helper()
	w.change(streams.AccountsBucket, record.AccountKey(vendor, user), func(r *record.Record) {
		r.UserID = user
		change(r)
	})
}

// record returns the record of the account of a user.
func (w *world) record(vendor, user string) *record.Record {
	w.t.Helper()
	s, err := recordstore.Open(w.t.Context(), w.client, streams.AccountsBucket)
	w.check(err)
	e, err := s.Load(w.t.Context(), record.AccountKey(vendor, user))
	w.check(err)
	return e.Record
}

// ended appends an effect that is done to the history.
func (w *world) ended(vendor, user, id string, e record.Effect) {
	w.t.Helper()
	w.check(w.log().Append(w.t.Context(), history.Entry{
		Key: keyOf(id), Vendor: vendor, Digest: record.Digest(user), Type: e.Type, Scope: e.Scope, Position: e.Position, Attempts: 1,
		First: e.Registered, Ended: time.Now(), Outcome: events.Done,
	}))
}

// recorded stores the result of an activity that was done at once, at a vendor.
func (w *world) recorded(vendor, user, id string) {
	w.t.Helper()
	w.event(events.ActivityTracked, id, user)
	request, err := events.New(events.ActivityTracked, "/school", id, time.Now(), dataOf(user))
	w.check(err)
	result, err := events.NewResult(events.ResultOf{
		Request: request, Key: keyOf(id), Source: "/usher", At: time.Now(),
		Result: events.Result{Vendor: vendor, Outcome: events.Done, Action: events.ActionRecorded, Attempts: 1, TookMS: 7},
	})
	w.check(err)
	w.check(w.streams.Results.Publish(w.t.Context(), vendor, result))
}

func (w *world) log() *history.Log { return history.New(w.client, streams.HistoryStream) }

// addLetter stores the dead letter of an event at lms.
func (w *world) addLetter(id, user string, e record.Effect) {
	w.t.Helper()
	event, err := events.New(e.Type, "/school", id, time.Now(), dataOf(user))
	w.check(err)
	header, payload, err := events.ToNATS(event)
	w.check(err)
	w.check(w.streams.DeadLetters.Add(w.t.Context(), streams.DeadLetter{
		Vendor: "lms", Type: e.Type, Key: keyOf(id), EventID: id, Source: "/school", Class: "permanent", Message: "no", Attempts: 1,
		Epoch: e.Position.Epoch, Seq: e.Position.Seq, Subject: e.Type, Header: header, Payload: payload,
	}))
}
