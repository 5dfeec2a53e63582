package vendors_test

import (
	"context"
	"testing"

	"github.com/usherhq/usher/vendors"
)

// tracker is an adapter with the method Track.
type tracker struct{}

func (tracker) Check(context.Context) error                   { return nil }
func (tracker) Track(context.Context, vendors.Activity) error { return nil }

// composed has the method Track too, and offers the port by a setting.
type composed struct {
	tracker
	tracks bool
}

func (c composed) As(target any) bool {
	port, ok := target.(*vendors.Tracker)
	if ok && c.tracks {
		*port = c.tracker
	}
	return ok && c.tracks
}

func TestPort(t *testing.T) {
	for name, test := range map[string]struct {
		adapter vendors.Adapter
		tracks  bool
	}{
		"a method":                 {tracker{}, true},
		"a setting":                {composed{tracks: true}, true},
		"a method without setting": {composed{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			port, ok := vendors.Port[vendors.Tracker](test.adapter)
			if ok != test.tracks || (port != nil) != test.tracks {
				t.Errorf("got %v, %v, want the port to be there: %v", port, ok, test.tracks)
			}
			if _, ok := vendors.Port[vendors.Lister](test.adapter); ok {
				t.Error("got a port that the adapter lacks")
			}
		})
	}
}
