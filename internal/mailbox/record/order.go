package record

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
)

// ReasonOlder is the reason of an effect that ends because a later event of the same source, by
// the time of the sender, was applied.
const ReasonOlder = "older"

// Sent is the time of an event by its sender, for a source whose events may come late. The zero
// value has no order.
type Sent struct {
	Source uint32 // a hash of the source
	At     int64  // milliseconds since 1970
}

// SentBy returns the Sent of an event. A time in the future counts as the time of storage:
// otherwise one wrong clock makes all later events late.
func SentBy(source string, at, stored time.Time) Sent {
	if at.IsZero() {
		return Sent{}
	}
	if at.After(stored) {
		at = stored
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(source))
	return Sent{Source: max(1, hash.Sum32()), At: at.UnixMilli()}
}

// SentTimes are the latest times of applied events of one source, by the sender.
type SentTimes struct {
	Source                   uint32
	Lifecycle, Data, Deleted int64
}

// mostSources bounds the sources with times in a record. The source with the oldest times goes
// first.
const mostSources = 8

// latest returns the latest time of the source.
func (t SentTimes) latest() int64 { return max(t.Lifecycle, t.Data, t.Deleted) }

// sentTimes returns the times of a source, zero for a new source.
func (r *Record) sentTimes(source uint32) SentTimes {
	for _, t := range r.Sent {
		if t.Source == source {
			return t
		}
	}
	return SentTimes{Source: source}
}

// setSent stores the times of a source.
func (r *Record) setSent(t SentTimes) {
	r.Sent = slices.DeleteFunc(r.Sent, func(other SentTimes) bool { return other.Source == t.Source })
	r.Sent = append(r.Sent, t)
	slices.SortFunc(r.Sent, func(a, b SentTimes) int { return int(b.latest()/1000 - a.latest()/1000) })
	r.Sent = r.Sent[:min(len(r.Sent), mostSources)]
}

// isLate reports whether a later event of the same source was applied to the same part of the
// account, by the time of the sender. A deletion counts for all parts.
func isLate(r *Record, e *Effect) bool {
	if e.Sent.Source == 0 {
		return false
	}
	t := r.sentTimes(e.Sent.Source)
	switch e.Scope {
	case events.ScopeLifecycle:
		return e.Sent.At < t.Lifecycle || (r.State == Active && e.Sent.At < t.Data)
	case events.ScopeUserData:
		return e.Sent.At < t.Deleted || (r.State == Active && e.Sent.At < t.Data)
	default:
		course := r.Courses[e.Course].Sent
		return e.Sent.At < t.Deleted || (course.Source == e.Sent.Source && e.Sent.At < course.At)
	}
}

// noteSent notes the time of an applied effect.
func noteSent(r *Record, e *Effect, c Change) {
	if e.Sent.Source == 0 || e.Scope == events.ScopeCourse {
		return
	}
	t := r.sentTimes(e.Sent.Source)
	if e.Scope == events.ScopeLifecycle {
		t.Lifecycle = max(t.Lifecycle, e.Sent.At)
	}
	if e.Scope == events.ScopeUserData || c.Snapshot {
		t.Data = max(t.Data, e.Sent.At)
	}
	if c.State == Deleted {
		t.Deleted = max(t.Deleted, e.Sent.At)
	}
	r.setSent(t)
}

// sent returns the stored form of a Sent: source and time with "~" in front of each, or nothing.
func (c *codec) sent(s Sent) string {
	if s.Source == 0 {
		return ""
	}
	return "~" + strconv.FormatUint(uint64(s.Source), base) + "~" + strconv.FormatInt(s.At, base)
}

// cutSent returns the text before the stored form of a Sent, and the Sent.
func (c *codec) cutSent(text string) (before string, s Sent) {
	p := strings.Split(text, "~")
	if len(p) == 3 {
		s = Sent{Source: uint32(c.number(p[1])), At: c.number(p[2])}
	}
	return p[0], s
}

// times returns the stored form of the times of a source.
func (c *codec) times(t SentTimes) string {
	return strings.Join([]string{
		strconv.FormatUint(uint64(t.Source), base), strconv.FormatInt(t.Lifecycle, base), strconv.FormatInt(t.Data, base), strconv.FormatInt(t.Deleted, base),
	}, "~")
}

func (c *codec) parseTimes(text string) SentTimes {
	p := strings.Split(text, "~")
	if len(p) != 4 {
		c.fail("times", text)
		return SentTimes{}
	}
	return SentTimes{Source: uint32(c.number(p[0])), Lifecycle: c.number(p[1]), Data: c.number(p[2]), Deleted: c.number(p[3])}
}
