package ops_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/notify"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// problems returns the kinds, keys and counts of all problems, and fails for personal data.
func problems(t *testing.T, l *ops.Lookout, s *ops.Service) (list []string) {
	t.Helper()
	found, err := l.Problems(t.Context(), s, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		list = append(list, fmt.Sprintf("%s %s %s %d", p.Kind, p.Key, p.Vendor, p.Count))
		if strings.Contains(p.Key+p.Text, "@") || strings.Contains(p.Text, "secret") {
			t.Errorf("a message would have personal data: %+v", p)
		}
	}
	slices.Sort(list)
	return list
}

// TestProblems makes a problem of each kind, and ends each.
func TestProblems(t *testing.T) {
	t.Parallel()
	s, b := newService(t, "lead", "meiro")
	s.Config.Notify.Lag = time.Nanosecond
	l := &ops.Lookout{}
	vendorConsumers(t, b)
	want := func(list ...string) {
		t.Helper()
		if diff := cmp.Diff(list, problems(t, l, s)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	want()

	e, err := events.New(events.UserCreated, "/school", "e1", time.Time{}, struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Events.Send(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	natstest.Until(t, "the event waits too long", func() bool { return slices.Equal(problems(t, l, s), []string{"lag lead lead 1"}) })
	s.Config.Notify.Lag = time.Hour
	want()

	now := time.Now().UTC()
	hold := func(h streams.Hold) {
		t.Helper()
		if err := b.Control.SetHold(t.Context(), "lead", h); err != nil {
			t.Fatal(err)
		}
	}
	hold(streams.Hold{Since: now, At: now, Why: "the check failed: ada@example.org is a secret"})
	want("hold lead lead 0")
	hold(streams.Hold{Since: now, At: now, Why: "status 401", Credentials: true})
	want("credentials lead lead 0")
	if err := b.Control.SetPause(t.Context(), "lead", streams.Pause{Since: now}); err != nil {
		t.Fatal(err)
	}
	want() // a person has paused the vendor
	if err := b.Control.ClearHold(t.Context(), "lead"); err != nil {
		t.Fatal(err)
	}

	control, err := b.Control.Records(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(`{"held":"2026-03-01T12:00:00Z","why":"1200 deletions in 1h0m0s"}`)
	for _, key := range []string{deletionguard.Key, deletionguard.KeyOf("meiro")} {
		if _, err := control.Store(t.Context(), key, text, 0); err != nil {
			t.Fatal(err)
		}
	}
	want("deletions all  0", "deletions meiro meiro 0")
}

// TestProblemsOfDeadLetters stores dead letters of many causes, with personal data in their texts, and
// drops them.
func TestProblemsOfDeadLetters(t *testing.T) {
	t.Parallel()
	s, b := newService(t, "lead")
	l := &ops.Lookout{}
	var stored []streams.DeadLetter
	add := func(d streams.DeadLetter) {
		t.Helper()
		d.Type, d.Key, d.Payload, d.LastTry, d.FirstTry = events.UserCreated, fmt.Sprintf("%032x", len(stored)), []byte(`{}`), time.Now(), time.Now()
		if err := b.DeadLetters.Add(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		stored = append(stored, d)
	}
	add(streams.DeadLetter{Vendor: "lead", Class: "permanent", Status: 422, Message: "lead: create user: status 422: ada@example.org is taken"})
	add(streams.DeadLetter{Vendor: "lead", Class: "permanent", Status: 422, Message: "lead: create user: status 422: bob@example.org is taken"})
	add(streams.DeadLetter{Vendor: streams.EventPlace, Class: "invalid", Rule: "schema:type", Pointer: "/data/attributes/ada@example.org", Message: "ada@example.org"})
	add(streams.DeadLetter{Vendor: streams.EventPlace, Class: "invalid", Rule: "schema:a@b", Message: "ada@example.org"})
	want := []string{"dead invalid  1", "dead invalid:schema:type  1", "dead permanent:lead:create user:422 lead 2"}
	natstest.Until(t, "the dead letters are read", func() bool { return cmp.Equal(problems(t, l, s), want) })

	for i := range 30 {
		add(streams.DeadLetter{Vendor: "lead", Class: "permanent", Status: 400 + i, Message: "lead: update user: refused"})
	}
	natstest.Until(t, "the causes are bounded", func() bool {
		list := problems(t, l, s)
		return len(list) == 21 && slices.Contains(list, "dead others  13")
	})
	for _, d := range stored {
		found, err := s.Find(t.Context(), []string{d.Key})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.DeadLetters.Remove(t.Context(), found[0]); err != nil {
			t.Fatal(err)
		}
	}
	natstest.Until(t, "no problem is left", func() bool { return len(problems(t, l, s)) == 0 })
}

// TestAdviceOfKinds looks for the section of the runbook of each kind.
func TestAdviceOfKinds(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range notify.Kinds() {
		section := notify.Section(kind)
		if section == "" || !slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool {
			title := strings.TrimLeft(line, "# ")
			return title != line && strings.ReplaceAll(strings.ToLower(title), " ", "-") == section
		}) {
			t.Errorf("%s: the runbook has no section %q", kind, section)
		}
	}
}
