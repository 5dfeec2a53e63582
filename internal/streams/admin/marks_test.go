package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/internal/streams/admin"
)

// instance returns the management of another Usher on the same account.
func (w world) instance(t *testing.T, prefix string) *admin.Admin {
	t.Helper()
	c := w.set.Client
	c.Names = streams.Names{Prefix: prefix, EventPrefix: prefix, ResultPrefix: prefix}
	l := layout
	l.Names = c.Names
	l.Events = c.Names.Events()
	return admin.New(c, l)
}

func TestForeignStreamsStopTheStart(t *testing.T) {
	t.Parallel()
	bucket := func(name string) jetstream.StreamConfig {
		return jetstream.StreamConfig{Name: "KV_" + name, Subjects: []string{"$KV." + name + ".>"}, MaxMsgsPerSubject: 1, AllowRollup: true, DenyDelete: true, Discard: jetstream.DiscardNew}
	}
	cases := map[string]struct {
		stream jetstream.StreamConfig
		want   string
	}{
		"a work queue named AUDIT": {jetstream.StreamConfig{Name: "AUDIT", Subjects: []string{"audit.>"}, Retention: jetstream.WorkQueuePolicy, MaxAge: time.Hour}, "its subjects are audit.>"},
		"a stream named EVENTS":    {jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"orders.>"}}, "its subjects are orders.>"},
		"a mirror named HISTORY":   {jetstream.StreamConfig{Name: "HISTORY", Mirror: &jetstream.StreamSource{Name: "ELSEWHERE"}}, "its subjects are none"},
		"a stream named TIMERS":    {jetstream.StreamConfig{Name: "TIMERS", Subjects: []string{"cron.*"}}, "its subjects are cron.*"},
		"a bucket of our shape":    {bucket("ACCOUNTS"), "no stream shows that an earlier Usher made it"},
		"a bucket of the workers":  {bucket("OWNERSHIP"), "no stream shows that an earlier Usher made it"},
		"the mark of another instance": {
			jetstream.StreamConfig{
				Name: "RESULTS", Subjects: []string{"user.provisioned.*"},
				Metadata: map[string]string{"owner": "usher", "usher.instance": "staging", "usher.kind": "results"},
			}, `nats.prefix "staging"`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := empty(t, layout)
			w.create(t, c.stream)
			before := w.info(t, c.stream.Name).Config
			err := w.CheckOwners(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "nats.prefix") || !admin.Permanent(err) {
				t.Errorf("got %v, want a lasting error with %q and nats.prefix", err, c.want)
			}
			wanted := admin.Wanted{Streams: admin.Workers{}.Streams()}
			found, err := w.Apply(t.Context(), wanted)
			check(t, err)
			if !strings.Contains(words(found), "stream "+c.stream.Name+" is not of this Usher") {
				t.Errorf("got the plan %s, want it to say that %s stays", words(found), c.stream.Name)
			}
			if after := w.info(t, c.stream.Name).Config; strings.Join(after.Subjects, " ") != strings.Join(before.Subjects, " ") || len(after.Metadata) != len(before.Metadata) || after.MaxAge != before.MaxAge {
				t.Errorf("got %+v, want it untouched: %+v", after, before)
			}
		})
	}
}

func words(found []admin.Difference) string {
	var lines []string
	for _, d := range found {
		lines = append(lines, d.String())
	}
	return strings.Join(lines, "\n")
}

func TestShapesThatLoseDataStopTheStart(t *testing.T) {
	t.Parallel()
	mark := func(kind string) map[string]string {
		return map[string]string{"owner": "usher", "usher.instance": "", "usher.kind": kind}
	}
	bucket := jetstream.StreamConfig{Name: "KV_ACCOUNTS", Subjects: []string{"$KV.ACCOUNTS.>"}, MaxMsgsPerSubject: 1, AllowRollup: true, Discard: jetstream.DiscardNew, Metadata: mark("accounts")}
	with := func(set func(*jetstream.StreamConfig)) jetstream.StreamConfig {
		c := bucket
		set(&c)
		return c
	}
	cases := map[string]struct {
		stream jetstream.StreamConfig
		want   string
	}{
		"records with a TTL":      {with(func(c *jetstream.StreamConfig) { c.MaxAge = time.Minute }), "its max_age of 1m0s removes"},
		"records in memory":       {with(func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }), "it is in memory"},
		"records that go":         {with(func(c *jetstream.StreamConfig) { c.Discard, c.MaxBytes = jetstream.DiscardOld, 1<<20 }), "at its limit it discards"},
		"records with a history":  {with(func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 }), "more than one message for a subject"},
		"a sealed bucket":         {with(func(c *jetstream.StreamConfig) { c.Sealed = true }), "it is sealed"},
		"letters without an ack":  {jetstream.StreamConfig{Name: "DEADLETTERS", Subjects: []string{"usher.dead.>"}, NoAck: true, Metadata: mark("deadletters")}, "acknowledges no message"},
		"replays as a work queue": {jetstream.StreamConfig{Name: "OPEN_REPLAYS", Subjects: []string{"usher.replay.>"}, Retention: jetstream.WorkQueuePolicy, Metadata: mark("open_replays")}, "its retention is"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := empty(t, layout)
			sealed := c.stream.Sealed
			c.stream.Sealed = false
			w.create(t, c.stream)
			if sealed {
				c.stream.Sealed = true
				_, err := w.js.UpdateStream(t.Context(), c.stream)
				check(t, err)
			}
			if err := w.CheckOwners(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) || !admin.Permanent(err) {
				t.Errorf("got %v, want a lasting error with %q", err, c.want)
			}
		})
	}
}

// TestStreamsOfAFormerVersionGetTheMark removes the marks, as a former version had none.
func TestStreamsOfAFormerVersionGetTheMark(t *testing.T) {
	t.Parallel()
	w := ensured(t)
	w.ensureWorker(t)
	for _, name := range []string{"EVENTS", "RESULTS", "DEADLETTERS", "AUDIT", "KV_ACCOUNTS", "KV_OWNERSHIP", "TIMERS"} {
		c := w.info(t, name).Config
		c.Metadata = nil
		_, err := w.js.UpdateStream(t.Context(), c)
		check(t, err)
	}
	check(t, w.CheckOwners(t.Context()))
	wanted := admin.Wanted{Streams: admin.Workers{}.Streams()}
	found, err := w.Apply(t.Context(), wanted)
	check(t, err)
	if len(found) != 7 || !strings.Contains(words(found), `stream KV_ACCOUNTS: mark is none, the configuration says accounts of usher, nats.prefix ""`) {
		t.Errorf("got %s, want seven marks", words(found))
	}
	found, err = w.Check(t.Context(), wanted)
	check(t, err)
	if len(found) != 0 {
		t.Errorf("got %s, want no difference any more", words(found))
	}
}

// TestOwnStreamsAdoptNoBucket applies twice beside a bucket of another team: the streams that the
// first call makes do not show that an earlier Usher made the bucket.
func TestOwnStreamsAdoptNoBucket(t *testing.T) {
	t.Parallel()
	w := empty(t, layout)
	w.create(t, jetstream.StreamConfig{Name: "KV_ACCOUNTS", Subjects: []string{"$KV.ACCOUNTS.>"}, MaxMsgsPerSubject: 1, AllowRollup: true, MaxAge: time.Minute})
	for range 2 {
		found, err := w.Apply(t.Context(), admin.Wanted{})
		check(t, err)
		if !strings.Contains(words(found), "stream KV_ACCOUNTS is not of this Usher") {
			t.Errorf("got %s, want that KV_ACCOUNTS stays", words(found))
		}
	}
	if c := w.info(t, "KV_ACCOUNTS").Config; c.MaxAge != time.Minute || c.Metadata["owner"] != "" {
		t.Errorf("got %+v, want it untouched", c)
	}
}

// TestBucketsGetTheMarkFirst marks the streams and buckets of a former version one by one, in the
// order of Apply, as if Apply had ended there: the rest can always be marked.
func TestBucketsGetTheMarkFirst(t *testing.T) {
	t.Parallel()
	w := ensured(t)
	marks, order := map[string]map[string]string{}, []string{}
	names := w.js.StreamNames(t.Context())
	for name := range names.Name() {
		c := w.info(t, name).Config
		marks[name], c.Metadata = c.Metadata, nil
		_, err := w.js.UpdateStream(t.Context(), c)
		check(t, err)
	}
	found, err := w.Check(t.Context(), admin.Wanted{})
	check(t, err)
	for _, d := range found {
		order = append(order, strings.TrimPrefix(d.Of, "stream "))
	}
	if len(order) != len(marks) || len(order) < 10 {
		t.Fatalf("got %v, want a mark for each of %d streams", order, len(marks))
	}
	for _, name := range order {
		check(t, w.CheckOwners(t.Context()))
		c := w.info(t, name).Config
		c.Metadata = marks[name]
		_, err := w.js.UpdateStream(t.Context(), c)
		check(t, err)
	}
	check(t, w.CheckOwners(t.Context()))
}

// TestALoneBucketIsAdopted has a bucket that was restored without the other streams.
func TestALoneBucketIsAdopted(t *testing.T) {
	t.Parallel()
	w := empty(t, layout)
	w.create(t, jetstream.StreamConfig{Name: "KV_ACCOUNTS", Subjects: []string{"$KV.ACCOUNTS.>"}, MaxMsgsPerSubject: 1, AllowRollup: true, Discard: jetstream.DiscardNew, AllowDirect: true})
	if err := w.CheckOwners(t.Context()); err == nil || !strings.Contains(err.Error(), "--adopt") {
		t.Fatalf("got %v, want the command that adopts", err)
	}
	_, err := w.Apply(t.Context(), admin.Wanted{Adopt: true})
	check(t, err)
	check(t, w.CheckOwners(t.Context()))
}

// TestTwoUshersAndAnotherTeam has staging, production and foreign streams in one account.
func TestTwoUshersAndAnotherTeam(t *testing.T) {
	t.Parallel()
	w := empty(t, layout)
	w.create(t, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"orders.>"}})
	w.create(t, jetstream.StreamConfig{Name: "KV_ACCOUNTS", Subjects: []string{"$KV.ACCOUNTS.>"}, MaxAge: time.Minute})
	for _, prefix := range []string{"staging", "production"} {
		a := w.instance(t, prefix)
		check(t, a.CheckOwners(t.Context()))
		check(t, a.Ensure(t.Context()))
		check(t, admin.EnsureWorker(t.Context(), w.js, admin.Workers{Names: streams.Names{Prefix: prefix}}))
		check(t, a.CheckOwners(t.Context()))
	}
	if err := w.CheckOwners(t.Context()); err == nil {
		t.Error("the Usher without a prefix starts on the streams of another team")
	}
	c := w.info(t, "STAGING_RESULTS").Config
	if got := strings.Join(c.Subjects, " "); !strings.Contains(got, "staging.user.provisioned.*") {
		t.Errorf("got the subjects %s, want them under the prefix", got)
	}
	if got := w.info(t, "PRODUCTION_DEADLETTERS").Config.Subjects[0]; got != "production-usher.dead.>" {
		t.Errorf("got %s, want production-usher.dead.>", got)
	}
}
