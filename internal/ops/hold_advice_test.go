package ops

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

// TestHoldAdvice wants one remedy for each reason of a hold, as the circuit breaker words it.
func TestHoldAdvice(t *testing.T) {
	for why, want := range map[string]string{
		"the vendor refuses the credentials (401)":                                    "usher vendors check lead",
		"lead: log in: status 401":                                                    "usher vendors check lead",
		"most users are refused for good (20 of the last 29): a broken mapping?":      "usher dead list --vendor lead --by cause",
		"the effects that were tried are refused again: a broken mapping?":            "usher dead list --vendor lead --by cause",
		"lead: get users: status 503":                                                 "nothing: usher checks the vendor",
		"lead: get users: dial tcp 192.0.2.1:443: connect: connection refused (dial)": "nothing: usher checks the vendor",
	} {
		l := UserAtVendor{}
		(&vendorFacts{name: "lead", hold: &streams.Hold{Since: time.Now(), At: time.Now(), Why: why}}).onHold(&l)
		if l.State != UserOnHold || l.Why != why || !strings.Contains(l.Do, want) {
			t.Errorf("%q: got %+v, want %q", why, l, want)
		}
		v := VendorStatus{Vendor: "lead", State: OnHold, Why: why}
		if got := v.Remedy(); (got == "") != strings.HasPrefix(want, "nothing") || got != "" && got != l.Do {
			t.Errorf("%q: got the remedy %q of the vendor, want %q", why, got, l.Do)
		}
		if v.State = Serving; v.Remedy() != "" {
			t.Errorf("%q: got a remedy without a hold", why)
		}
	}
}

// TestObstacles names what keeps replays at some vendors from going on.
func TestObstacles(t *testing.T) {
	s := Status{Vendors: []VendorStatus{
		{Vendor: "lead", State: Serving, Deletions: &DeletionHold{Why: "4 of 9"}},
		{Vendor: "meiro", State: Paused},
		{Vendor: "miestro", State: OnHold, Why: "status 503"},
		{Vendor: "magloft", State: Serving},
		{Vendor: "usermost", State: Paused},
	}}
	want := []string{"deletions at lead are held: usher approve deletions --vendor lead --list", "meiro is paused", "miestro is on hold: status 503"}
	if got := s.Obstacles([]string{"lead", "meiro", "miestro", "magloft"}); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
