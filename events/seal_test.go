package events_test

import (
	"errors"
	"testing"
	"time"

	"github.com/usherhq/usher/events"
)

func TestSeal(t *testing.T) {
	t.Parallel()
	key, former := []byte("a key of sixteen bytes"), []byte("a key of another year")
	made := func(source, user string, at time.Time) events.Event {
		e, err := events.New(events.UserCreated, source, "d1", at, map[string]string{"user_id": user})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	now := time.Date(2026, 9, 1, 8, 0, 0, 123, time.FixedZone("", 3600))
	genuine := made("/webhooks/crm", "u1", now)
	stored := func(e events.Event) events.Event { // as a worker reads it
		_, payload, err := events.ToNATS(e)
		if err != nil {
			t.Fatal(err)
		}
		read, err := events.FromNATS(map[string][]string{events.HeaderContentType: {events.ContentType}}, payload)
		if err != nil {
			t.Fatal(err)
		}
		return read
	}
	seal := func(e events.Event, key []byte) map[string][]string {
		return map[string][]string{events.HeaderSeal: {events.Seal(e, key)}}
	}
	for name, c := range map[string]struct {
		event  events.Event
		header map[string][]string
		keys   [][]byte
		sealed bool
	}{
		"of the endpoint":            {genuine, seal(genuine, key), [][]byte{key}, true},
		"by a former key":            {genuine, seal(genuine, former), [][]byte{key, former}, true},
		"without a seal":             {genuine, nil, [][]byte{key}, false},
		"by another key":             {genuine, seal(genuine, former), [][]byte{key}, false},
		"the seal of another event":  {made("/webhooks/crm", "u2", now), seal(genuine, key), [][]byte{key}, false},
		"the seal of another time":   {made("/webhooks/crm", "u1", now.Add(time.Hour)), seal(genuine, key), [][]byte{key}, false},
		"the seal of another source": {made("/webhooks/shop", "u1", now), seal(genuine, key), [][]byte{key}, false},
		"a source of a producer":     {made("/crm", "u1", now), nil, [][]byte{key}, true},
		"no key":                     {genuine, nil, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := events.CheckSeal(stored(c.event), c.header, c.keys)
			invalid, isInvalid := errors.AsType[*events.InvalidError](err)
			if (err == nil) != c.sealed || (isInvalid && (invalid.Rule != events.RuleSeal || invalid.Pointer != "/source")) {
				t.Errorf("got %v, want sealed %v", err, c.sealed)
			}
		})
	}
}
