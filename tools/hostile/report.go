package hostile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Phase is the measurement of one phase.
type Phase struct {
	Memory   int64           // the most resident bytes of the process
	Users    int             // healthy users with a result
	Accepted []time.Duration // from the request to the answer of the endpoint
	Times    []time.Duration // from the request to the result
	Refused  int             // requests of the healthy sender without 202, repeated until 202
}

// Report is the measurement of a run.
type Report struct {
	Spared       int64 // see Config
	Seed         uint64
	Limit        int64
	Caged        string // the way of the limit
	Calm, Beside Phase
	Attacks      map[string]int // attacks by kind
	Answers      map[int]int    // answers to attackers by status; 0: none
	Responses    map[string]int // responses of the hostile vendors by kind
}

// Faults returns the goals that the run missed: memory, and healthy users.
func (r *Report) Faults() []string {
	var faults []string
	if r.Calm.Memory == 0 || r.Beside.Memory > max(2*r.Calm.Memory, r.Spared) {
		faults = append(faults, fmt.Sprintf("memory: %d MiB beside the attacks, %d MiB calm", r.Beside.Memory>>20, r.Calm.Memory>>20))
	}
	if r.Calm.Users == 0 || r.Beside.Users == 0 {
		faults = append(faults, "no healthy user was measured")
	}
	if r.Beside.Refused > 0 {
		faults = append(faults, fmt.Sprintf("%d requests of the healthy sender were refused", r.Beside.Refused))
	}
	if len(r.Attacks) < len(kinds) || len(r.Responses) == 0 {
		faults = append(faults, fmt.Sprintf("only %d kinds of attacks and %d of responses were made", len(r.Attacks), len(r.Responses)))
	}
	return faults
}

// String returns the report for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, memory limited to %d MiB by %s\n", r.Seed, r.Limit>>20, r.Caged)
	for _, p := range []struct {
		name string
		Phase
	}{{"calm", r.Calm}, {"beside the attacks", r.Beside}} {
		fmt.Fprintf(&b, "%s: %d MiB at most; %d healthy users, p50 %s, max %s (endpoint %s, %s); %d of their requests refused\n",
			p.name, p.Memory>>20, p.Users, quantile(p.Times, 0.5), quantile(p.Times, 1), quantile(p.Accepted, 0.5), quantile(p.Accepted, 1), p.Refused)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Attacks)) {
		fmt.Fprintf(&b, "%6d attacks: %s\n", r.Attacks[name], name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Responses)) {
		fmt.Fprintf(&b, "%6d responses: %s\n", r.Responses[name], name)
	}
	for _, status := range slices.Sorted(maps.Keys(r.Answers)) {
		fmt.Fprintf(&b, "%6d answers with status %d\n", r.Answers[status], status)
	}
	return b.String()
}

// quantile returns a quantile of the times.
func quantile(times []time.Duration, q float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))].Round(time.Millisecond)
}
