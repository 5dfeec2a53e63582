package record_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// The records in testdata/former were written by the rules of the former core. The events
// of their user have the ids a, b, c and so on, at the positions 1, 2, 3 and so on.
func formerRecord(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "former", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// idOf returns the id of the event of a key.
func idOf(k record.Key) string {
	for id := 'a'; id < 'f'; id++ {
		if record.KeyOf(events.Key("/school", string(id))) == k {
			return string(id)
		}
	}
	return "?"
}

// outline returns the content of a record in lines.
func outline(r *record.Record) (lines []string) {
	say := func(format string, args ...any) {
		lines = append(lines, strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "))
	}
	flag := func(name string, set bool) string {
		if set {
			return name
		}
		return ""
	}
	since := func(name string, t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return name + t.Sub(start).String()
	}
	say("account %q %q %q former %q %s", r.UserID, r.State, r.AccountID, r.Former, flag("undeleted", r.Undeleted))
	say("lifecycle %d*%d data %d*%d deleted %d attempted %d", r.Lifecycle.Seq, r.LifecycleReplay, r.Data.Seq, r.DataReplay, r.Deleted.Seq, r.Attempted.Seq)
	for _, name := range slices.Sorted(maps.Keys(r.Courses)) {
		say("course %s %d %s", name, r.Courses[name].Position.Seq, flag("enrolled", r.Courses[name].Enrolled))
	}
	for _, e := range r.Pending {
		say("pending %s*%d at %d %s %s, %d attempts %s%s%s%s %s %s", idOf(e.Key), e.Replay, e.Position.Seq, e.Type, e.Course, e.Attempts,
			flag("tried ", e.Tried), flag("unconfirmed ", e.Unconfirmed), flag("prerequisite ", e.Prerequisite), flag("panicked ", e.Strikes > 0),
			since("begun ", e.Begun), since("due ", e.Due))
	}
	for _, f := range r.Finished {
		say("finished %s*%d %s %s", idOf(f.Key), f.Replay, f.Kind, flag("publish", f.Publish))
	}
	for _, s := range r.Seen {
		say("seen %s*%d %s after %s", idOf(s.Key), s.Replay, flag("failed", s.Type&1 != 0), time.Unix(int64(s.Minute)*60, 0).Sub(start))
	}
	if r.Claim != nil {
		say("claim %s*%d token %d", idOf(r.Claim.Key), r.Claim.Replay, r.Claim.Token)
	}
	return lines
}

func TestDecodeFormerRecords(t *testing.T) {
	for name, want := range map[string][]string{
		"finished": {
			`account "ada" "active" "7" former ""`, "lifecycle 1*0 data 3*0 deleted 0 attempted 0", "course go-1 2 enrolled",
			"finished a*0 done", "finished b*0 done", "finished c*0 done",
		},
		"pending": {
			`account "ada" "" "" former ""`, "lifecycle 0*0 data 0*0 deleted 0 attempted 0",
			"pending a*0 at 1 enrollment.requested go-1, 1 attempts prerequisite begun 0s due 10m0s",
			"pending b*0 at 2 user.created , 1 attempts tried unconfirmed panicked begun 3m0s due 4m0s",
			"pending d*0 at 4 user.updated , 0 attempts",
		},
		"claimed": {
			`account "ada" "" "" former ""`, "lifecycle 0*0 data 0*0 deleted 0 attempted 0",
			"pending a*0 at 1 user.created , 1 attempts tried unconfirmed begun 0s", "pending b*0 at 2 user.updated , 0 attempts", "claim a*0 token 0",
		},
		"finished_and_claimed": {
			`account "ada" "active" "7" former ""`, "lifecycle 1*0 data 1*0 deleted 0 attempted 0", "finished a*0 done", "claim a*0 token 0",
		},
		"replays": {
			`account "ada" "active" "7" former ""`, "lifecycle 1*2 data 1*2 deleted 0 attempted 0",
			"pending b*1 at 2 enrollment.requested go-1, 1 attempts tried begun 20m0s due 21m0s", "finished a*2 done publish",
			"seen a*0 failed after 10m0s", "seen a*1 failed after 10m0s", "seen b*0 failed after 20m0s",
		},
		"deleted": {
			`account "ada" "deleted" "" former "7"`, "lifecycle 2*0 data 1*0 deleted 2 attempted 5", "course go-1 4",
			"finished a*0 done", "finished d*0 done", "finished b*0 done", "finished e*0 failed",
		},
		"unsupported": {
			`account "ada" "deleted" "" former "" undeleted`, "lifecycle 1*0 data 0*0 deleted 1 attempted 0", "finished a*0 unsupported", "finished b*0 unsupported",
		},
		"forgotten": {`account "" "" "" former ""`, "lifecycle 9*0 data 0*0 deleted 9 attempted 0", "seen a*0 after 0s"},
		"past": {
			`account "ada" "active" "7" former ""`, "lifecycle 1*0 data 2*0 deleted 0 attempted 0", "finished b*0 done", "seen a*0 after 0s",
		},
		"activity": {`account "" "" "" former ""`, "lifecycle 0*0 data 0*0 deleted 0 attempted 0", "finished a*0 done"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := record.Decode(formerRecord(t, name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, outline(r)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if !r.Converted || r.Registered != (events.Position{}) || r.Token != 0 {
				t.Errorf("converted %v, registered %v, token %d", r.Converted, r.Registered, r.Token)
			}
			if want := len(r.Pending) > 0; record.Unfinished(r) != want {
				t.Errorf("unfinished: %v, want %v", record.Unfinished(r), want)
			}
			b, err := r.Encode()
			if err != nil {
				t.Fatal(err)
			}
			again, err := record.Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			r.Converted = false
			if diff := cmp.Diff(r, again, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-converted +stored)\n%s", diff)
			}
		})
	}
}

func TestDecodeRefusesANewerForm(t *testing.T) {
	_, err := record.Decode([]byte(`{"effects":3,"pending":{}}`))
	if err == nil || !strings.Contains(err.Error(), "a newer version wrote it") {
		t.Errorf("got %v", err)
	}
	for _, damaged := range []string{`{"effects":"2"}`, `{"effects":[{"key":1}]}`, `[]`, `{"life":7}`} {
		if r, err := record.Decode([]byte(damaged)); err == nil {
			t.Errorf("%s: got %+v", damaged, r)
		}
	}
}

// The events of a former record are known: a repeat is ignored, an id of another type is
// refused, and every earlier replay counts as finished.
func TestFormerEventsAreKnown(t *testing.T) {
	r, err := record.Decode(formerRecord(t, "replays"))
	if err != nil {
		t.Fatal(err)
	}
	r.RemovePublished(func(*record.Finished) bool { return true }, start, limits)
	creation := record.Arrival{Key: record.KeyOf(events.Key("/school", "a")), Position: r.Lifecycle, Type: events.UserCreated, Scope: events.ScopeLifecycle}
	for number := range 3 {
		creation.Replay = number
		if why := register(r, creation); len(r.Pending) != 1 || why != (record.Refusal{}) {
			t.Errorf("replay %d was registered: %+v", number, r.Pending)
		}
	}
	creation.Replay, creation.Type = 0, events.UserDeleted
	creation.Position.Seq = 50
	if why := register(r, creation); why.Other == "" {
		t.Errorf("an id of another type: refused %+v", why)
	}
}

// A replay that the former core has registered is found once it is delivered again.
func TestFormerReplayGetsItsSequence(t *testing.T) {
	r, err := record.Decode(formerRecord(t, "replays"))
	if err != nil {
		t.Fatal(err)
	}
	e := r.Pending[0]
	if e.Delivered() {
		t.Error("the sequence of the replay counts as known")
	}
	waiting := r.Clone()
	waiting.State, waiting.Pending[0].Prerequisite, waiting.Pending[0].Tried = record.Unknown, true, false
	if list := waiting.Overdue(start.Add(time.Hour), time.Minute); len(list) > 0 {
		t.Errorf("given up before it is delivered: %+v", list)
	}
	a := record.Arrival{Key: e.Key, Replay: e.Replay, Position: e.Position, ReplaySeq: 8, Type: e.Type, Scope: e.Scope, Course: e.Course}
	register(r, a)
	a.ReplaySeq = 9
	register(r, a)
	if len(r.Pending) != 1 || r.Pending[0].ReplaySeq != 8 || !r.Pending[0].Delivered() {
		t.Errorf("pending: %+v", r.Pending)
	}
}

// The call of a former holder may be on its way, even if another attempt has finished the
// effect. Nothing is called before that call is over.
func TestFormerClaimIsWaitedFor(t *testing.T) {
	for _, name := range []string{"claimed", "finished_and_claimed"} {
		t.Run(name, func(t *testing.T) {
			r, err := record.Decode(formerRecord(t, name))
			if err != nil {
				t.Fatal(err)
			}
			register(r, arrival(7, events.UserDeleted))
			next := record.Owner{Token: 1, Nonce: "n", HolderGone: start.Add(5 * time.Second), CallsAllowed: true}
			for _, after := range []time.Duration{0, 4 * time.Second} {
				if d := r.Next(start.Add(after), next); d.Action != record.AwaitHolder || !d.Due.Equal(next.HolderGone) {
					t.Errorf("after %s: got %+v", after, d)
				}
			}
			if d := r.Next(next.HolderGone, next); d.Action != record.Call {
				t.Errorf("got %+v, want a call", d)
			}
		})
	}
}

func TestHistoryOfFormerRecords(t *testing.T) {
	for name, want := range map[string][]string{
		"finished": {"a done", "b done", "c done"}, "past": {"a done", "b done"}, "deleted": {"a done", "b done", "d done", "e failed"},
		"forgotten": nil, "pending": nil,
	} {
		list, err := record.History(formerRecord(t, name))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range list {
			if record.KeyOf(e.EventKey) != e.Key || len(e.EventKey) != 32 || e.At.IsZero() {
				t.Errorf("%s: got %+v", name, e)
			}
			got = append(got, idOf(e.Key)+" "+e.Kind)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	b, err := (&record.Record{UserID: "ada"}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if list, err := record.History(b); len(list) > 0 || err != nil {
		t.Errorf("a record in the present form: got %v, %v", list, err)
	}
}
