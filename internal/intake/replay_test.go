package intake_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// replaying is a scenario in which the creation of user 1 has failed for good.
func replaying(t *testing.T, prepare func(*run), body func(*testing.T, *run, string)) {
	t.Helper()
	var refusing atomic.Bool
	refusing.Store(true)
	vendor := &counted{before: func(context.Context, int) error {
		if refusing.Load() {
			return &vendors.Error{Vendor: "acme", Status: 400, Class: vendors.Permanent}
		}
		return nil
	}}
	scenario(t, history{}, func(r *run) {
		vendor.use(r)
		prepare(r)
	}, func(t *testing.T, r *run) {
		key := r.send(message{kind: events.UserCreated, id: "e1", user: 1})
		r.awaitDead(t, key, "permanent")
		r.awaitCommitted(t)
		refusing.Store(false)
		body(t, r, key)
		r.await(t, "the removal of the replays", func() bool { return len(r.server.replaysLeft()) == 0 })
		for _, fault := range r.checkReplays() {
			t.Error(fault)
		}
	})
}

// A replay ends in a result of its own, and its message and the dead letter are removed. The
// same replay once more changes nothing.
func TestReplay(t *testing.T) {
	replaying(t, unchanged, func(t *testing.T, r *run, key string) {
		letter := r.letter(key)
		r.resend(letter)
		r.await(t, "the removal of the replay", func() bool { return len(r.server.replaysLeft()) == 0 })
		if got, _ := r.resultOf(key, 1); got.Outcome != events.Done {
			t.Errorf("got %+v", got)
		}
		if class := r.classOf(key); class != "" {
			t.Errorf("a dead letter of class %q is left", class)
		}
		time.Sleep(time.Minute)
		results := r.results()
		r.resend(letter)
		r.await(t, "the removal of the repeat", func() bool { return len(r.server.replaysLeft()) == 0 })
		if r.results() != results || len(r.vendor.live(email(1))) != 1 {
			t.Errorf("%d results, %d accounts after the repeat", r.results(), len(r.vendor.live(email(1))))
		}
	})
}

// A replay that finds the record full waits, or ends as a dead letter.
func TestReplayWithoutRoom(t *testing.T) {
	replaying(t, func(r *run) {
		small(r)
		r.config.PrerequisiteWait = time.Hour
	}, func(t *testing.T, r *run, key string) {
		for i := range 400 {
			r.send(message{kind: events.EnrollmentRequested, id: fmt.Sprint("f", i), user: 1, course: "go-1"})
		}
		r.awaitCommitted(t)
		r.resend(r.letter(key))
		r.await(t, "the removal of the replay", func() bool { return len(r.server.replaysLeft()) == 0 })
		got, ok := r.resultOf(key, 1)
		if !ok || got.Outcome != events.Failed || r.classOf(key) != "overload" {
			t.Errorf("got %+v (published: %v), dead letter of class %q", got, ok, r.classOf(key))
		}
	})
}

// A replay for which a full record may still get room is in hand until then.
func TestReplayAwaitsRoom(t *testing.T) {
	replaying(t, small, func(t *testing.T, r *run, key string) {
		r.hold(time.Minute)
		for i := range 400 {
			r.send(message{kind: events.UserUpdated, id: fmt.Sprint("f", i), user: 1})
		}
		time.Sleep(10 * time.Second)
		r.resend(r.letter(key))
		time.Sleep(10 * time.Second)
		if n := r.pendingReplays(); n > 0 {
			t.Errorf("%d replays are registered", n)
		}
		r.await(t, "the removal of the replay", func() bool { return len(r.server.replaysLeft()) == 0 })
		if _, ok := r.resultOf(key, 1); !ok {
			t.Error("no result")
		}
	})
}

// A replay that cannot be read any more ends as a dead letter, and so does a message that is
// no replay.
func TestInvalidReplay(t *testing.T) {
	replaying(t, unchanged, func(t *testing.T, r *run, key string) {
		letter := r.letter(key)
		letter.Payload = []byte("{")
		r.resend(letter)
		r.await(t, "a result", func() bool { _, ok := r.resultOf(key, 1); return ok })
		if got, _ := r.resultOf(key, 1); got.Outcome != events.Failed {
			t.Errorf("got %+v", got)
		}
	})
	replaying(t, unchanged, func(t *testing.T, r *run, key string) {
		letter := r.letter(key)
		subject, _ := letter.AsReplay()
		r.server.resend(subject, letter.Header, letter.Payload)
		r.await(t, "the removal of the message", func() bool { return len(r.server.replaysLeft()) == 0 })
		if got := r.classes(); got["invalid"] != 1 || len(r.vendor.live(email(1))) > 0 {
			t.Errorf("got dead letters %v, %d accounts", got, len(r.vendor.live(email(1))))
		}
	})
}

// A replay waits as its event would: behind a record with nothing but its reference. A second
// message of the same number is removed at once.
func TestReplayWaits(t *testing.T) {
	replaying(t, unchanged, func(t *testing.T, r *run, key string) {
		r.hold(time.Minute)
		letter := r.letter(key)
		r.resend(letter)
		r.await(t, "registration", func() bool { return r.pendingReplays() == 1 })
		r.resend(letter)
		time.Sleep(10 * time.Second)
		if left := r.server.replaysLeft(); len(left) != 1 || left[0] != 1 {
			t.Errorf("stored are the replays %v, want the first", left)
		}
		if n := r.pendingReplays(); n != 1 {
			t.Errorf("%d replays are pending", n)
		}
	})
}

// A message that has got the sequence of a replay, in a stream made anew, is not taken for
// that replay.
func TestReplayOfAnotherStream(t *testing.T) {
	replaying(t, unchanged, func(t *testing.T, r *run, key string) {
		r.hold(time.Minute)
		r.resend(r.letter(key))
		r.await(t, "registration", func() bool { return r.pendingReplays() == 1 })
		r.server.mu.Lock()
		other := r.server.replays[1]
		other.Header = map[string][]string{}
		maps.Copy(other.Header, r.server.replays[1].Header)
		other.Header["Usher-Key"] = []string{"0123456789abcdef"}
		r.server.replays[1] = other
		r.server.mu.Unlock()
		r.await(t, "the end of the effect", func() bool { return r.server.pending() == 0 })
		if n := len(r.vendor.live(email(1))); n > 0 {
			t.Errorf("%d accounts", n)
		}
		r.server.mu.Lock()
		delete(r.server.replays, 1)
		clear(r.server.resent) // the result of a lost replay cannot be published
		r.server.mu.Unlock()
	})
}

// The replays in hand are bounded while records cannot be read.
func TestReplaysInHandAreBounded(t *testing.T) {
	replaying(t, unchanged, func(t *testing.T, r *run, key string) {
		r.server.mu.Lock()
		r.server.recordsAway = true
		r.server.mu.Unlock()
		letter := r.letter(key)
		const many = 200
		for i := range many {
			letter.Replay = i
			r.resend(letter)
		}
		time.Sleep(time.Minute)
		r.server.mu.Lock()
		if n := r.server.replaysRead; n > 2*wakesInHand {
			t.Errorf("%d replays were read", n)
		}
		r.server.recordsAway = false
		r.server.mu.Unlock()
		r.await(t, "all results", func() bool { return r.results() == many+1 })
	})
}

// Many replays keep a fresh event waiting for no longer than a turn.
func TestFloodOfReplays(t *testing.T) {
	const many = 300
	vendor := &counted{before: func(_ context.Context, n int) error {
		if n <= many {
			return &vendors.Error{Vendor: "acme", Status: 400, Class: vendors.Permanent}
		}
		return nil
	}}
	scenario(t, history{}, vendor.use, func(t *testing.T, r *run) {
		for i := range many {
			r.send(message{kind: events.UserCreated, id: fmt.Sprint("e", i), user: 2 + i})
		}
		r.await(t, "the dead letters", func() bool { return r.results() == many })
		for _, d := range r.letters() {
			r.resend(d)
		}
		time.Sleep(3 * time.Second)
		sent := time.Now()
		r.awaitOutcome(t, r.send(message{kind: events.UserCreated, id: "other", user: 1}), events.Done)
		if waited := time.Since(sent); waited > 5*callTimeout {
			t.Errorf("the event waited for %v", waited)
		}
		if len(r.server.replaysLeft()) < many/2 {
			t.Error("the flood was over")
		}
		r.await(t, "the end of the replays", func() bool { return len(r.server.replaysLeft()) == 0 })
	})
}

// hold puts the vendor on hold from now on.
func (r *run) hold(span time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = []window{{time.Now().Add(-time.Second), time.Now().Add(span)}}
}

// pendingReplays returns the number of replays that are registered and not finished.
func (r *run) pendingReplays() (n int) {
	r.records(func(one *record.Record) {
		for _, e := range one.Pending {
			if e.Replay > 0 {
				n++
			}
		}
	})
	return n
}

// unlisted returns what is wrong with the history.
func (r *run) unlisted() []string {
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	return r.published.unlisted()
}

// addDeadLetter stores a dead letter of an event that is no longer in the stream, and returns it.
func (r *run) addDeadLetter(t *testing.T, kind string, user int) streams.DeadLetter {
	t.Helper()
	e := r.event(publication{event: user, kind: kind, user: user})
	header, payload, err := events.ToNATS(e)
	if err != nil {
		t.Fatal(err)
	}
	d := streams.DeadLetter{
		Vendor: "acme", Type: kind, Key: events.Key(e.Source(), e.ID()), EventID: e.ID(), Source: e.Source(),
		Class: "permanent", Epoch: 1, Header: header, Payload: payload,
	}
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	r.published.dead[d.Key] = d
	return d
}

// letters returns all dead letters.
func (r *run) letters() []streams.DeadLetter {
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	return slices.Collect(maps.Values(r.published.dead))
}

// resend sends a dead letter back to the vendor.
func (r *run) resend(d streams.DeadLetter) {
	subject, header := d.AsReplay()
	r.server.resend(subject, header, d.Payload)
}

// resendAll sends all dead letters back to the vendor, some of them twice.
func (r *run) resendAll() {
	for _, d := range r.letters() {
		r.resend(d)
		if r.random.hit(0.3) {
			r.resend(d)
		}
	}
}

// checkReplays returns the replays that have no result, and the messages that were removed
// before the result was published, or stay.
func (r *run) checkReplays() (faults []string) {
	if left := r.server.replaysLeft(); len(left) > 0 {
		faults = append(faults, fmt.Sprintf("the replays %v are still stored", left))
	}
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	for key := range r.server.resent {
		if _, ok := r.published.results[events.ResultID(key.Key, "acme", key.Number)]; !ok {
			faults = append(faults, fmt.Sprintf("replay %d of %s has no result", key.Number, key.Key))
		}
	}
	return faults
}
