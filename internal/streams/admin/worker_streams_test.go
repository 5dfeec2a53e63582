package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

func TestEnsureWorkerCreatesTheStreams(t *testing.T) {
	w := worker(t)
	timers, leases, ownership := w.info(t, "TIMERS").Config, w.info(t, "LEASES").Config, w.info(t, "KV_OWNERSHIP").Config
	if !timers.AllowMsgSchedules || timers.Retention != jetstream.WorkQueuePolicy || timers.MaxMsgsPerSubject != 1 || timers.MaxAge != 0 {
		t.Errorf("TIMERS: got %+v", timers)
	}
	if !leases.AllowMsgTTL || leases.SubjectDeleteMarkerTTL != time.Minute || leases.MaxMsgsPerSubject != 1 || leases.AllowDirect {
		t.Errorf("LEASES: got %+v", leases)
	}
	if ownership.AllowDirect || ownership.MaxAge != 0 || ownership.MaxMsgsPerSubject != 1 {
		t.Errorf("OWNERSHIP: got %+v", ownership)
	}
	if index := w.info(t, "KV_ACCOUNT_INDEX").Config; index.AllowDirect || index.MaxAge != 0 || index.MaxMsgsPerSubject != 1 {
		t.Errorf("ACCOUNT_INDEX: got %+v", index)
	}
	subjects := append(append([]string{}, timers.Subjects...), leases.Subjects...)
	if diff := cmp.Diff([]string{"usher.timer.>", "usher.wake.>", "usher.lease.>"}, subjects); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEnsureWorkerIsRepeatable(t *testing.T) {
	w := worker(t)
	w.ensureWorker(t)
}

func TestEnsureWorkerLeavesAnExistingStreamAlone(t *testing.T) {
	w := empty(t, layout)
	w.create(t, jetstream.StreamConfig{
		Name: "TIMERS", Subjects: []string{"usher.timer.>", "usher.wake.>"}, Retention: jetstream.WorkQueuePolicy,
		MaxMsgsPerSubject: 1, AllowMsgSchedules: true, Description: "mine",
	})
	w.ensureWorker(t)
	if got := w.info(t, "TIMERS").Config.Description; got != "mine" {
		t.Errorf("got description %q, want it left alone", got)
	}
}

func TestEnsureWorkerUsesTheNames(t *testing.T) {
	w := worker(t)
	names := streams.Names{
		Timers: "A_TIMERS", Leases: "A_LEASES", Ownership: "A_OWNERSHIP", Index: "A_INDEX",
		TimerSubject: "a.timer", WakeSubject: "a.wake", LeaseSubject: "a.lease",
	}
	check(t, admin.EnsureWorker(t.Context(), w.js, admin.Workers{Names: names}))
	c := streams.Client{JetStream: w.js, Names: names}
	leases, err := streams.OpenLeases(t.Context(), c, 0)
	check(t, err)
	_, err = leases.Acquire(t.Context(), "lms", "a")
	check(t, err)
	timers, err := streams.OpenTimers(t.Context(), c)
	check(t, err)
	check(t, timers.Arm(t.Context(), streams.Timer{Vendor: "lms", Digest: "d", Token: 1, Due: time.Now().Add(time.Hour)}))
	ownership, err := streams.OpenOwnership(t.Context(), c, "lms")
	check(t, err)
	_, err = ownership.RaiseToken(t.Context(), 0)
	check(t, err)
	index, err := streams.OpenIndex(t.Context(), c)
	check(t, err)
	_, err = index.Store(t.Context(), "lms"+".a", []byte("d"), 0)
	check(t, err)
	for name, want := range map[string]uint64{"A_TIMERS": 1, "A_LEASES": 1, "KV_A_OWNERSHIP": 1, "KV_A_INDEX": 1, "TIMERS": 0, "LEASES": 0, "KV_OWNERSHIP": 0, "KV_ACCOUNT_INDEX": 0} {
		if got := w.info(t, name).State.Msgs; got != want {
			t.Errorf("%s: got %d messages, want %d", name, got, want)
		}
	}
}

func TestEnsureWorkerRefusesAShapeThatCannotWork(t *testing.T) {
	timers := jetstream.StreamConfig{
		Name: "TIMERS", Subjects: []string{"usher.timer.>", "usher.wake.>"}, Retention: jetstream.WorkQueuePolicy, MaxMsgsPerSubject: 1, AllowMsgSchedules: true,
	}
	leases := jetstream.StreamConfig{
		Name: "LEASES", Subjects: []string{"usher.lease.>"}, MaxMsgsPerSubject: 1, AllowMsgTTL: true, SubjectDeleteMarkerTTL: time.Minute,
	}
	ownership := jetstream.StreamConfig{Name: "KV_OWNERSHIP", Subjects: []string{"$KV.OWNERSHIP.>"}, MaxMsgsPerSubject: 1}
	for name, c := range map[string]struct {
		stream jetstream.StreamConfig
		change func(*jetstream.StreamConfig)
		want   string
	}{
		"no schedules":      {timers, func(c *jetstream.StreamConfig) { c.AllowMsgSchedules = false }, "--allow-schedules"},
		"a max_age":         {timers, func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "--max-age=-1"},
		"in memory":         {timers, func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "file storage"},
		"no work queue":     {timers, func(c *jetstream.StreamConfig) { c.Retention = jetstream.LimitsPolicy }, "delete stream TIMERS"},
		"many messages":     {timers, func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 }, "--max-msgs-per-subject 1"},
		"a limit":           {timers, func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 }, "--max-msgs=-1"},
		"other subjects":    {timers, func(c *jetstream.StreamConfig) { c.Subjects = []string{"usher.timer.>"} }, "lack usher.wake.>"},
		"no TTL":            {leases, func(c *jetstream.StreamConfig) { c.AllowMsgTTL, c.SubjectDeleteMarkerTTL = false, 0 }, "--allow-msg-ttl"},
		"no markers":        {leases, func(c *jetstream.StreamConfig) { c.SubjectDeleteMarkerTTL = 0 }, "--subject-del-markers-ttl"},
		"ownership expires": {ownership, func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour }, "stream edit KV_OWNERSHIP"},
	} {
		t.Run(name, func(t *testing.T) {
			w := empty(t, layout)
			good := c.stream
			c.change(&c.stream)
			w.create(t, c.stream)
			err := admin.EnsureWorker(t.Context(), w.js, admin.Workers{})
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.stream.Name) {
				t.Fatalf("got %v, want an error that says %q", err, c.want)
			}
			if strings.Contains(err.Error(), "nats stream edit") { // the server allows the edit
				_, err = w.js.UpdateStream(t.Context(), good)
			} else {
				err = w.js.DeleteStream(t.Context(), good.Name)
			}
			check(t, err)
			w.ensureWorker(t)
		})
	}
}

// An older server ignores the setting for schedules, and would store timers as plain messages.
func TestEnsureWorkerNeedsSchedules(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	check(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(natstest.Patience) {
		t.Fatal("the server does not start")
	}
	nc, err := nats.Connect(s.ClientURL())
	check(t, err)
	t.Cleanup(nc.Close)
	_, err = nc.Subscribe("$JS.API.INFO", func(m *nats.Msg) {
		m.Respond([]byte(`{"type":"io.nats.jetstream.api.v1.account_info_response","api":{"level":1}}`))
	})
	check(t, err)
	js, err := jetstream.New(nc)
	check(t, err)
	err = admin.EnsureWorker(t.Context(), js, admin.Workers{})
	if err == nil || !strings.Contains(err.Error(), "nats-server 2.12 or later is needed: message schedules") {
		t.Errorf("got %v, want the version that is needed", err)
	}
}

// Remake makes what processes bring back, and leaves the index to a person.
func TestRemake(t *testing.T) {
	e := ensured(t)
	check(t, admin.EnsureWorker(t.Context(), e.js, admin.Workers{}))
	made, err := admin.Remake(t.Context(), e.js, admin.Workers{})
	check(t, err)
	if len(made) > 0 {
		t.Errorf("got %v made, want nothing", made)
	}
	want := []string{"TIMERS", "LEASES", "KV_OWNERSHIP"}
	for _, name := range append(want, "KV_ACCOUNT_INDEX") {
		check(t, e.js.DeleteStream(t.Context(), name))
	}
	made, err = admin.Remake(t.Context(), e.js, admin.Workers{})
	check(t, err)
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if _, err := e.js.Stream(t.Context(), "KV_ACCOUNT_INDEX"); err == nil {
		t.Error("the index was made anew")
	}
}
