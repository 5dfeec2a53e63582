package record

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
)

// stored is the form in which a record is stored. Positions are in base 36, with an epoch
// only if it differs from that of the record. Pending effects are one string each, so that
// thousands fit into a message.
type stored struct {
	Form            int               `json:"effects"` // a list in the former form, so that an older version refuses the record
	UserID          string            `json:"user_id,omitempty"`
	AccountID       string            `json:"account_id,omitempty"`
	State           State             `json:"state,omitempty"`
	Epoch           int64             `json:"epoch,omitempty"`
	Registered      string            `json:"registered,omitempty"`
	Rejected        string            `json:"rejected,omitempty"`
	Lifecycle       string            `json:"lifecycle,omitempty"`
	LifecycleReplay int               `json:"lifecycle_replay,omitempty"`
	Data            string            `json:"data,omitempty"`
	DataReplay      int               `json:"data_replay,omitempty"`
	Deleted         string            `json:"deleted,omitempty"`
	Attempted       string            `json:"attempted,omitempty"`
	Former          string            `json:"former,omitempty"`
	Indexed         bool              `json:"indexed,omitempty"`
	Undeleted       bool              `json:"undeleted,omitempty"`
	Courses         map[string]string `json:"courses,omitempty"`
	Types           []string          `json:"types,omitempty"` // that Pending and Finished refer to
	Pending         []string          `json:"pending,omitempty"`
	Finished        []storedFinished  `json:"finished,omitempty"`
	Claim           *storedClaim      `json:"claim,omitempty"`
	Token           uint64            `json:"token,omitempty"`
	Seen            []byte            `json:"seen,omitempty"`
	Forgotten       time.Time         `json:"forgotten,omitzero"`
}

type storedFinished struct {
	Effect    string    `json:"effect"`
	Kind      string    `json:"outcome"`
	AccountID string    `json:"account_id,omitempty"`
	TookMS    int64     `json:"took_ms,omitempty"`
	At        time.Time `json:"at"`
	Class     string    `json:"class,omitempty"`
	Status    int       `json:"status,omitempty"`
	Message   string    `json:"message,omitempty"`
	Publish   bool      `json:"publish,omitempty"`
	By        string    `json:"by,omitempty"`
}

type storedClaim struct {
	Key    string `json:"key"`
	Replay int    `json:"replay,omitempty"`
	Token  uint64 `json:"token"`
	Nonce  string `json:"nonce"`
	Taken  bool   `json:"taken,omitempty"`
}

// form is the number of the form.
const form = 2

// base is the base of numbers in strings.
const base = 36

// Encode returns the stored form of the record.
func (r *Record) Encode() ([]byte, error) {
	c := codec{epoch: r.Registered.Epoch}
	s := stored{
		Form: form, UserID: r.UserID, AccountID: r.AccountID, State: r.State, Epoch: c.epoch,
		Registered: c.position(r.Registered), Rejected: c.position(r.Rejected), Lifecycle: c.position(r.Lifecycle), LifecycleReplay: r.LifecycleReplay,
		Data: c.position(r.Data), DataReplay: r.DataReplay, Deleted: c.position(r.Deleted), Attempted: c.position(r.Attempted),
		Former: r.Former, Indexed: r.Indexed, Undeleted: r.Undeleted, Token: r.Token, Forgotten: r.Forgotten,
	}
	if len(r.Courses) > 0 {
		s.Courses = make(map[string]string, len(r.Courses))
		for name, course := range r.Courses {
			s.Courses[name] = c.course(course)
		}
	}
	for i := range r.Pending {
		s.Pending = append(s.Pending, c.effect(&r.Pending[i]))
	}
	for i := range r.Finished {
		f := &r.Finished[i]
		s.Finished = append(s.Finished, storedFinished{
			c.effect(&f.Effect), f.Kind, f.AccountID, f.TookMS, f.At, f.Class, f.Status, f.Message, f.Publish, f.By,
		})
	}
	if l := r.Claim; l != nil {
		s.Claim = &storedClaim{formatKey(l.Key), l.Replay, l.Token, l.Nonce, l.Taken}
	}
	s.Types = c.types
	s.Seen, _ = r.Seen.MarshalBinary() // never fails
	return json.Marshal(s)
}

// Decode reads what Encode returned, or a record of the former core.
func Decode(b []byte) (*Record, error) {
	var s stored
	err := json.Unmarshal(b, &s)
	switch {
	case s.Form == 0:
		return decodeFormer(b)
	case s.Form != form:
		return nil, fmt.Errorf("read record: it has form %d, and this version of usher reads form %d: a newer version wrote it", s.Form, form)
	case err != nil:
		return nil, fmt.Errorf("read record: %w", err)
	}
	return s.decode()
}

func (s *stored) decode() (*Record, error) {
	c := codec{epoch: s.Epoch, types: s.Types}
	r := &Record{
		UserID: s.UserID, AccountID: s.AccountID, State: s.State,
		Registered: c.parsePosition(s.Registered), Rejected: c.parsePosition(s.Rejected), Lifecycle: c.parsePosition(s.Lifecycle), LifecycleReplay: s.LifecycleReplay,
		Data: c.parsePosition(s.Data), DataReplay: s.DataReplay, Deleted: c.parsePosition(s.Deleted), Attempted: c.parsePosition(s.Attempted),
		Former: s.Former, Indexed: s.Indexed, Undeleted: s.Undeleted, Token: s.Token, Forgotten: s.Forgotten,
	}
	if len(s.Courses) > 0 {
		r.Courses = make(map[string]Course, len(s.Courses))
		for name, text := range s.Courses {
			r.Courses[name] = c.parseCourse(text)
		}
	}
	for _, text := range s.Pending {
		r.Pending = append(r.Pending, c.parseEffect(text))
	}
	for _, f := range s.Finished {
		r.Finished = append(r.Finished, Finished{
			c.parseEffect(f.Effect), Outcome{f.Kind, f.AccountID, f.TookMS, f.At, f.Class, f.Status, f.Message}, f.Publish, f.By,
		})
	}
	if l := s.Claim; l != nil {
		r.Claim = &Claim{c.parseKey(l.Key), l.Replay, l.Token, l.Nonce, l.Taken}
	}
	if err := r.Seen.UnmarshalBinary(s.Seen); err != nil {
		return nil, err
	}
	return r, c.err
}

// codec writes and reads the parts of a record. The first error is kept.
type codec struct {
	epoch int64
	types []string
	err   error
}

func (c *codec) position(p events.Position) string {
	switch {
	case p == events.Position{}:
		return ""
	case p.Epoch == c.epoch:
		return strconv.FormatUint(p.Seq, base)
	}
	return strconv.FormatInt(p.Epoch, base) + "." + strconv.FormatUint(p.Seq, base)
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
// "*replay" behind if a replay was applied.
func (c *codec) course(v Course) string {
	text := "-"
	if v.Enrolled {
		text = "+"
	}
	text += c.position(v.Position)
	if v.Replay > 0 {
		text += "*" + strconv.Itoa(v.Replay)
	}
	return text
}

func (c *codec) parseCourse(s string) Course {
	s, replay, _ := strings.Cut(s, "*")
	v := Course{Enrolled: strings.HasPrefix(s, "+"), Position: c.parsePosition(strings.TrimLeft(s, "+-"))}
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
)

// effect returns the parts of an effect with "|" between. Due and Begun are relative to
// Registered, in milliseconds. The course is the last part, since it may hold anything.
func (c *codec) effect(e *Effect) string {
	flags := 0
	for bit, set := range map[int]bool{tried: e.Tried, unconfirmed: e.Unconfirmed, prerequisite: e.Prerequisite, held: e.Held} {
		if set {
			flags |= bit
		}
	}
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, base)
	}
	since := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return strconv.FormatInt(t.Sub(e.Registered).Milliseconds(), base)
	}
	return strings.Join([]string{
		formatKey(e.Key), c.position(e.Position), number(int64(c.typeIndex(e.Type))), scopeLetter(e.Scope),
		strconv.FormatInt(e.Registered.UnixMilli(), base), since(e.Begun), since(e.Due),
		number(int64(e.Attempts)), number(int64(e.Panics)), number(int64(flags)),
		number(int64(e.Replay)), number(int64(e.ReplaySeq)), e.Course,
	}, "|")
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
	flags := int(c.number(p[9]))
	return Effect{
		Key: c.parseKey(p[0]), Position: c.parsePosition(p[1]), Type: c.typeAt(int(c.number(p[2]))), Scope: c.parseScope(p[3]),
		Registered: registered, Begun: since(p[5]), Due: since(p[6]),
		Attempts: int(c.number(p[7])), Panics: int(c.number(p[8])),
		Tried: flags&tried != 0, Unconfirmed: flags&unconfirmed != 0, Prerequisite: flags&prerequisite != 0, Held: flags&held != 0,
		Replay: int(c.number(p[10])), ReplaySeq: uint64(c.number(p[11])), Course: p[12],
	}
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

// effectBytes is the encoded length of a pending effect without its course, at most, as
// long as its position has the epoch of the record.
const effectBytes = 72

// seenEncoded is the length of a SeenEvent in the stored form, which is in base 64.
const seenEncoded = (seenBytes*4 + 2) / 3

// size returns the encoded length of the record, at most, without the events to come.
func (r *Record) size() int {
	n := 512 + escaped(r.UserID) + escaped(r.AccountID) + escaped(r.Former) + len(r.Seen)*seenEncoded
	for name := range r.Courses {
		n += escaped(name) + 32
	}
	for i := range r.Pending {
		n += r.Pending[i].size()
	}
	for i := range r.Finished {
		n += r.Finished[i].size() + escaped(r.Finished[i].Message) + 256
	}
	return n
}

// size returns the encoded length of a pending effect, at most.
func (e *Effect) size() int { return effectBytes + escaped(e.Course) }

// escaped returns the length of a text in JSON, at most. Characters that JSON escapes count
// with their escape.
func escaped(s string) (n int) {
	for _, c := range s {
		n++
		if c < ' ' || c > '~' || strings.ContainsRune(`"\\<>&`, c) {
			n += 5
		}
	}
	return n
}
