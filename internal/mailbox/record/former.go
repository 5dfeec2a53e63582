package record

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
)

// former is the form of the records of the former core. No member names the form: the member
// "effects" is a list or missing.
type former struct {
	UserID          string                  `json:"user_id"`
	AccountID       string                  `json:"account_id"`
	State           State                   `json:"state"`
	Lifecycle       formerPosition          `json:"life"`
	LifecycleReplay int                     `json:"life_replay"`
	Data            formerPosition          `json:"data"`
	DataReplay      int                     `json:"data_replay"`
	Deleted         formerPosition          `json:"deleted"`
	Former          string                  `json:"former"`
	Courses         map[string]formerCourse `json:"courses"`
	Effects         []formerEffect          `json:"effects"`
	Past            []formerEffect          `json:"past"` // finished long ago
	Claim           *formerClaim            `json:"claim"`
	Forgotten       time.Time               `json:"forgotten"`
}

type formerPosition struct {
	Epoch int64  `json:"e"`
	Seq   uint64 `json:"s"`
}

func (p formerPosition) position() events.Position {
	return events.Position{Epoch: p.Epoch, Seq: p.Seq}
}

type formerCourse struct {
	Enrolled bool           `json:"enrolled"`
	Position formerPosition `json:"order"`
	Replay   int            `json:"replay"`
}

// formerEffect is pending without an outcome. A replay replaced the effect of the event, so
// there is one effect for a key.
type formerEffect struct {
	Key          string         `json:"key"`
	Type         string         `json:"type"`
	Scope        events.Scope   `json:"scope"`
	Course       string         `json:"course"`
	Position     formerPosition `json:"order"`
	Replay       int            `json:"replay"`
	Phase        string         `json:"phase"`
	Attempts     int            `json:"attempts"`
	Panics       int            `json:"panics"`
	First        time.Time      `json:"first"`
	Begun        time.Time      `json:"begun"`
	Due          time.Time      `json:"due"`
	Unconfirmed  bool           `json:"unsettled"`
	Prerequisite bool           `json:"prerequisite"`
	Outcome      *formerOutcome `json:"outcome"`
}

// formerStarted is the phase of a pending effect with a possible call of the vendor.
const formerStarted = "started"

type formerOutcome struct {
	Kind      string    `json:"kind"`
	AccountID string    `json:"account_id"`
	TookMS    int64     `json:"took_ms"`
	At        time.Time `json:"at"`
	Class     string    `json:"class"`
	Status    int       `json:"status"`
	Message   string    `json:"message"`
	By        string    `json:"by"`
}

type formerClaim struct {
	Key   string `json:"key"`
	Token string `json:"token"`
}

// FormerEffect is a finished effect of a record of the former core.
type FormerEffect struct {
	Finished
	EventKey string
}

// History returns the finished effects of a record of the former core, in the order of
// the events. A record in the present form has no list; effects before the user was forgotten
// are left out.
func History(b []byte) ([]FormerEffect, error) {
	if !isFormer(b) {
		return nil, nil
	}
	f, err := parseFormer(b)
	if err != nil {
		return nil, err
	}
	var list []FormerEffect
	for _, e := range slices.Concat(f.Past, f.Effects) {
		if e.Outcome != nil && f.Forgotten.Before(e.Outcome.At) {
			list = append(list, FormerEffect{Finished: e.finished(), EventKey: e.Key})
		}
	}
	slices.SortStableFunc(list, func(a, b FormerEffect) int { return a.Position.Compare(b.Position) })
	return list, nil
}

// isFormer reports whether a record has no number of a form.
func isFormer(b []byte) bool {
	var s struct {
		Form int `json:"effects"`
	}
	_ = json.Unmarshal(b, &s) // a list leaves the number zero
	return s.Form == 0
}

func parseFormer(b []byte) (f former, err error) {
	if err = json.Unmarshal(b, &f); err != nil {
		err = fmt.Errorf("read record of the former core: %w", err)
	}
	return f, err
}

// decodeFormer reads a record of the former core. Registered stays zero: the intake reads
// again from the last acknowledged position, and the record recognizes the events.
func decodeFormer(b []byte) (*Record, error) {
	f, err := parseFormer(b)
	if err != nil {
		return nil, err
	}
	r := &Record{
		UserID: f.UserID, AccountID: f.AccountID, State: f.State, Former: f.Former, Forgotten: f.Forgotten,
		Lifecycle: f.Lifecycle.position(), LifecycleReplay: f.LifecycleReplay,
		Data: f.Data.position(), DataReplay: f.DataReplay, Deleted: f.Deleted.position(), Undeleted: f.undeleted(), Converted: true,
	}
	if len(f.Courses) > 0 {
		r.Courses = make(map[string]Course, len(f.Courses))
		for name, c := range f.Courses {
			r.Courses[name] = Course{Enrolled: c.Enrolled, Position: c.Position.position(), Replay: c.Replay}
		}
	}
	for i := range f.Past {
		f.Past[i].seeIn(r)
	}
	for i := range f.Effects {
		f.Effects[i].addTo(r, f.Claim)
	}
	slices.SortStableFunc(r.Pending, func(a, b Effect) int { return a.Position.Compare(b.Position) })
	slices.SortStableFunc(r.Seen, func(a, b SeenEvent) int { return cmp.Compare(a.Minute, b.Minute) })
	return r, nil
}

// undeleted reports whether the last applied deletion ended as unsupported.
func (f *former) undeleted() bool {
	return f.State == Deleted && slices.ContainsFunc(slices.Concat(f.Past, f.Effects), func(e formerEffect) bool {
		return e.Position == f.Deleted && e.Outcome != nil && e.Outcome.Kind == events.Unsupported
	})
}

// addTo adds the effect to the pending or to the finished effects. The claim gets token 0, so
// every owner takes the claim over and waits for the call of the former holder.
func (e *formerEffect) addTo(r *Record, claim *formerClaim) {
	claimed := claim != nil && claim.Key == e.Key
	if claimed {
		r.Claim = &Claim{Key: KeyOf(e.Key), Replay: e.Replay, Nonce: claim.Token}
	}
	if e.Outcome == nil {
		p := e.effect()
		p.Tried = e.Phase == formerStarted
		p.Unconfirmed = e.Unconfirmed || (p.Tried && claimed)
		r.Pending = append(r.Pending, p)
		e.seeEarlierIn(r)
		return
	}
	tried := e.Attempts > 0 && e.Outcome.Kind != events.Unsupported
	if e.Scope == events.ScopeLifecycle && tried && r.Lifecycle.Before(e.Position.position()) {
		r.Attempted = later(r.Attempted, e.Position.position())
	}
	if !r.Forgotten.Before(e.Outcome.At) { // the event is erased
		e.seeIn(r)
		return
	}
	r.Finished = append(r.Finished, e.finished())
	e.seeEarlierIn(r)
}

// seeIn lets a record remember a finished effect and the earlier replays of the event.
func (e *formerEffect) seeIn(r *Record) {
	if e.Outcome == nil {
		return
	}
	f := e.finished()
	r.Seen.add(&f, e.Outcome.At)
	e.seeEarlierIn(r)
}

// seeEarlierIn lets a record remember the event and earlier replays, replaced by a replay. The
// outcomes are not known; mostly the event failed.
func (e *formerEffect) seeEarlierIn(r *Record) {
	f := Finished{Effect: e.effect(), Outcome: Outcome{Kind: events.Failed}}
	for f.Replay = range e.Replay {
		r.Seen.add(&f, e.First)
	}
}

// effect returns the effect without the marks of a pending effect.
func (e *formerEffect) effect() Effect {
	return Effect{
		Key: KeyOf(e.Key), Replay: e.Replay, Position: e.Position.position(), Type: e.Type, Scope: e.Scope, Course: e.Course,
		Registered: e.First, Begun: e.Begun, Due: e.Due, Attempts: e.Attempts, Strikes: e.Panics, Prerequisite: e.Prerequisite,
	}
}

// finished returns a finished effect. The first ownership begins at the acknowledged position
// of the former consumer; a position at or behind the event proves the publication. A replay
// has no such proof, so the result is published again.
func (e *formerEffect) finished() Finished {
	o := e.Outcome
	return Finished{
		Effect:  e.effect(),
		Outcome: Outcome{Kind: o.Kind, AccountID: o.AccountID, TookMS: o.TookMS, At: o.At, Class: o.Class, Status: o.Status, Message: o.Message},
		Publish: e.Replay > 0, By: o.By,
	}
}
