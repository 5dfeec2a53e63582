package fairness

import (
	"math"
	"time"
)

const (
	// oneToken is a whole token, less the rounding of float64.
	oneToken = 1 - 1e-9
	// longestDelay bounds a delay, so that a tiny rate does not overflow time.Duration.
	longestDelay = time.Hour
)

// unlimited is the rate of a bucket without a limit, in calls a second.
var unlimited = math.Inf(1)

// bucket is a token bucket. A rate of zero lets no call pass.
type bucket struct {
	rate   float64 // tokens a second; unlimited is none
	size   float64 // the most tokens kept
	tokens float64
	filled time.Time // the time up to which tokens were added
}

// fill adds the tokens that have come in until now.
func (b *bucket) fill(now time.Time) {
	if past := now.Sub(b.filled); past > 0 {
		if b.rate < unlimited {
			b.tokens = min(b.size, b.tokens+b.rate*past.Seconds())
		}
		b.filled = now
	}
}

// set changes rate and size from now on. Tokens beyond the new size are dropped.
func (b *bucket) set(now time.Time, rate, size float64) {
	b.fill(now)
	b.rate, b.size = rate, size
	b.tokens = min(b.tokens, size)
}

// take takes a token and reports whether the bucket had one at the time of its last fill.
func (b *bucket) take() bool {
	switch {
	case b.rate == unlimited:
		return true
	case b.rate == 0 || b.tokens < oneToken:
		return false
	default:
		b.tokens = max(0, b.tokens-1)
		return true
	}
}

// giveBack returns a token that was taken and not used.
func (b *bucket) giveBack() { b.tokens = min(b.size, b.tokens+1) }

// delay returns the time until the next token, counted from the last fill.
func (b *bucket) delay() time.Duration {
	switch {
	case b.rate == unlimited, b.rate > 0 && b.tokens >= oneToken:
		return 0
	case b.rate == 0:
		return longestDelay
	}
	seconds := (1 - b.tokens) / b.rate
	if seconds >= longestDelay.Seconds() {
		return longestDelay
	}
	return time.Duration(math.Ceil(seconds * float64(time.Second)))
}
