package upgrade_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/upgrade"
)

var vendors = []string{"crm", "lms"}

var config = upgrade.Config{
	Vendors: vendors, Events: bus.EventsStream, Replays: natstest.Layout().Replays(), Replicas: 1, HoldFresh: time.Minute,
}

// env is a NATS server with the state of a former version.
type env struct {
	t  *testing.T
	js jetstream.JetStream
}

// former returns a server with the state of a former version: three of five events are finished,
// and the work queue has three replays.
func former(t *testing.T) *env {
	t.Helper()
	t.Parallel()
	nc := natstest.Connect(t, natstest.Start(t, bus.EmbeddedOptions{}))
	js, err := jetstream.New(nc)
	check(t, err)
	e := &env{t: t, js: js}
	e.create(jetstream.StreamConfig{Name: bus.EventsStream, Subjects: events.Types(), Retention: jetstream.LimitsPolicy})
	e.create(jetstream.StreamConfig{Name: "REPLAYS", Subjects: []string{"usher.replay.>"}, Retention: jetstream.WorkQueuePolicy})
	e.create(jetstream.StreamConfig{Name: "KV_CONTROL", Subjects: []string{"$KV.CONTROL.>"}, MaxMsgsPerSubject: 1, AllowRollup: true, DenyDelete: true, AllowDirect: true})
	for _, v := range vendors {
		e.consumer(bus.EventsStream, jetstream.ConsumerConfig{
			Durable: "usher-" + v + "-lifecycle", FilterSubjects: []string{events.UserCreated}, AckPolicy: jetstream.AckExplicitPolicy, MaxDeliver: -1,
			PriorityPolicy: jetstream.PriorityPolicyPinned, PinnedTTL: 100 * time.Millisecond, PriorityGroups: []string{"owner"},
		})
		e.consumer(bus.EventsStream, jetstream.ConsumerConfig{Durable: "usher-" + v + "-activity", FilterSubjects: []string{events.ActivityTracked}, AckPolicy: jetstream.AckExplicitPolicy})
		e.consumer("REPLAYS", jetstream.ConsumerConfig{Durable: "usher-" + v + "-replay", FilterSubjects: []string{"usher.replay." + v + ".>"}, AckPolicy: jetstream.AckExplicitPolicy})
	}
	for i := range 5 {
		e.publish(events.UserCreated, fmt.Sprint("e", i), nil)
	}
	e.acknowledge("lms", 3)
	for i, v := range []string{"lms", "gone", "crm", "lms"} {
		e.publish("usher.replay."+v+".user.created", fmt.Sprint("r", i), nats.Header{"Usher-Key": {v}, "Nats-Msg-Id": {"the same"}})
	}
	check(t, e.stream("REPLAYS").DeleteMsg(t.Context(), 2))
	return e
}

func (e *env) create(c jetstream.StreamConfig) {
	e.t.Helper()
	_, err := e.js.CreateStream(e.t.Context(), c)
	check(e.t, err)
}

func (e *env) consumer(stream string, c jetstream.ConsumerConfig) {
	e.t.Helper()
	_, err := e.js.CreateConsumer(e.t.Context(), stream, c)
	check(e.t, err)
}

func (e *env) publish(subject, data string, h nats.Header) {
	e.t.Helper()
	_, err := e.js.PublishMsg(e.t.Context(), &nats.Msg{Subject: subject, Data: []byte(data), Header: h}, jetstream.WithMsgID(data))
	check(e.t, err)
}

func (e *env) stream(name string) jetstream.Stream {
	e.t.Helper()
	s, err := e.js.Stream(e.t.Context(), name)
	check(e.t, err)
	return s
}

// acknowledge fetches n+1 events, acknowledges n, and waits for the end of the pin.
func (e *env) acknowledge(vendor string, n int) {
	e.t.Helper()
	c, err := e.js.Consumer(e.t.Context(), bus.EventsStream, "usher-"+vendor+"-lifecycle")
	check(e.t, err)
	batch, err := c.Fetch(n+1, jetstream.FetchPriorityGroup("owner"), jetstream.FetchMaxWait(time.Second))
	check(e.t, err)
	taken := 0
	for m := range batch.Messages() {
		if taken++; taken <= n {
			check(e.t, m.DoubleAck(e.t.Context()))
		}
	}
	natstest.Until(e.t, "the pin is over", func() bool {
		i, err := c.Info(e.t.Context())
		return err == nil && i.PriorityGroups[0].PinnedClientID == ""
	})
}

// run calls Run until no step fails.
func (e *env) run() {
	e.t.Helper()
	check(e.t, upgrade.Run(e.t.Context(), e.js, config))
}

// wantMoved checks that all state was migrated.
func (e *env) wantMoved() {
	e.t.Helper()
	e.wantPosition("lms", 3)
	e.wantPosition("crm", 0)
	for _, v := range vendors {
		c, err := e.js.Consumer(e.t.Context(), bus.EventsStream, "usher-"+v+"-lifecycle")
		if errors.Is(err, jetstream.ErrConsumerNotFound) { // streams.OpenLag creates the consumer
			continue
		}
		check(e.t, err)
		if got := c.CachedInfo().Config; got.PriorityPolicy != jetstream.PriorityPolicyNone || !slices.Equal(got.FilterSubjects, []string{events.UserCreated}) {
			e.t.Errorf("%s: the consumer is %+v", v, got)
		}
	}
	if _, err := e.js.Stream(e.t.Context(), "REPLAYS"); !errors.Is(err, jetstream.ErrStreamNotFound) {
		e.t.Errorf("the former stream of replays: %v", err)
	}
	e.wantReplays("r0", "r2", "r3")
	have := e.stream(bus.ReplaysStream).CachedInfo().Config
	if have.Retention != jetstream.LimitsPolicy || !slices.Equal(have.Subjects, []string{"usher.replay.>"}) || have.SubjectTransform != nil {
		e.t.Errorf("the stream of replays is %+v", have)
	}
	e.publish("usher.replay.lms.user.created", "after", nil)
}

func (e *env) wantPosition(vendor string, seq uint64) {
	e.t.Helper()
	o, err := streams.OpenOwnership(e.t.Context(), streams.Client{JetStream: e.js}, vendor)
	check(e.t, err)
	got, err := o.Position(e.t.Context())
	want := events.Position{Epoch: e.stream(bus.EventsStream).CachedInfo().Created.UnixNano(), Seq: seq}
	if err != nil || got != want {
		e.t.Errorf("%s: got position %v (%v), want %v", vendor, got, err, want)
	}
}

func (e *env) wantReplays(want ...string) {
	e.t.Helper()
	stream := e.stream(bus.ReplaysStream)
	var got []string
	for seq := uint64(1); seq <= stream.CachedInfo().State.LastSeq; seq++ {
		m, err := stream.GetMsg(e.t.Context(), seq)
		check(e.t, err)
		if m.Subject != "usher.replay."+m.Header.Get("Usher-Key")+".user.created" {
			e.t.Errorf("%s: subject %s, headers %v", m.Data, m.Subject, m.Header)
		}
		got = append(got, string(m.Data))
	}
	if !slices.Equal(got, want) {
		e.t.Errorf("got replays %v, want %v", got, want)
	}
}

// pause returns the pause of a vendor.
func (e *env) pause(vendor string) (p struct{ Since, Until time.Time }, ok bool) {
	e.t.Helper()
	kv, err := e.js.KeyValue(e.t.Context(), bus.ControlKV)
	check(e.t, err)
	entry, err := kv.Get(e.t.Context(), "pause."+vendor)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return p, false
	}
	check(e.t, err)
	check(e.t, json.Unmarshal(entry.Value(), &p))
	return p, true
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
