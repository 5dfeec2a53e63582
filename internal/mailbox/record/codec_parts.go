package record

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
)

// codec writes and reads the parts of a record. The first error is kept.
type codec struct {
	epoch int64
	types []string
	err   error
}

func (c *codec) position(p events.Position) string {
	var room [32]byte
	return string(c.appendPosition(room[:0], p))
}

func (c *codec) appendPosition(b []byte, p events.Position) []byte {
	if p == (events.Position{}) {
		return b
	}
	if p.Epoch != c.epoch {
		b = append(strconv.AppendInt(b, p.Epoch, base), '.')
	}
	return strconv.AppendUint(b, p.Seq, base)
}

func (c *codec) parsePosition(s string) events.Position {
	if s == "" {
		return events.Position{}
	}
	epoch, seq, other := strings.Cut(s, ".")
	if !other {
		return events.Position{Epoch: c.epoch, Seq: uint64(c.number(s))}
	}
	return events.Position{Epoch: c.number(epoch), Seq: uint64(c.number(seq))}
}

// course returns "+position" if the account is in the course, and else "-position", with
// "*replay" behind if a replay was applied, and the Sent.
func (c *codec) course(v Course) string {
	text := "-"
	if v.Enrolled {
		text = "+"
	}
	text += c.position(v.Position)
	if v.Replay > 0 {
		text += "*" + strconv.Itoa(v.Replay)
	}
	return text + c.sent(v.Sent)
}

func (c *codec) parseCourse(s string) Course {
	s, sent := c.cutSent(s)
	s, replay, _ := strings.Cut(s, "*")
	v := Course{Enrolled: strings.HasPrefix(s, "+"), Position: c.parsePosition(strings.TrimLeft(s, "+-")), Sent: sent}
	if replay != "" {
		v.Replay = int(c.decimal(replay))
	}
	return v
}

const (
	tried = 1 << iota
	unconfirmed
	prerequisite
	held
	flagsEnd // the content begins here
	// laterBit is the lowest bit of the content, which no content has set.
	laterBit = flagsEnd
)

// effect returns the parts of an effect with "|" between. Due and Begun are relative to
// Registered, in milliseconds. The course, or the origin of a later deletion, is the last part,
// since both may hold any character.
func (c *codec) effect(e *Effect) string {
	var room [256]byte // most effects fit, so that only the text is on the heap
	b := strconv.AppendUint(room[:0], uint64(e.Key), base)
	b = c.appendPosition(append(b, '|'), e.Position)
	b = appendNumber(append(b, '|'), int64(c.typeIndex(e.Type)))
	b = append(append(b, '|'), scopeLetter(e.Scope)...)
	b = strconv.AppendInt(append(b, '|'), e.Registered.UnixMilli(), base)
	b = e.appendSince(append(b, '|'), e.Begun)
	b = e.appendSince(append(b, '|'), e.Due)
	b = appendNumber(append(b, '|'), int64(e.Attempts))
	b = appendNumber(append(b, '|'), int64(e.Strikes))
	b = appendNumber(append(b, '|'), int64(e.flags()))
	b = append(b, c.sent(e.Sent)...)
	b = appendNumber(append(b, '|'), int64(e.Replay))
	b = appendNumber(append(b, '|'), int64(e.ReplaySeq))
	b = append(append(append(b, '|'), e.Course...), e.Origin...)
	return string(b)
}

// flags returns the flags and the content of the effect in one number.
func (e *Effect) flags() int {
	flags := int(e.Content) * flagsEnd
	for _, f := range [...]struct {
		bit int
		set bool
	}{{tried, e.Tried}, {unconfirmed, e.Unconfirmed}, {prerequisite, e.Prerequisite}, {held, e.Held}, {laterBit, e.Later}} {
		if f.set {
			flags |= f.bit
		}
	}
	return flags
}

// appendSince appends the time since the registration, in milliseconds; nothing for the zero time.
func (e *Effect) appendSince(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return strconv.AppendInt(b, t.Sub(e.Registered).Milliseconds(), base)
}

// appendNumber appends a number; nothing for zero.
func appendNumber(b []byte, n int64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(b, n, base)
}

func (c *codec) parseEffect(s string) Effect {
	p := strings.SplitN(s, "|", 13)
	if len(p) != 13 {
		c.fail("effect", s)
		return Effect{}
	}
	registered := time.UnixMilli(c.number(p[4])).UTC()
	since := func(s string) time.Time {
		if s == "" {
			return time.Time{}
		}
		return registered.Add(time.Duration(c.number(s)) * time.Millisecond)
	}
	flagsText, sent := c.cutSent(p[9])
	flags := int(c.number(flagsText))
	e := Effect{
		Key: c.parseKey(p[0]), Position: c.parsePosition(p[1]), Type: c.typeAt(int(c.number(p[2]))), Scope: c.parseScope(p[3]),
		Registered: registered, Begun: since(p[5]), Due: since(p[6]),
		Attempts: int(c.number(p[7])), Strikes: int(c.number(p[8])),
		Tried: flags&tried != 0, Unconfirmed: flags&unconfirmed != 0, Prerequisite: flags&prerequisite != 0, Held: flags&held != 0,
		Content: Content(flags/flagsEnd) &^ failedBit, Replay: int(c.number(p[10])), ReplaySeq: uint64(c.number(p[11])), Sent: sent,
	}
	if e.Later = flags&laterBit != 0; e.Later {
		e.Origin = p[12]
	} else {
		e.Course = p[12]
	}
	return e
}

// typeIndex returns the index of an event type in the list of types, and adds the type.
func (c *codec) typeIndex(t string) int {
	i := slices.Index(c.types, t)
	if i < 0 {
		c.types, i = append(c.types, t), len(c.types)
	}
	return i
}

func (c *codec) typeAt(i int) string {
	if i < 0 || i >= len(c.types) {
		c.fail("type", strconv.Itoa(i))
		return ""
	}
	return c.types[i]
}

var scopes = []events.Scope{events.ScopeLifecycle, events.ScopeUserData, events.ScopeCourse, events.ScopeActivity}

// scopeLetter returns the first letter of a scope.
func scopeLetter(s events.Scope) string { return string(s[:min(1, len(s))]) }

func (c *codec) parseScope(letter string) events.Scope {
	for _, s := range scopes {
		if scopeLetter(s) == letter {
			return s
		}
	}
	c.fail("scope", letter)
	return ""
}

func formatKey(k Key) string { return strconv.FormatUint(uint64(k), base) }

func (c *codec) parseKey(s string) Key {
	n, err := strconv.ParseUint(s, base, 64)
	if err != nil {
		c.fail("key", s)
	}
	return Key(n)
}

// number reads a number in base 36; the empty string is zero.
func (c *codec) number(s string) int64 { return c.parse(s, base) }

func (c *codec) decimal(s string) int64 { return c.parse(s, 10) }

func (c *codec) parse(s string, base int) int64 {
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, base, 64)
	if err != nil {
		c.fail("number", s)
	}
	return n
}

func (c *codec) fail(part, text string) {
	if c.err == nil {
		c.err = fmt.Errorf("read record: bad %s %q", part, text)
	}
}
