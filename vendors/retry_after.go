package vendors

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	longestWait = 24 * time.Hour // longest delay that is believed
	absurdWait  = time.Hour      // delay instead of a longer one: a fault of the vendor's clock or units
	leastEpoch  = 1e9            // least number that counts seconds since 1970, not from now
	leastMillis = 1e11           // least number that counts milliseconds since 1970
)

// resetHeaders name the headers with the end of a rate limit, the more exact first.
var resetHeaders = [...]string{"RateLimit-Reset", "X-RateLimit-Reset-After", "X-RateLimit-Reset", "X-Rate-Limit-Reset"}

// retryAfter returns the delay that a response of status 429 or 503 asks for, in whole seconds: by
// Retry-After, or else by the headers about the rate limit. The delay is 0 without a usable header,
// and for any other status.
func retryAfter(res *http.Response, now time.Time) time.Duration {
	if res.StatusCode != http.StatusTooManyRequests && res.StatusCode != http.StatusServiceUnavailable {
		return 0
	}
	if wait, ok := parseWait(res.Header.Get("Retry-After"), now); ok {
		return wait
	}
	if wait, ok := rateLimit(res.Header.Values("RateLimit"), now); ok {
		return wait
	}
	for _, name := range resetHeaders {
		if wait, ok := parseWait(res.Header.Get(name), now); ok {
			return wait
		}
	}
	return 0
}

// parseWait returns the delay in a header: seconds from now, seconds or milliseconds since 1970, or
// a date. A negative number is no delay.
func parseWait(value string, now time.Time) (time.Duration, bool) {
	value = strings.Trim(value, `" `)
	if decimal.MatchString(value) {
		n, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil || n < 0:
			return 0, false
		case n >= leastMillis:
			n = n/1000 - float64(now.UnixMilli())/1000
		case n >= leastEpoch:
			n -= float64(now.UnixMilli()) / 1000
		}
		return capped(n), true
	}
	t, err := http.ParseTime(value)
	if err != nil {
		t, err = time.Parse(time.RFC3339, value)
	}
	if err != nil {
		return 0, false
	}
	return capped(t.Sub(now).Seconds()), true
}

// capped returns a number of seconds as a delay, rounded up. A delay beyond longestWait is
// absurdWait.
func capped(seconds float64) time.Duration {
	if seconds > longestWait.Seconds() {
		return absurdWait
	}
	return time.Duration(math.Ceil(max(0, seconds))) * time.Second
}

// rateLimit returns the delay in the header RateLimit, in the forms `"day";r=0;t=30` and
// limit=100, remaining=0, reset=30. Of several limits, the used-up limit with the longest delay
// counts, or else the shortest delay.
func rateLimit(values []string, now time.Time) (wait time.Duration, ok bool) {
	usedUp := false
	for _, item := range strings.Split(strings.Join(values, ","), ",") {
		reset, remaining := "", ""
		for _, part := range strings.Split(item, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			switch strings.ToLower(name) {
			case "t", "reset":
				reset = value
			case "r":
				remaining = value
			}
		}
		next, known := parseWait(reset, now)
		used := remaining == "0"
		better := next < wait
		if used {
			better = !usedUp || next > wait
		}
		if known && (!ok || (better && (used || !usedUp))) {
			wait, ok, usedUp = next, true, used
		}
	}
	return wait, ok
}
