package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/ledger"
)

// TestPast sees effects go to the past when no rule asks about them any more, the
// oldest out of it when there are too many, and none that is unfinished.
func TestPast(t *testing.T) {
	var a ledger.Account
	for i := range ledger.MostPast + 10 {
		a.Effects = append(a.Effects, done(arrival(fmt.Sprint("old-", i), uint64(i+1))))
	}
	a.Effects = append(a.Effects, waiting(arrival("lost", 500)))
	m := arrival("new", 1000)
	m.Now = now.Add(m.Keep + time.Hour)
	a.Arrive(m)
	if len(a.Effects) != 1 || a.Effects[0].Key != "new" {
		t.Errorf("got %d effects, want the new one alone", len(a.Effects))
	}
	if got := len(a.Past); got != ledger.MostPast {
		t.Fatalf("got %d in the past, want %d", got, ledger.MostPast)
	}
	if first, last := a.Past[0].Key, a.Past[ledger.MostPast-1].Key; first != "old-10" || last != fmt.Sprint("old-", ledger.MostPast+9) {
		t.Errorf("got from %s to %s, want the newest, oldest first", first, last)
	}
}
