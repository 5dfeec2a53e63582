package core

import (
	"cmp"
	"time"

	"github.com/usherhq/usher/internal/mailbox/record"
)

// Defaults of a Config. A zero field has the default.
const (
	defaultLeaseTTL     = 5 * time.Second
	defaultFirstLook    = 2 * time.Second
	defaultRecordBytes  = 512 << 10
	defaultWaitingBytes = 8 << 20 // a fraction of the memory for all users of a vendor (intake)
	prefetchFactor      = 8       // events of activity in hand for each effect at work
)

// withDefaults returns c with defaults for zero fields.
func (c Config) withDefaults() Config {
	m := &c.Mailbox
	c.LeaseTTL = cmp.Or(c.LeaseTTL, defaultLeaseTTL)
	c.Activity.Prefetch = cmp.Or(c.Activity.Prefetch, prefetchFactor*c.Concurrency)
	c.Slots = cmp.Or(c.Slots, slots(c.Concurrency, c.Rate, m.CallLease))
	m.FirstLook = cmp.Or(m.FirstLook, defaultFirstLook)
	m.Remember = cmp.Or(m.Remember, 2*m.MaxAge)
	m.RecordBytes = cmp.Or(m.RecordBytes, defaultRecordBytes)
	m.WaitingBytes = cmp.Or(m.WaitingBytes, defaultWaitingBytes)
	return c
}

// slots returns the number of effects at work at a time: no more than the rate can finish
// within the call lease. Further effects would only lose their claims while they wait.
func slots(concurrency int, rate float64, lease time.Duration) int {
	const calls = 4 // of an effect: a look-up and a change, each repeated once
	if rate <= 0 {
		return concurrency
	}
	return max(1, min(concurrency, int(rate*lease.Seconds()/calls)))
}

// RecordBytes returns the bound of a record for a server's max_payload: the default, or less if
// a record with its head room does not fit.
func RecordBytes(maxPayload int64) int {
	const headers = 1 << 10
	if maxPayload <= 0 {
		return defaultRecordBytes
	}
	return min(defaultRecordBytes, int(maxPayload)-record.HeadRoom-headers)
}
