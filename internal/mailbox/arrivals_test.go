package mailbox

import (
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// A turn without a timer needs every pending event in hand, registered by this ownership, with the
// position held back. Anything else would be lost after a crash.
func TestHoldsBack(t *testing.T) {
	t.Parallel()
	at := events.Position{Epoch: 1, Seq: 7}
	effect := record.Effect{Key: 1, Position: at}
	for name, test := range map[string]struct {
		change func(r *record.Record, a *arrival)
		want   bool
	}{
		"in hand":                       {func(*record.Record, *arrival) {}, true},
		"settled under a timer":         {func(_ *record.Record, a *arrival) { a.settled = true }, false},
		"registered by a former owner":  {func(_ *record.Record, a *arrival) { a.ours = false }, false},
		"of another event":              {func(_ *record.Record, a *arrival) { a.Position.Seq++ }, false},
		"with an effect of a timer":     {func(r *record.Record, _ *arrival) { r.Pending = append(r.Pending, record.Effect{Key: 2}) }, false},
		"with a later deletion":         {func(r *record.Record, _ *arrival) { r.Pending[0].Origin = "e" }, false},
		"with a claim":                  {func(r *record.Record, _ *arrival) { r.Claim = &record.Claim{} }, false},
		"with dead letters to be sent":  {func(r *record.Record, _ *arrival) { r.State, r.Missed = record.Active, []string{"k"} }, false},
		"with dead letters that wait":   {func(r *record.Record, _ *arrival) { r.Missed = []string{"k"} }, true},
		"without anything pending left": {func(r *record.Record, _ *arrival) { r.Pending = nil }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &record.Record{Pending: record.Effects{effect}}
			a := &arrival{Arrival: record.Arrival{Key: 1, Position: at}, ours: true}
			test.change(r, a)
			if got := (&hand{list: []*arrival{a}}).holdsBack(r); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}
