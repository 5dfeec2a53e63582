package intake_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/vendors"
)

// formerEffect returns an effect of a record of the former core. rest are further members.
func formerEffect(kind, id string, seq int, rest string) string {
	scope := "life"
	if !isWholeAccount(kind) {
		scope = "course"
	}
	return fmt.Sprintf(`{"key":%q,"type":%q,"scope":%q,"course":"go-1","order":{"e":1,"s":%d},"carrier":{"stream":"EVENTS","e":1,"s":%d},"first":"2000-01-01T00:00:00Z",%s}`,
		events.Key("/school", id), kind, scope, seq, seq, rest)
}

const (
	formerDone    = `"phase":"finished","attempts":1,"outcome":{"kind":"done","account_id":"1","attempts":1,"took_ms":5,"at":"2000-01-01T00:00:01Z","by":"x"}`
	formerFailed  = `"phase":"finished","attempts":3,"outcome":{"kind":"failed","attempts":3,"took_ms":5,"at":"2000-01-01T00:00:01Z","class":"permanent","by":"x"}`
	formerStarted = `"phase":"started","attempts":1,"begun":"2000-01-01T00:00:00Z"`
	formerWaiting = `"phase":"waiting"`
)

// putFormer stores the record of user 1 as the former core has left it.
func putFormer(r *run, rest string, effects ...string) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	key := record.AccountKey("acme", "u1")
	r.server.records[key] = []byte(`{"user_id":"u1",` + rest + `"effects":[` + strings.Join(effects, ",") + `]}`)
	r.server.revisions[key] = 1
}

// listed returns the keys of the events with history, and their outcomes.
func (r *run) listed() map[string]string {
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	all := map[string]string{}
	for _, e := range r.published.history {
		all[e.Key] = e.Outcome
	}
	return all
}

// An effect that the former core has finished gets a result if its position was not
// acknowledged, and none otherwise. It is in the history in any case, and is not repeated.
func TestFormerFinishedEffect(t *testing.T) {
	for name, acknowledged := range map[string]uint64{"acknowledged": 1, "not acknowledged": 0} {
		t.Run(name, func(t *testing.T) {
			vendor := &counted{}
			var key string
			scenario(t, history{}, func(r *run) {
				vendor.use(r)
				putFormer(r, `"state":"active","account_id":"1","life":{"e":1,"s":1},"data":{"e":1,"s":1},`, formerEffect(events.UserCreated, "e1", 1, formerDone))
				r.server.position = events.Position{Epoch: 1, Seq: acknowledged}
				key = r.send(message{kind: events.UserCreated, id: "e1", user: 1})
				r.send(message{kind: events.UserCreated, id: "e1", user: 1}) // a copy
				r.send(message{kind: events.EnrollmentRequested, id: "e2", user: 1, course: "go-1"})
			}, func(t *testing.T, r *run) {
				r.awaitCommitted(t)
				result, published := r.result(key)
				if want := acknowledged == 0; published != want || (want && (result.Outcome != events.Done || result.TookMS != 5)) {
					t.Errorf("published: %v, %+v", published, result)
				}
				if vendor.number(&vendor.calls) != 0 {
					t.Error("the account was created again")
				}
				if r.listed()[key] != events.Done {
					t.Errorf("history: %v", r.listed())
				}
			})
		})
	}
}

// Unfinished effects of the former core are carried out: a call of a former process that
// is on its way is waited for.
func TestFormerPendingEffects(t *testing.T) {
	vendor := &counted{}
	var keys []string
	var lands time.Time
	scenario(t, history{}, func(r *run) {
		vendor.use(r)
		keys = []string{events.Key("/school", "e1"), events.Key("/school", "e2")}
		putFormer(r, `"claim":{"key":"`+keys[0]+`","carrier":{"stream":"EVENTS","e":1,"s":1},"delivery":1,"token":"x"},`,
			formerEffect(events.UserCreated, "e1", 1, formerStarted), formerEffect(events.EnrollmentRequested, "e2", 2, formerWaiting))
		for i, kind := range []string{events.UserCreated, events.EnrollmentRequested} {
			r.send(message{kind: kind, id: fmt.Sprint("e", i+1), user: 1, course: "go-1"})
		}
		r.server.position = events.Position{Epoch: 1, Seq: 2} // only the record knows the events
		lands = time.Now().Add(callTimeout)
		time.AfterFunc(callTimeout, func() { r.vendor.add(vendors.User{ID: "u1", Email: email(1)}) })
	}, func(t *testing.T, r *run) {
		r.awaitOutcome(t, keys[0], events.Done)
		r.awaitOutcome(t, keys[1], events.Done)
		if time.Now().Before(lands) || len(r.vendor.live(email(1))) != 1 {
			t.Errorf("%d accounts", len(r.vendor.live(email(1))))
		}
		r.records(func(one *record.Record) {
			if one.Claim != nil || one.Token == 0 {
				t.Errorf("got %+v", one)
			}
		})
	})
}

// A replay that the former core has registered waits until the owner has read its message. A
// replay that it has finished gets its result again.
func TestFormerReplay(t *testing.T) {
	for name, phase := range map[string]string{"pending": formerWaiting, "started": formerStarted, "finished": formerDone} {
		t.Run(name, func(t *testing.T) {
			key := events.Key("/school", "e1")
			scenario(t, history{}, func(r *run) {
				putFormer(r, "", formerEffect(events.UserCreated, "e1", 1, `"replay":1,`+phase))
				r.send(message{kind: events.UserCreated, id: "e1", user: 1})
				r.server.position = events.Position{Epoch: 1, Seq: 1}
			}, func(t *testing.T, r *run) {
				time.Sleep(10 * time.Minute)
				if _, ok := r.resultOf(key, 1); ok || r.classOf(key) != "" {
					t.Fatalf("the replay was carried out before it was delivered; dead letters %v", r.classes())
				}
				first := r.server.events[0]
				d := bus.DeadLetter{Vendor: "acme", Type: events.UserCreated, Key: key, Epoch: 1, Seq: 1, Header: first.Header, Payload: first.Payload}
				r.resend(d)
				r.await(t, "the result of the replay", func() bool { _, ok := r.resultOf(key, 1); return ok })
				r.await(t, "the removal of the replay", func() bool { return len(r.server.replaysLeft()) == 0 })
				if got, _ := r.resultOf(key, 1); got.Outcome != events.Done || r.classOf(key) != "" {
					t.Errorf("got %+v, dead letters %v", got, r.classes())
				}
				if _, ok := r.result(key); ok {
					t.Error("the event of the replay was carried out too")
				}
			})
		})
	}
}

// A replay whose message is lost is given up, and blocks its user no longer.
func TestLostFormerReplay(t *testing.T) {
	key := events.Key("/school", "e1")
	scenario(t, history{}, func(r *run) {
		putFormer(r, "", formerEffect(events.UserDeleted, "e1", 1, `"replay":1,`+formerStarted))
		r.send(message{kind: events.UserDeleted, id: "e1", user: 1})
		r.server.position = events.Position{Epoch: 1, Seq: 1}
	}, func(t *testing.T, r *run) {
		next := r.send(message{kind: events.UserCreated, id: "e2", user: 1})
		r.awaitOutcome(t, next, events.Done)
		r.awaitDead(t, key[:16], "expired")
	})
}

// letHistory lets entries of history be stored, or not.
func (r *run) letHistory(away bool) {
	r.published.mu.Lock()
	defer r.published.mu.Unlock()
	r.published.historyAway = away
}

// An effect counts as published once its history is stored too.
func TestNoPositionWithoutHistory(t *testing.T) {
	scenario(t, history{}, func(r *run) { r.letHistory(true) }, func(t *testing.T, r *run) {
		// Without a call: a long one would settle the position under a timer.
		key := r.send(message{kind: events.UserCreated, id: "e1", user: 1, expires: time.Now().Add(-time.Second)})
		r.awaitOutcome(t, key, events.Superseded)
		time.Sleep(10 * time.Second)
		if r.position() != 0 {
			t.Error("the position is committed")
		}
		r.letHistory(false)
		r.awaitCommitted(t)
		if r.listed()[key] != events.Superseded {
			t.Errorf("history: %v", r.listed())
		}
	})
}

// A former record is not stored before its history is.
func TestFormerHistoryComesFirst(t *testing.T) {
	scenario(t, history{}, func(r *run) {
		putFormer(r, `"state":"active","account_id":"1","life":{"e":1,"s":1},"past":[`+formerEffect(events.UserCreated, "e1", 1, formerDone)+`],`)
		r.send(message{kind: events.UserCreated, id: "e1", user: 1})
		r.server.position = events.Position{Epoch: 1, Seq: 1}
		r.letHistory(true)
	}, func(t *testing.T, r *run) {
		r.vendor.add(vendors.User{ID: "u1", Email: email(1)})
		r.send(message{kind: events.UserUpdated, id: "e2", user: 1})
		time.Sleep(10 * time.Second)
		r.records(func(one *record.Record) {
			if !one.Converted {
				t.Errorf("stored in the present form: %+v", one)
			}
		})
		r.letHistory(false)
		r.await(t, "the history of both events", func() bool { return len(r.listed()) == 2 })
	})
}

// The history of a former record is kept before the record is stored without it, however
// many answers are lost.
func TestFormerHistory(t *testing.T) {
	past := strings.Join([]string{formerEffect(events.UserCreated, "e1", 1, formerDone), formerEffect(events.EnrollmentRequested, "e2", 2, formerFailed)}, ",")
	scenario(t, history{lost: 0.25, seed: 5}, func(r *run) {
		r.vendor.add(vendors.User{ID: "u1", Email: email(1)})
		putFormer(r, `"state":"active","account_id":"1","life":{"e":1,"s":1},"past":[`+past+`],`)
		r.server.position = events.Position{Epoch: 1, Seq: 2}
		r.send(message{kind: events.UserCreated, id: "e1", user: 1})
		r.send(message{kind: events.EnrollmentRequested, id: "e2", user: 1, course: "go-1"})
	}, func(t *testing.T, r *run) {
		last := r.send(message{kind: events.UserUpdated, id: "e3", user: 1})
		r.awaitOutcome(t, last, events.Done)
		r.await(t, "the history of the last event", func() bool { return r.listed()[last] != "" })
		want := []string{events.Key("/school", "e1"), events.Key("/school", "e2"), last}
		slices.Sort(want)
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(r.listed()))); diff != "" {
			t.Errorf("history (-want +got)\n%s", diff)
		}
		if r.results() != 1 {
			t.Errorf("%d results", r.results())
		}
	})
}
