package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/console"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// TestTimesInTexts wants each UTC time in a text as an element with the time, and the text escaped.
func TestTimesInTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	b := w.login(annsToken)
	for why, want := range map[string]string{
		"since 2026-03-01T10:00:00Z":           `since <time datetime="2026-03-01T10:00:00Z">2026-03-01 10:00:00 UTC</time>`,
		"2026-03-01 10:00:00 UTC & <b>":        `<time datetime="2026-03-01T10:00:00Z">2026-03-01 10:00:00 UTC</time> &amp; &lt;b&gt;`,
		"at 2026-03-01T10:00:00.25Z it failed": `at <time datetime="2026-03-01T10:00:00Z">2026-03-01 10:00:00 UTC</time> it failed`,
		"on 2026-99-01T10:00:00Z":              `on 2026-99-01T10:00:00Z`,
		"2026-03-01":                           `2026-03-01,`,
	} {
		if err := w.streams.Control.SetHold(t.Context(), "lead", streams.Hold{Since: time.Now(), At: time.Now(), Why: why}); err != nil {
			t.Fatal(err)
		}
		if _, text := b.get("/console/vendors/lead"); !strings.Contains(text, want) {
			t.Errorf("%q: the page has not %s", why, want)
		}
	}
}

// TestPausedVendorSaysUntilWhen wants the day as well as the time in the sentence of the overview.
func TestPausedVendorSaysUntilWhen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	state, err := w.service.Load().Pause(t.Context(), "lead", 72*time.Hour, ops.Actor{Who: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	want := `paused until <time datetime="` + state.Until.UTC().Format(time.RFC3339) + `">`
	if _, text := w.login(annsToken).get("/console/"); !strings.Contains(text, want) {
		t.Errorf("the overview has not %s", want)
	}
}

// TestInjectedFault wants the fault of a vendor named as injected in the console of the demo only.
func TestInjectedFault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config console.Config
		want   bool
	}{
		"demo":        {console.Config{Open: true}, true},
		"usher serve": {console.Config{People: people}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.config)
			if err := w.streams.Control.SetHold(t.Context(), "lead", streams.Hold{Since: time.Now(), At: time.Now(), Why: "refuses the credentials"}); err != nil {
				t.Fatal(err)
			}
			b := w.browser()
			if !c.config.Open {
				b = w.login(annsToken)
			}
			for _, path := range []string{"/console/", "/console/vendors/lead"} {
				status, text := b.get(path)
				if status != http.StatusOK || !strings.Contains(text, "refuses the credentials") {
					t.Errorf("%s: got %d without the hold", path, status)
				}
				if got := strings.Contains(text, "data-injected"); got != c.want {
					t.Errorf("%s: the fault is said to be injected: %t, want %t", path, got, c.want)
				}
			}
		})
	}
}

// TestFeedOfCourse finds the results of one course, by themselves and with other filters.
func TestFeedOfCourse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	w.enrolment("in-go", "u1", "go-101", events.Failed)
	w.enrolment("in-algebra", "u1", "algebra", events.Done)
	w.result(w.event("no-course", "u1"), events.Done, "")
	b := w.login(annsToken)
	for query, want := range map[string]string{
		"course=go-101":                           "in-go",
		"course=algebra&user=u1":                  "in-algebra",
		"course=go-101&user=u2":                   "",
		"course=go-101&outcome=done":              "",
		"course=go":                               "",
		"course=go-101&type=enrollment.requested": "in-go",
	} {
		_, text := b.get("/console/feed?" + query)
		for _, id := range []string{"in-go", "in-algebra", "no-course"} {
			if got := strings.Contains(text, `data-event="`+id+`"`); got != (id == want) {
				t.Errorf("%s: %s is shown: %t", query, id, got)
			}
		}
		if want == "in-go" && !strings.Contains(text, "course go-101</small>") {
			t.Errorf("%s: the row does not name the course", query)
		}
	}
}

// enrolment publishes the result of an enrolment at lead.
func (w *world) enrolment(id, user, course, outcome string) {
	w.t.Helper()
	e, err := events.New(events.EnrollmentRequested, "/school", id, time.Now(), map[string]any{"user_id": user, "course_id": course})
	if err != nil {
		w.t.Fatal(err)
	}
	r := events.Result{Vendor: "lead", Outcome: outcome, CourseID: course, Attempts: 1, TookMS: 42}
	if outcome == events.Failed {
		r.Error = &events.ResultError{Class: "permanent", Message: "no seat"}
	}
	result, err := events.NewResult(events.ResultOf{Request: e, Key: events.Key(e.Source(), id), Source: "/usher", At: time.Now(), Result: r})
	if err == nil {
		err = w.streams.Results.Publish(w.t.Context(), "lead", result)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}
