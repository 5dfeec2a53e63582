package environment

import (
	"fmt"
	"strings"
	"time"
)

// Rates are the calls a second that usher makes at a vendor by default
// (docs/configuration.md).
var Rates = map[string]int{"miestro": 5, "meiro": 10, "usermost": 50}

// Limits returns the settings of usher serve: the defaults of docs/configuration.md,
// with the rate multiplied and the time limits divided by factor. The call lease stays a
// second longer than a call at least.
func Limits(vendor string, factor int) []string {
	name := strings.ToUpper(vendor)
	environ := []string{fmt.Sprintf("USHER_%s_RATE=%d", name, Rates[vendor]*factor)}
	if vendor == "meiro" {
		environ = append(environ, "USHER_MEIRO_MODE=customers")
	}
	for variable, limit := range map[string]time.Duration{
		name + "_TIMEOUT":          10 * time.Second,
		"WORKER_CALL_LEASE":        max(12*time.Second, 10*time.Second+time.Duration(factor)*time.Second),
		"WORKER_ACK_WAIT":          8 * time.Second,
		"WORKER_SHUTDOWN":          15 * time.Second,
		"WORKER_PREREQUISITE_WAIT": 10 * time.Minute,
		"WORKER_RETRY_MIN":         time.Second,
		"WORKER_RETRY_MAX":         10 * time.Minute,
		"WORKER_HOLD_RETRY":        30 * time.Second,
	} {
		environ = append(environ, fmt.Sprintf("USHER_%s=%s", variable, limit/time.Duration(factor)))
	}
	return environ
}
