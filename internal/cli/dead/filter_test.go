package dead

import (
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
)

// The command of a dry run has every flag that selects, and the values are words of a shell.
func TestCommandOfADryRun(t *testing.T) {
	for want, r := range map[string]replayCmd{
		"usher dead replay lead.3fa9 events.12": {IDs: []string{"lead.3fa9", "events.12"}, Again: defaultAgain},
		"usher dead replay --all --max 7 --vendor lead --vendor events --cause 'invalid:id once:/id' --user 'it'\\''s' --older-than 1h0m0s --quarantined --again 0s --reason 'LEAD is back'": {
			All: true, Max: 7, Quarantined: true, Actor: app.Actor{Reason: "LEAD is back"},
			filter: filter{Vendor: app.PlaceFlags{"lead", "events"}, Cause: "invalid:id once:/id", User: "it's", OlderThan: time.Hour},
		},
	} {
		if got := r.command(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestFlagsOfDrop(t *testing.T) {
	for want, d := range map[string]dropCmd{
		"":                       {All: true, Reason: "a test", filter: filter{Class: "invalid"}},
		"say what to drop":       {Reason: "a test"},
		"not both":               {All: true, IDs: []string{"lead.3"}, Reason: "a test"},
		"go with --all":          {IDs: []string{"lead.3"}, Reason: "a test", filter: filter{Vendor: app.PlaceFlags{"lead"}}},
		"there is no class none": {All: true, Reason: "a test", filter: filter{Class: "none"}},
		"one line":               {All: true, Reason: "two\nlines"},
	} {
		err := d.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
