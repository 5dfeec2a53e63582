package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/vendors"
)

// A check is repeated within seconds if it fails in passing, and only then.
func TestCheckIsRepeated(t *testing.T) {
	failed := &vendors.Error{Vendor: "acme", Status: 503}
	for name, test := range map[string]struct {
		errs  []error // of the tries
		took  time.Duration
		tries int
		good  bool
	}{
		"good at once":        {[]error{nil}, 0, 1, true},
		"good at last":        {[]error{failed, failed, nil}, 0, 3, true},
		"failing":             {[]error{failed, failed, failed, nil}, 0, 3, false},
		"slow":                {[]error{failed, nil}, 6 * time.Second, 1, false},
		"refused credentials": {[]error{&vendors.Error{Vendor: "acme", Status: 401, Class: vendors.Unusable}, nil}, 0, 1, false},
		"429":                 {[]error{&vendors.Error{Vendor: "acme", Status: 429}, nil}, 0, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				x := &Core{config: Config{Mailbox: mailbox.Config{CallLease: time.Minute, CallTimeout: time.Minute}}}
				x.deps.Check = func(context.Context) (vendors.Adapter, error) {
					time.Sleep(test.took)
					tries++
					return nil, test.errs[tries-1]
				}
				err := x.check(t.Context())
				if tries != test.tries || (err == nil) != test.good {
					t.Errorf("got %v after %d tries, want success to be %v after %d", err, tries, test.good, test.tries)
				}
			})
		})
	}
}
