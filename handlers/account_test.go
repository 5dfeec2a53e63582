package handlers_test

import (
	"context"
	"strings"
	"testing"

	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/vendors"
)

// liar shows accounts by calls of its own.
type liar struct {
	port
	found, made, back vendors.Account
}

func (l *liar) Find(context.Context, vendors.User) (vendors.Account, error) {
	if l.found == (vendors.Account{}) {
		return l.found, vendors.ErrNotFound
	}
	return l.found, nil
}

func (l *liar) Create(context.Context, vendors.Origin, vendors.User) (vendors.Account, error) {
	return l.made, nil
}

func (l *liar) Restore(context.Context, vendors.Origin, vendors.Account, vendors.User) (vendors.Account, error) {
	return l.back, nil
}

// No record, result or history keeps a long id of a vendor: the streams and buckets are those of all
// vendors, and a record beyond the limit of NATS could not be stored.
func TestLongIDsAreUnreadable(t *testing.T) {
	long := strings.Repeat("x", 1025)
	for name, c := range map[string]struct {
		handler handlers.Handler
		liar    liar
		unknown bool
	}{
		"of a look-up":     {handlers.UserCreated(), liar{found: vendors.Account{ID: long}}, false},
		"the owner":        {handlers.UserCreated(), liar{found: vendors.Account{ID: "7", Owner: long}}, false},
		"of a creation":    {handlers.UserCreated(), liar{made: vendors.Account{ID: long}}, true},
		"of a restoration": {handlers.UserRestored(), liar{back: vendors.Account{ID: long}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []string
			c.liar.calls = &calls
			step, err := carryOut(t, c.handler, handlers.Vendor{Name: "acme", Adapter: &c.liar}, handlers.Known{})
			if !vendors.IsUnreadable(err) || vendors.IsUnknown(err) != c.unknown || strings.Contains(step, long) {
				t.Errorf("got %.80s, %v, want an unreadable response", step, err)
			}
		})
	}
}
