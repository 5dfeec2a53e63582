package main

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/streams"
)

// on runs a command on a terminal, and returns what it shows.
func (w *world) on(ctx context.Context, at *pty, args ...string) string {
	w.t.Helper()
	err := run(ctx, app.Environment{Args: append([]string{"--config", w.file}, args...), Environ: w.environ, Stdin: at.File, Stdout: at.File, Stderr: at.File})
	if err != nil {
		w.t.Errorf("usher %s: %v", strings.Join(args, " "), err)
	}
	return at.text()
}

// escapes matches the colours of a terminal.
var escapes = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// TestResultsOnTerminal prints each result once, in lines that fit, and a remark without results.
func TestResultsOnTerminal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve()
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "r1", oneUser))
	w.expect("r1", everywhere)
	w.again()
	if got := w.happened("--event", "r1"); got != len(everywhere) {
		t.Errorf("got %d results, want each that was published twice printed once: %d", got, len(everywhere))
	}
	shown := w.on(t.Context(), newPTY(t), "results", "--event", "r1")
	for line := range strings.Lines(shown) {
		if strings.Contains(line, "  \r") || len(escapes.ReplaceAllString(strings.TrimRight(line, "\r\n"), "")) > 80 {
			t.Errorf("a line that is too long, or ends with blanks: %q", line)
		}
	}
	if head, _, _ := strings.Cut(escapes.ReplaceAllString(shown, ""), "\r\n"); strings.Join(strings.Fields(head), " ") != "TIME TYPE VENDOR OUTCOME USER STEP" {
		t.Errorf("got the head %q", head)
	}
	if got := strings.Count(shown, "user.provisioned"); got != len(everywhere) {
		t.Errorf("got %d lines, want %d:\n%s", got, len(everywhere), shown)
	}
	if got := w.on(t.Context(), newPTY(t), "results", "--user", "nobody"); got != "no results\r\n" {
		t.Errorf("got %q of somebody whom nobody knows", got)
	}
	if got := w.on(t.Context(), newPTY(t), "audit"); got != "no actions\r\n" {
		t.Errorf("got %q where nobody did anything", got)
	}
	w.follows("results", "waiting for further results; Ctrl-C ends")
	w.follows("audit", "waiting for further actions; Ctrl-C ends")
	w.end()
}

// TestResultsOfCourse sends enrolments of two courses: a result names the course, and --course selects
// by the name.
func TestResultsOfCourse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve()
	w.feedAll(cloudEvent(events.UserCreated, "c1", oneUser),
		cloudEvent(events.EnrollmentRequested, "c2", `{"user_id":"u1","course_id":"go-basics","vendor":"lead"}`),
		cloudEvent(events.EnrollmentCancelled, "c3", `{"user_id":"u1","course_id":"go-basics","vendor":"lead"}`),
		cloudEvent(events.EnrollmentRequested, "c4", `{"user_id":"u1","course_id":"unmapped","vendor":"lead"}`))
	w.expect("c1", everywhere)
	for name, c := range map[string]struct {
		flags []string
		want  int
	}{
		"a course":               {[]string{"--course", "go-basics"}, 2},
		"of one type":            {[]string{"--course", "go-basics", "--type", events.EnrollmentCancelled}, 1},
		"a course without a map": {[]string{"--course", "unmapped", "--outcome", events.Failed}, 1},
		"of another user":        {[]string{"--course", "go-basics", "--user", "u2"}, 0},
		"no course":              {[]string{"--course", "go"}, 0},
	} {
		w.until(name, func() bool { return w.happened(c.flags...) == c.want })
	}
	if got := strings.Count(w.must("results", "--json", "--course", "unmapped"), `"course_id":"unmapped"`); got != 1 {
		t.Errorf("got %d results with the course, want 1", got)
	}
	if strings.Contains(w.must("results", "--json", "--event", "c1"), "course_id") {
		t.Error("a result of another event has a course")
	}
	w.end()
}

// again stores all results a second time, as for events that are sent again when
// NATS knows them no more.
func (w *world) again() {
	w.t.Helper()
	js := w.streams()
	stream, err := js.Stream(w.t.Context(), streams.ResultsStream)
	if err != nil {
		w.t.Fatal(err)
	}
	last := stream.CachedInfo().State.LastSeq
	for seq := uint64(1); seq <= last; seq++ {
		m, err := stream.GetMsg(w.t.Context(), seq)
		if err != nil {
			w.t.Fatal(err)
		}
		m.Header.Del(jetstream.MsgIDHeader)
		if _, err := js.PublishMsg(w.t.Context(), &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// follows starts a command that waits, looks that it says so, and stops it.
func (w *world) follows(command, want string) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	defer stop()
	at, shown := newPTY(w.t), make(chan string, 1)
	go func() { shown <- w.on(ctx, at, command, "--follow") }()
	w.until(command+" says that it waits", func() bool { return strings.Contains(at.screen.String(), want) })
	stop()
	<-shown
}
