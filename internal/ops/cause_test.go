package ops

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/streams"
)

func TestCauseOf(t *testing.T) {
	for name, c := range map[string]struct {
		letter Letter
		want   Cause
	}{
		"a course": {
			Letter{DeadLetter: streams.DeadLetter{Class: "invalid", Rule: "course", Pointer: "/data/course_id", Message: "x"}, Course: "go-101"},
			Cause{"invalid:course:go-101", "course go-101 is mapped nowhere"},
		},
		"a course that is no plain id": {
			Letter{DeadLetter: streams.DeadLetter{Class: "invalid", Rule: "course", Pointer: "/data/course_id", Message: "invalid event: /data/course_id: course: the course is mapped nowhere"}, Course: "ada@example.org"},
			Cause{"invalid:course:/data/course_id", "/data/course_id: course: the course is mapped nowhere"},
		},
		"a member": {
			Letter{DeadLetter: streams.DeadLetter{Class: "invalid", Rule: "schema:required", Pointer: "/data/email", Message: "invalid event: /data/email: schema:required: send this member"}},
			Cause{"invalid:schema:required:/data/email", "/data/email: schema:required: send this member"},
		},
		"an answer of a vendor": {
			Letter{DeadLetter: streams.DeadLetter{Vendor: "lead", Class: "permanent", Status: 422, Message: "lead: create user: status 422: name is taken by 4711"}},
			Cause{"permanent:lead:create user:422", "lead: create user: status 422"},
		},
		"a refused enrolment": {
			Letter{DeadLetter: streams.DeadLetter{Vendor: "miestro", Class: "permanent", Status: 404, Message: "miestro: enroll: status 404"}, Course: "go-101", theirCourse: "9999"},
			Cause{"permanent:miestro:enroll:404:course:go-101", "miestro: enroll: status 404 (course go-101, now 9999 at miestro)"},
		},
		"an enrolment that the vendor did not take for long": {
			Letter{DeadLetter: streams.DeadLetter{Vendor: "miestro", Class: "exhausted", Status: 503, Message: "miestro: enroll: status 503"}, Course: "go-101"},
			Cause{"exhausted:miestro:enroll:503", "miestro: enroll: status 503"},
		},
		"no account": {
			Letter{DeadLetter: streams.DeadLetter{Vendor: "lead", Type: "enrollment.requested", Class: "prerequisite", Message: "the user has no account"}},
			Cause{"prerequisite:enrollment.requested", "the user has no account"},
		},
		"a conflict": {
			Letter{DeadLetter: streams.DeadLetter{Vendor: "lead", Class: "conflict", Message: "another user (record lead.3) holds the account"}},
			Cause{"conflict:lead", "another user (record lead.3) holds the account"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, causeOf(c.letter)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A hundred events that fail alike at five vendors, with texts of their own, are one group.
func TestGroups(t *testing.T) {
	var list []Letter
	start := time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	for i := range 100 {
		for v := range 5 {
			l := Letter{DeadLetter: streams.DeadLetter{
				Vendor: fmt.Sprint("v", v), Class: "invalid", Rule: "course", EventID: fmt.Sprint("e", i), Message: fmt.Sprint("text ", i, v),
				FirstTry: start.Add(time.Duration(i) * time.Minute), LastTry: start.Add(time.Duration(i) * time.Hour),
			}, Course: "go-101", State: DeadWaiting}
			l.Cause = causeOf(l)
			list = append(list, l)
		}
	}
	one := Letter{DeadLetter: streams.DeadLetter{Vendor: "v1", Class: "panic", LastTry: start}, State: DeadWaiting}
	one.Cause = causeOf(one)
	got := Groups(append(list, one))
	if len(got) != 2 {
		t.Fatalf("got %d groups: %+v", len(got), got)
	}
	g := got[0]
	if g.Cause.Text != "course go-101 is mapped nowhere" || g.Events != 100 || g.Letters != 500 || len(g.Vendors) != 5 ||
		!g.Oldest.Equal(start) || !g.Newest.Equal(start.Add(99*time.Hour)) || g.States[DeadWaiting] != 500 {
		t.Errorf("got %+v", g)
	}
}
