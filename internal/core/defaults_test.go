package core

import (
	"testing"
	"time"

	"github.com/usherhq/usher/internal/mailbox"
)

func TestSlotsFitTheRate(t *testing.T) {
	for name, test := range map[string]struct {
		concurrency int
		rate        float64
		lease       time.Duration
		want        int
	}{
		"no rate":                   {16, 0, 12 * time.Second, 16},
		"a rate above the need":     {16, 100, 12 * time.Second, 16},
		"a rate for six effects":    {16, 2, 12 * time.Second, 6},
		"a rate below a whole slot": {16, 0.1, 12 * time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := slots(test.concurrency, test.rate, test.lease); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestDefaultsOfConfig(t *testing.T) {
	c := Config{Concurrency: 4, Mailbox: mailbox.Config{MaxAge: time.Hour, CallLease: time.Second}}.withDefaults()
	if c.LeaseTTL != defaultLeaseTTL || c.Slots != 4 || c.Activity.Prefetch != 32 {
		t.Errorf("got lease %s, %d slots, prefetch %d", c.LeaseTTL, c.Slots, c.Activity.Prefetch)
	}
	if m := c.Mailbox; m.Remember != 2*time.Hour || m.FirstLook == 0 || m.RecordBytes == 0 || m.WaitingBytes == 0 {
		t.Errorf("got %+v, want a default for each limit", m)
	}
	c.LeaseTTL, c.Slots, c.Mailbox.Remember = time.Second, 2, time.Minute
	if d := c.withDefaults(); d.LeaseTTL != time.Second || d.Slots != 2 || d.Mailbox.Remember != time.Minute {
		t.Errorf("got %+v, want set values kept", d)
	}
}
