package record_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// clock returns a time of day, as in 12:00.
func clock(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", "2026-09-01 "+text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// late registers events one after another, as "type source time", and carries each out. Returns
// the outcome of each: done, or the reason of superseded.
func late(t *testing.T, r *record.Record, list string) (outcomes []string) {
	t.Helper()
	for i, text := range strings.Split(list, "; ") {
		p := strings.Fields(text)
		a := arrival(uint64(i+1), p[0])
		if p[2] != "-" {
			a.Sent = record.SentBy(p[1], clock(t, p[2]), clock(t, "23:00"))
		}
		register(r, a)
		d := r.Next(start, owner)
		if d.Action != record.Call {
			f := r.Finished[len(r.Finished)-1]
			outcomes = append(outcomes, strings.TrimSpace(f.Kind+" "+f.Reason))
			continue
		}
		change := record.Change{Applied: true}
		switch p[0] {
		case events.UserCreated:
			change = created
		case events.UserDeleted:
			change = removed
		}
		r.Finish(record.Attempt{Key: d.Effect.Key, Nonce: owner.Nonce, HoldsPosition: true}, done, change)
		outcomes = append(outcomes, "done")
	}
	return outcomes
}

func TestOrderBySendersTime(t *testing.T) {
	const older = "superseded older"
	for name, c := range map[string]struct {
		events string
		want   []string
	}{
		"in order":                           {"user.created crm 10:00; user.updated crm 11:00; user.updated crm 12:00", []string{"done", "done", "done"}},
		"an update late":                     {"user.created crm 10:00; user.updated crm 12:00; user.updated crm 11:00", []string{"done", "done", older}},
		"an update before the creation":      {"user.created crm 10:00; user.updated crm 09:00", []string{"done", older}},
		"a creation late, after an update":   {"user.created crm 10:00; user.updated crm 12:00; user.created crm 11:00", []string{"done", "done", older}},
		"a deleted user stays deleted":       {"user.created crm 10:00; user.deleted crm 13:00; user.created crm 09:00", []string{"done", "done", older}},
		"a deleted user comes back later":    {"user.created crm 10:00; user.deleted crm 13:00; user.created crm 14:00", []string{"done", "done", "done"}},
		"an update after a deletion, late":   {"user.created crm 10:00; user.deleted crm 13:00; user.updated crm 12:00", []string{"done", "done", older}},
		"a deletion late":                    {"user.created crm 10:00; user.deleted crm 11:00; user.created crm 14:00; user.deleted crm 12:00", []string{"done", "done", "done", older}},
		"a course late":                      {"user.created crm 10:00; enrollment.cancelled crm 12:00; enrollment.requested crm 11:00", []string{"done", "done", older}},
		"an update makes no course late":     {"user.created crm 10:00; user.updated crm 12:00; enrollment.requested crm 11:00", []string{"done", "done", "done"}},
		"a course after a deletion, late":    {"user.created crm 10:00; user.deleted crm 13:00; enrollment.requested crm 12:00", []string{"done", "done", older}},
		"one time":                           {"user.created crm 10:00; user.updated crm 10:00; user.updated crm 10:00", []string{"done", "done", "done"}},
		"another source":                     {"user.created crm 10:00; user.updated crm 12:00; user.updated shop 11:00", []string{"done", "done", "done"}},
		"without a time":                     {"user.created crm 10:00; user.updated crm 12:00; user.updated crm -", []string{"done", "done", "done"}},
		"a wrong clock counts as now":        {"user.created crm 10:00; user.updated crm 23:59; user.updated crm 23:01", []string{"done", "done", "done"}},
		"nothing applied from a late update": {"user.created crm 10:00; user.updated crm 12:00; user.updated crm 11:00; user.updated crm 11:30", []string{"done", "done", older, older}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &record.Record{}
			if got := late(t, r, c.events); fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestSendersTimesAreBounded has many sources, and looks at the stored bytes and at the latest one.
func TestSendersTimesAreBounded(t *testing.T) {
	var list []string
	for i := range 40 {
		list = append(list, fmt.Sprintf("user.updated s%d %02d:%02d", i, 1+i/10, i%10))
	}
	r := &record.Record{State: record.Active}
	late(t, r, strings.Join(list, "; "))
	if len(r.Sent) != 8 || r.Sent[0] != (record.SentTimes{Source: record.SentBy("s39", start, start).Source, Data: clock(t, "04:09").UnixMilli()}) {
		t.Errorf("got %+v, want the 8 sources with the latest times", r.Sent)
	}
}

// TestForgottenUserStaysForgotten has a creation come late after the erasure.
func TestForgottenUserStaysForgotten(t *testing.T) {
	r := &record.Record{}
	late(t, r, "user.created crm 10:00; user.deleted crm 13:00")
	r.Forget(at(1), start)
	a := arrival(9, events.UserCreated)
	a.Sent = record.SentBy("crm", clock(t, "09:00"), clock(t, "23:00"))
	register(r, a)
	if d := r.Next(start, owner); d.Action != record.Wait || r.Finished[len(r.Finished)-1].Reason != record.ReasonOlder {
		t.Errorf("got %+v, want the creation superseded", d)
	}
}
