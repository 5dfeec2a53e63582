// Package scenario creates the events of a school: users join, enroll, learn and leave. The demo
// and the chaos suite create different scenarios. The same calls always create the same events.
package scenario

import (
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
)

// Source is the source attribute of the school's events.
const Source = "/school"

// Start is the time of the first event. Start is fixed because vendors store the times of events
// and one seed must give one scenario.
var Start = time.Date(2026, time.September, 1, 8, 0, 0, 0, time.UTC)

// User is the state of a user after the events written so far.
type User struct {
	ID, Email, First, Last string
	Role                   string // an attribute of the user; empty: none

	Deleted   bool     // deleted, and neither restored nor created since
	Courses   []string // enrolled in, oldest first
	Cancelled []string // cancelled enrollments
}

// Writer collects events in the order of time.
type Writer struct {
	Events []events.Event
	Err    error // the first error of creating an event
}

// Now returns the time of the next event. Events are one minute apart.
func (w *Writer) Now() time.Time {
	return Start.Add(time.Duration(len(w.Events)) * time.Minute)
}

// Create writes the creation of the user.
func (w *Writer) Create(u *User) {
	u.Deleted = false
	w.add(u, events.UserCreated, u.snapshot())
}

// Update writes the user's present data.
func (w *Writer) Update(u *User) { w.add(u, events.UserUpdated, u.snapshot()) }

// Change writes some of the user's present data, by the names of the members.
func (w *Writer) Change(u *User, members ...string) {
	all, some := u.snapshot(), map[string]any{"email": u.Email}
	for _, name := range members {
		some[name] = all[name]
	}
	w.add(u, events.UserUpdated, some)
}

// Delete writes the deletion of the user, and removes all courses.
func (w *Writer) Delete(u *User) {
	u.Deleted = true
	u.Courses = nil
	u.Cancelled = nil
	w.add(u, events.UserDeleted, map[string]any{"email": u.Email, "reason": "left the school"})
}

// Restore writes the restoration of a deleted user.
func (w *Writer) Restore(u *User) {
	u.Deleted = false
	w.add(u, events.UserRestored, map[string]any{"email": u.Email, "reason": "came back"})
}

// Enroll writes an enrollment of the user in a course.
func (w *Writer) Enroll(u *User, course string) {
	u.Courses = append(u.Courses, course)
	w.add(u, events.EnrollmentRequested, map[string]any{"email": u.Email, "course_id": course})
}

// Cancel writes the cancellation of the user's latest enrollment. The user must be enrolled in a
// course.
func (w *Writer) Cancel(u *User) {
	course := u.Courses[len(u.Courses)-1]
	u.Courses = slices.DeleteFunc(u.Courses, func(c string) bool { return c == course })
	u.Cancelled = append(u.Cancelled, course)
	w.add(u, events.EnrollmentCancelled, map[string]any{"email": u.Email, "course_id": course})
}

// Act writes an activity of the user at Now.
func (w *Writer) Act(u *User, name string, minutes int) {
	w.add(u, events.ActivityTracked, map[string]any{
		"name": name, "occurred_at": w.Now().Format(time.RFC3339), "properties": map[string]any{"minutes": minutes},
	})
}

// snapshot returns all data of the user.
func (u *User) snapshot() map[string]any {
	data := map[string]any{"email": u.Email, "first_name": u.First, "last_name": u.Last, "time_zone": "Europe/Berlin"}
	if u.Role != "" {
		data["attributes"] = map[string]any{"role": u.Role}
	}
	return data
}

// add appends an event of the user.
func (w *Writer) add(u *User, kind string, data map[string]any) {
	data["user_id"] = u.ID
	e, err := events.New(kind, Source, fmt.Sprintf("%s-%d", kind, len(w.Events)+1), w.Now(), data)
	if err != nil && w.Err == nil {
		w.Err = err
	}
	w.Events = append(w.Events, e)
}

// Publication is one publication of an event.
type Publication struct {
	Event  events.Event
	Repeat bool // whether the event was published before
}

// Message returns the NATS message. A repeat has no Nats-Msg-Id: otherwise NATS would drop the
// message, and Usher would never receive the repeat.
func (p Publication) Message() (*nats.Msg, error) {
	header, payload, err := events.ToNATS(p.Event)
	if p.Repeat {
		delete(header, events.HeaderMsgID)
	}
	return &nats.Msg{Subject: p.Event.Type(), Header: header, Data: payload}, err
}
