package memory_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/memory"
	"github.com/usherhq/usher/internal/natsconn"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/streams"
)

// world is the streams on a server of this process.
type world struct {
	*streams.Set
	t *testing.T
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{natstest.Ensure(t, natstest.Connect(t, natstest.Start(t, natsconn.EmbeddedOptions{})), natstest.Layout()), t}
}

func key(n int) string { return events.Key("/school", fmt.Sprint("e", n)) }

// publish stores the results of activities of a user, numbered from one number up to another.
func (w *world) publish(vendor, user string, from, to int) {
	w.t.Helper()
	for n := from; n < to; n++ {
		r, err := events.NewResult(events.ResultOf{
			RequestType: events.ActivityTracked, UserID: user, Key: key(n), Source: "/usher", At: time.Now(),
			Result: events.Result{Vendor: vendor, Outcome: events.Done, Attempts: 1},
		})
		w.check(err)
		w.check(w.Results.Publish(w.t.Context(), vendor, r))
	}
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// record stores a record of an activity.
func (w *world) record(vendor string, n int) {
	w.t.Helper()
	r, err := streams.OpenRecords(w.t.Context(), w.Client, streams.EffectsBucket)
	w.check(err)
	_, err = r.Store(w.t.Context(), vendor+".00ff."+key(n), []byte("{}"), 0)
	w.check(err)
}

func config(vendor string) memory.Config {
	return memory.Config{Vendor: vendor, Keep: time.Hour, Records: streams.EffectsBucket, Index: streams.ActivityBucket}
}

// open opens a memory and fills it. The memory ends with the test, or by end.
func (w *world) open(vendor string, log *natstest.Log) (m *memory.Memory, end func()) {
	w.t.Helper()
	m, err := memory.Open(w.t.Context(), config(vendor), w.Client, zerolog.New(log))
	w.check(err)
	memory.SetSegment(m, 10)
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Run(ctx)
	}()
	end = func() { cancel(); <-done }
	w.t.Cleanup(end)
	natstest.Until(w.t, "the memory is filled", m.Current)
	return m, end
}

// archive stores the full segments, without the rest, as a killed process does.
func (w *world) archive(m *memory.Memory, segments int) {
	w.t.Helper()
	for w.segments() < segments {
		w.check(memory.ArchiveOne(w.t.Context(), m, 10))
	}
	w.check(memory.ArchiveOne(w.t.Context(), m, 10))
	if got := w.segments(); got != segments {
		w.t.Fatalf("got %d segments, want %d", got, segments)
	}
}

// bucket returns the bucket of the segments.
func (w *world) bucket() *streams.Records {
	w.t.Helper()
	archive, err := streams.OpenRecords(w.t.Context(), w.Client, streams.ActivityBucket)
	w.check(err)
	return archive
}

func (w *world) stream() jetstream.Stream {
	w.t.Helper()
	s, err := w.Client.JetStream.Stream(w.t.Context(), streams.ResultsStream)
	w.check(err)
	return s
}

func (w *world) segments() int {
	w.t.Helper()
	keys, err := w.bucket().Keys(w.t.Context(), "*.*.*.f")
	w.check(err)
	return len(keys)
}

func (w *world) catchUp(m *memory.Memory) {
	w.t.Helper()
	w.check(m.CatchUp(w.t.Context()))
}

// known returns the numbers of the known results below a number.
func known(m *memory.Memory, below int) (list []int) {
	for n := range below {
		if result, _ := m.Knows(key(n)); result {
			list = append(list, n)
		}
	}
	return list
}

func numbers(from, to int) (list []int) {
	for n := from; n < to; n++ {
		list = append(list, n)
	}
	return list
}

func TestMemoryFollows(t *testing.T) {
	w := newWorld(t)
	w.publish("lms", "u", 0, 3)
	w.publish("crm", "u", 5, 6)
	w.record("lms", 7)
	m, _ := w.open("lms", &natstest.Log{})
	w.publish("lms", "u", 3, 5)
	w.record("lms", 8)
	w.record("crm", 9)
	w.catchUp(m)
	if got := known(m, 10); !slices.Equal(got, numbers(0, 5)) {
		t.Errorf("got the results %v", got)
	}
	for n, want := range map[int]bool{0: false, 7: true, 8: true, 9: false} {
		if _, got := m.Knows(key(n)); got != want {
			t.Errorf("record of %d: got %t", n, got)
		}
	}
	m.AddResult(events.ResultID(key(20), "lms", 0))
	if result, record := m.Knows(key(20)); !result || record {
		t.Error("an own result is not known")
	}
}

// A start reads the segments and the results behind them, and nothing else.
func TestSegments(t *testing.T) {
	w := newWorld(t)
	m, end := w.open("lms", &natstest.Log{})
	w.publish("lms", "u", 0, 25)
	w.catchUp(m)
	w.archive(m, 2)
	end()
	w.check(w.stream().Purge(t.Context())) // nothing but the segments is left
	w.publish("lms", "u", 30, 32)
	log := &natstest.Log{}
	again, end := w.open("lms", log)
	if got, want := known(again, 40), append(numbers(0, 20), 30, 31); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !strings.Contains(log.String(), "were removed from RESULTS before they were remembered") || !strings.Contains(log.String(), `"results":5`) {
		t.Errorf("the lost results are not reported: %s", log)
	}
	w.publish("lms", "u", 32, 45) // the next owner goes on behind the last segment
	w.catchUp(again)
	w.archive(again, 3)
	end()
	third, _ := w.open("lms", &natstest.Log{})
	if got, want := known(third, 50), append(numbers(0, 20), numbers(30, 45)...); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Archive stores full segments, and the rest at the end.
func TestArchive(t *testing.T) {
	w := newWorld(t)
	m, end := w.open("lms", &natstest.Log{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.Archive(ctx)
	}()
	w.publish("lms", "u", 0, 23)
	natstest.Until(t, "the full segments are stored", func() bool { return w.segments() == 2 })
	w.catchUp(m)
	cancel()
	<-done
	end()
	if got := w.segments(); got != 3 {
		t.Errorf("got %d segments, want 3", got)
	}
	w.check(w.stream().Purge(t.Context()))
	again, _ := w.open("lms", &natstest.Log{})
	if got := known(again, 30); !slices.Equal(got, numbers(0, 23)) {
		t.Errorf("got %v", got)
	}
}

// Without a segment in the middle, and with an unreadable one, a start reads the results from there.
func TestSegmentsWithGaps(t *testing.T) {
	for name, damage := range map[string]func(*world, *streams.Records, string){
		"missing": func(w *world, r *streams.Records, key string) {
			_, revision, err := r.Load(w.t.Context(), key)
			w.check(err)
			w.check(r.Delete(w.t.Context(), key, revision))
		},
		"unreadable": func(w *world, r *streams.Records, key string) {
			value, revision, err := r.Load(w.t.Context(), key)
			w.check(err)
			_, err = r.Store(w.t.Context(), key, value[:len(value)-1], revision)
			w.check(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			m, end := w.open("lms", &natstest.Log{})
			w.publish("lms", "u", 0, 35)
			w.catchUp(m)
			w.archive(m, 3)
			end()
			keys, err := w.bucket().Keys(t.Context(), "*.*.*.f")
			w.check(err)
			slices.Sort(keys)
			damage(w, w.bucket(), keys[1])
			again, _ := w.open("lms", &natstest.Log{})
			if got := known(again, 40); !slices.Equal(got, numbers(0, 35)) {
				t.Errorf("got %v", got)
			}
		})
	}
}

// A stream made anew begins a new chain of segments, and the old segments stay known.
func TestResultsMadeAnew(t *testing.T) {
	w := newWorld(t)
	m, end := w.open("lms", &natstest.Log{})
	w.publish("lms", "u", 0, 12)
	w.catchUp(m)
	w.archive(m, 1)
	end()
	config := w.stream().CachedInfo().Config
	w.check(w.Client.JetStream.DeleteStream(t.Context(), config.Name))
	_, err := w.Client.JetStream.CreateStream(t.Context(), config)
	w.check(err)
	w.publish("lms", "u", 20, 31)
	again, _ := w.open("lms", &natstest.Log{})
	w.archive(again, 2)
	if got, want := known(again, 40), append(numbers(0, 10), numbers(20, 31)...); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFind(t *testing.T) {
	w := newWorld(t)
	m, _ := w.open("lms", &natstest.Log{})
	w.publish("lms", "ann", 0, 7)
	w.publish("lms", `b"ob`, 7, 12)
	w.publish("lms", "ann", 12, 14)
	w.publish("crm", "ann", 14, 16)
	w.publish("lms", "ann", 16, 19)
	w.catchUp(m)
	w.archive(m, 1) // 0 to 9; the rest is read from RESULTS
	for name, test := range map[string]struct {
		user  string
		limit int
		want  []int
		more  int
	}{
		"all":            {"ann", 20, []int{0, 1, 2, 3, 4, 5, 6, 12, 13, 16, 17, 18}, 0},
		"the newest":     {"ann", 7, []int{5, 6, 12, 13, 16, 17, 18}, 5},
		"the end":        {"ann", 2, []int{17, 18}, 10},
		"with quotes":    {`b"ob`, 20, []int{7, 8, 9, 10, 11}, 0},
		"somebody else":  {"eve", 20, nil, 0},
		"the same start": {"an", 20, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			list, more, err := memory.Find(t.Context(), w.Client, config("lms"), test.user, test.limit)
			w.check(err)
			var got []int
			for _, r := range list {
				got = append(got, slices.IndexFunc(numbers(0, 20), func(n int) bool { return events.ResultID(key(n), "lms", 0) == r.Event.ID() }))
			}
			if !slices.Equal(got, test.want) || more != test.more {
				t.Errorf("got %v and %d more, want %v and %d", got, more, test.want, test.more)
			}
		})
	}
}
