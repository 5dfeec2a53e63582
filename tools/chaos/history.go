package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// history holds the outcome of a run: events, results, dead letters and the state of the vendors.
type history struct {
	vendors   []string
	ruled     bool                // with rules of a team
	events    []*asked            // in the order of their first publication
	users     map[string][]*asked // the same, by user
	posts     int                 // stored publications
	results   map[string][]result // by id
	dead      map[string]bool     // vendor and key of every dead letter
	state     map[string]sandbox.VendorState
	published contents
}

// asked is one event in EVENTS.
type asked struct {
	id, key, kind, user, course string
	name                        string  // name in a snapshot
	lastName, role              *string // nil: not in the event
	at                          time.Time
	places                      []uint64 // stream sequences of all copies
}

func (a *asked) first() uint64 { return a.places[0] }

func (a *asked) last() uint64 { return a.places[len(a.places)-1] }

// result is one message of RESULTS.
type result struct {
	events.Result
	seq     uint64
	at      time.Time // time of the outcome
	payload string
}

// took reports whether the vendor has the state requested by the event.
func (r result) took() bool { return r.Outcome == events.Done || r.Outcome == events.AlreadyDone }

// begun returns the beginning of the only attempt, to within milliseconds; false after more attempts.
func (r result) begun() (time.Time, bool) {
	return r.at.Add(-time.Duration(r.TookMS) * time.Millisecond), r.took() && r.Attempts == 1
}

// read reads the streams and the state of the sandbox.
func read(ctx context.Context, w *world) (*history, error) {
	h := &history{vendors: w.config.vendors(), ruled: w.config.Rules, users: map[string][]*asked{}, results: map[string][]result{}, dead: map[string]bool{}}
	byID := map[string]*asked{}
	names := w.config.Shape.names()
	for stream, take := range map[string]func(jetstream.Msg, uint64) error{
		w.config.Shape.events():                 func(m jetstream.Msg, seq uint64) error { return h.event(byID, m, seq) },
		names.Stream(streams.ResultsStream):     h.result,
		names.Stream(streams.DeadLettersStream): h.deadLetter,
	} {
		if err := each(ctx, w.js, stream, take); err != nil {
			return nil, fmt.Errorf("read stream %s: %w", stream, err)
		}
	}
	for _, a := range h.events {
		h.users[a.user] = append(h.users[a.user], a)
	}
	var state sandbox.State
	if err := process.GetJSON(ctx, "http://"+w.stands+"/state", &state); err != nil {
		return nil, err
	}
	h.state = state.Vendors
	for name, foreign := range w.config.Foreign {
		state, err := foreign.State(ctx)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		h.state[name] = state
	}
	return h, nil
}

// readComplete reads until every effect has a result, or no further result has come for a
// while: an effect that waits for its time is in no consumer.
func readComplete(ctx context.Context, w *world) (*history, error) {
	for quiet := false; ; {
		before, err := resultsStored(ctx, w)
		if err != nil {
			return nil, err
		}
		h, err := read(ctx, w)
		if err != nil {
			return nil, err
		}
		missing := h.missing()
		if missing == 0 || quiet {
			return h, nil
		}
		if quiet, err = awaitResults(ctx, w, before+uint64(missing)); err != nil {
			return nil, err
		}
	}
}

// awaitResults waits until so many results are stored. It returns true if no further result
// has come for a while.
func awaitResults(ctx context.Context, w *world, n uint64) (quiet bool, err error) {
	const patience = 3 * time.Minute
	last, came := uint64(0), time.Now()
	for time.Since(came) < patience {
		now, err := resultsStored(ctx, w)
		if err != nil || now >= n {
			return false, err
		}
		if now != last {
			last, came = now, time.Now()
		}
		process.Sleep(ctx, time.Second)
	}
	return true, ctx.Err()
}

// resultsStored returns the number of results that are stored.
func resultsStored(ctx context.Context, w *world) (uint64, error) {
	results, err := w.js.Stream(ctx, w.config.Shape.names().Stream(streams.ResultsStream))
	if err != nil {
		return 0, err
	}
	return results.CachedInfo().State.Msgs, nil
}

// missing returns the number of effects without a result, with the later deletions of disabled
// accounts.
func (h *history) missing() (n int) {
	for _, a := range h.events {
		for _, vendor := range h.vendors {
			if takesPart(a, vendor) && len(h.of(a, vendor)) == 0 {
				n++
			}
		}
		if h.deletedLater(a) && len(h.results[laterResult(a)]) == 0 {
			n++
		}
	}
	return n
}

// deletedLater reports whether an event has disabled an account that is deleted after a grace.
func (h *history) deletedLater(a *asked) bool {
	if !h.ruled || a.kind != events.UserDeleted {
		return false
	}
	list := h.of(a, graces)
	return len(list) > 0 && list[0].Action == events.ActionDisabled && list[0].AccountID != ""
}

// laterResult returns the id of the result of a later deletion.
func laterResult(a *asked) string {
	return events.ResultID(events.Key(a.key, "delete_after/0"), graces, 0)
}

func (h *history) event(byID map[string]*asked, m jetstream.Msg, seq uint64) error {
	e, err := events.FromNATS(m.Headers(), m.Data())
	if err != nil {
		return err
	}
	h.posts++
	if known := byID[e.ID()]; known != nil {
		known.places = append(known.places, seq)
		return nil
	}
	var d struct {
		Course string    `json:"course_id"`
		First  string    `json:"first_name"`
		Last   *string   `json:"last_name"`
		At     time.Time `json:"occurred_at"`
		More   struct {
			Role *string `json:"role"`
		} `json:"attributes"`
	}
	if err := json.Unmarshal(e.Data(), &d); err != nil {
		return err
	}
	a := &asked{
		id: e.ID(), key: events.Key(e.Source(), e.ID()), kind: e.Type(), user: events.UserID(e),
		course: d.Course, name: d.First, at: d.At, places: []uint64{seq}, lastName: d.Last, role: d.More.Role,
	}
	if d.Last != nil {
		a.name = strings.TrimSpace(d.First + " " + *d.Last)
	}
	byID[a.id] = a
	h.events = append(h.events, a)
	return nil
}

func (h *history) result(m jetstream.Msg, seq uint64) error {
	e, err := events.FromNATS(m.Headers(), m.Data())
	if err != nil {
		return err
	}
	r := result{seq: seq, at: e.Time(), payload: string(m.Data())}
	if err := json.Unmarshal(e.Data(), &r.Result); err != nil {
		return err
	}
	h.results[e.ID()] = append(h.results[e.ID()], r)
	return nil
}

func (h *history) deadLetter(m jetstream.Msg, _ uint64) error {
	if len(m.Data()) == 0 { // the marker of a removed one
		return nil
	}
	var d streams.DeadLetter
	if err := json.Unmarshal(m.Data(), &d); err != nil {
		return err
	}
	h.dead[d.Vendor+d.Key] = true
	return nil
}

// of returns the results of an effect.
func (h *history) of(a *asked, vendor string) []result {
	return h.results[events.ResultID(a.key, vendor, 0)]
}

// lifecycle reports whether an event creates or ends an account, whole whether an event concerns the
// whole account, and inCourse whether an event concerns one course.
func lifecycle(a *asked) bool {
	return events.ScopeOf(a.kind) == events.ScopeLifecycle
}

func whole(a *asked) bool { return events.ScopeOf(a.kind).WholeAccount() }

func inCourse(a *asked) bool {
	return events.ScopeOf(a.kind) == events.ScopeCourse
}

// restores reports whether a vendor can restore a deleted account.
func restores(vendor string) bool { return vendor == "meiro" || files[vendor].restores }

// takesPart reports whether an event has an effect at a vendor.
func takesPart(a *asked, vendor string) bool {
	switch events.ScopeOf(a.kind) {
	case events.ScopeCourse:
		return courseAt(vendor, a.course) != ""
	case events.ScopeActivity:
		return usesOurIDs(vendor)
	default:
		return true
	}
}

// each calls take for every message of a stream.
func each(ctx context.Context, js jetstream.JetStream, stream string, take func(jetstream.Msg, uint64) error) error {
	consumer, err := js.OrderedConsumer(ctx, stream, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	info, err := consumer.Info(ctx)
	if err != nil || info.NumPending == 0 {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for left := uint64(1); left > 0; {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if err := take(m, meta.Sequence.Stream); err != nil {
			return fmt.Errorf("message %d: %w", meta.Sequence.Stream, err)
		}
		left = meta.NumPending
	}
	return nil
}
