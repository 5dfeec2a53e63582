package ops

import (
	"testing"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// An effect without a reason of its own has the reason of the vendor.
func TestExplain(t *testing.T) {
	pause := &vendorFacts{name: "lead", pause: &PauseState{By: "ann", Why: "moves"}, hold: &streams.Hold{Why: "status 503"}}
	hold := &vendorFacts{name: "lead", hold: &streams.Hold{Why: "status 503"}}
	for name, test := range map[string]struct {
		facts  *vendorFacts
		effect HistoryEvent
		want   string
	}{
		"paused":           {pause, HistoryEvent{Vendor: "lead", State: EffectWaiting}, "ann paused the vendor: moves"},
		"paused by nobody": {&vendorFacts{name: "lead", pause: &PauseState{}}, HistoryEvent{Vendor: "lead", State: EffectWaiting}, "a person paused the vendor: see usher audit"},
		"on hold":          {hold, HistoryEvent{Vendor: "lead", State: EffectWaiting}, "vendor on hold: status 503"},
		"neither":          {&vendorFacts{name: "lead"}, HistoryEvent{Vendor: "lead", State: EffectWaiting}, ""},
		"another vendor":   {pause, HistoryEvent{Vendor: "meiro", State: EffectWaiting}, ""},
		"an own reason":    {pause, HistoryEvent{Vendor: "lead", State: EffectWaiting, Why: "status 500"}, "status 500"},
		"behind another":   {pause, HistoryEvent{Vendor: "lead", State: EffectWaiting, behind: &record.Effect{}}, ""},
		"at work":          {pause, HistoryEvent{Vendor: "lead", State: EffectAtWork}, ""},
	} {
		if test.facts.explain(&test.effect); test.effect.Why != test.want {
			t.Errorf("%s: got %q, want %q", name, test.effect.Why, test.want)
		}
	}
}
