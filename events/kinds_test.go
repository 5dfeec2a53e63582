package events_test

import (
	"slices"
	"testing"

	"github.com/usherhq/usher/events"
)

// TestKinds checks the questions about single types against the lists.
func TestKinds(t *testing.T) {
	kinds := slices.Concat(events.Types(), events.ResultTypes(), []string{
		"", "user", "user.", "user.created.", "user.created.done", "user.provisioning", "user.provisioning.done", "enrollment.failed.failed", ".failed", "activity", "activity.skipped",
	})
	for _, kind := range kinds {
		if got, want := events.IsType(kind), slices.Contains(events.Types(), kind); got != want {
			t.Errorf("IsType(%q) = %t, want %t", kind, got, want)
		}
		if got, want := events.IsResultType(kind), slices.Contains(events.ResultTypes(), kind); got != want {
			t.Errorf("IsResultType(%q) = %t, want %t", kind, got, want)
		}
		if got, want := events.IsActivityResultType(kind), slices.Contains(events.ActivityResultTypes(), kind); got != want {
			t.Errorf("IsActivityResultType(%q) = %t, want %t", kind, got, want)
		}
	}
}

// TestSource checks the source of events against the SDK.
func TestSource(t *testing.T) {
	for _, source := range []string{"/a", "https://example.org/a?b#c", "urn:a:b", "a%20b"} {
		e, err := events.Parse([]byte(`{"specversion":"1.0","id":"1","type":"user.created","source":"` + source + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		foreign := e.Clone()
		foreign.SetSource(source) // parsed into the parts of a URL
		if events.Source(e) != e.Source() || events.Source(e) != source || events.Source(foreign) != foreign.Source() {
			t.Errorf("source %q: got %q and %q, want %q and %q", source, events.Source(e), events.Source(foreign), e.Source(), foreign.Source())
		}
	}
	if got := events.Source(events.Event{}); got != "" {
		t.Errorf("got source %q of the zero event", got)
	}
}
