package bench

import (
	"fmt"
	"strings"
)

// text returns the figures for people.
func (a Accounts) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d accounts at %s, records of %d bytes, written %d times by usher; bytes for each account\n", a.Accounts, a.Vendor, a.Record, a.Writes)
	for _, c := range a.Buckets {
		fmt.Fprintf(&b, "  %s: %d key(s), heap %.0f B after the last write, disk %.0f B\n", c.Bucket, c.Keys, c.Live, c.Disk)
	}
	fmt.Fprintf(&b, "  NATS server: %.0f MB after the last write; idle %.0f MB, heap %.0f B, disk %.0f B\n", a.WrittenMB, a.RestMB, a.Live, a.Disk)
	fmt.Fprintf(&b, "  after kill -9: first read after %.0f ms, %.0f MB, heap %.0f B\n", a.Restart.ReadMS, a.Restart.MB, a.Restart.Live)
	fmt.Fprintf(&b, "  a read p50 / p99 %.2f / %.2f ms, a write %.2f / %.2f ms\n", a.Read.P50, a.Read.P99, a.Write.P50, a.Write.P99)
	fmt.Fprintf(&b, "  usher user %.0f ms, usher serve ready after %.0f ms\n\n", a.UserMS, a.ServeMS)
	return b.String()
}
