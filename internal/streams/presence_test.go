package streams_test

import (
	"testing"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

func announce(t *testing.T, p *streams.Presence, busy bool) streams.Present {
	t.Helper()
	found, err := p.Announce(t.Context(), busy)
	check(t, err)
	return found
}

func TestProcessesSeeEachOther(t *testing.T) {
	leases := openLeases(t, ensured(t), 2*time.Second)
	present := func(vendor string) *streams.Presence {
		p, err := leases.Presence(vendor)
		check(t, err)
		return p
	}
	a, b, other := present(vendor), present(vendor), present("other")
	announce(t, other, true)
	for _, step := range []struct {
		who  *streams.Presence
		busy bool
		want streams.Present
	}{
		{a, false, streams.Present{Processes: 1}},
		{b, true, streams.Present{Processes: 2, Busy: 1}},
		{a, true, streams.Present{Processes: 2, Busy: 2}},
		{b, false, streams.Present{Processes: 2, Busy: 1}},
	} {
		if got := announce(t, step.who, step.busy); got != step.want {
			t.Errorf("got %+v, want %+v", got, step.want)
		}
	}
	check(t, b.Leave(t.Context()))
	if got := announce(t, a, false); got.Processes != 1 {
		t.Errorf("got %+v after one has left", got)
	}
	announce(t, b, true) // and dies
	for end := time.Now().Add(patience); announce(t, a, false).Processes != 1; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a process that died stays")
		}
	}
	if _, err := leases.Presence("a.b"); err == nil {
		t.Error("a name that is no token is taken")
	}
}

func TestPresenceWithoutAServer(t *testing.T) {
	e := ensured(t)
	p, err := openLeases(t, e, 2*time.Second).Presence(vendor)
	check(t, err)
	announce(t, p, true)
	e.kill()
	if _, err := p.Announce(t.Context(), true); err == nil {
		t.Error("a process announced itself without a server")
	}
}
