package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
)

// Every event type has one handler, with the scope of the table of types.
func TestHandlersCoverAllEventTypes(t *testing.T) {
	var got []string
	for _, h := range handlerList(nil, nil) {
		got = append(got, h.Type)
		if want := events.ScopeOf(h.Type); h.Scope != want {
			t.Errorf("got scope %q of %s, want %q", h.Scope, h.Type, want)
		}
	}
	if diff := cmp.Diff(events.Types(), got); diff != "" {
		t.Errorf("handlers differ from the event types (-want +got)\n%s", diff)
	}
}
