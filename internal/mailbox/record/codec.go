package record

import (
	"encoding/json"
	"fmt"
	"time"
)

// stored is the form in which a record is stored. Positions are in base 36, with an epoch
// only beside another epoch than in the record. Pending effects are one string each, so
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
	Disabled        bool              `json:"disabled,omitempty"`
	PerhapsRemoved  bool              `json:"perhaps_removed,omitempty"`
	Courses         map[string]string `json:"courses,omitempty"`
	Sent            []string          `json:"sent,omitempty"`
	Missed          []string          `json:"missed,omitempty"`
	Types           []string          `json:"types,omitempty"` // of Pending and Finished, by index
	Pending         []string          `json:"pending,omitempty"`
	Finished        []storedFinished  `json:"finished,omitempty"`
	Claim           *storedClaim      `json:"claim,omitempty"`
	Failure         *storedFailure    `json:"failure,omitempty"` // an older version leaves it out
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
	Action    string    `json:"action,omitempty"`
	MatchedBy string    `json:"matched_by,omitempty"`
	Changed   string    `json:"changed,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Publish   bool      `json:"publish,omitempty"`
	By        string    `json:"by,omitempty"`
}

type storedClaim struct {
	Key     string `json:"key"`
	Replay  int    `json:"replay,omitempty"`
	Token   uint64 `json:"token"`
	Nonce   string `json:"nonce"`
	Taken   bool   `json:"taken,omitempty"`
	Removes bool   `json:"removes,omitempty"`
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
		Former: r.Former, Indexed: r.Indexed, Undeleted: r.Undeleted, Disabled: r.Disabled, PerhapsRemoved: r.PerhapsRemoved, Missed: r.Missed, Token: r.Token, Forgotten: r.Forgotten,
	}
	if len(r.Courses) > 0 {
		s.Courses = make(map[string]string, len(r.Courses))
		for name, course := range r.Courses {
			s.Courses[name] = c.course(course)
		}
	}
	for _, t := range r.Sent {
		s.Sent = append(s.Sent, c.times(t))
	}
	for i := range r.Pending {
		s.Pending = append(s.Pending, c.effect(&r.Pending[i]))
	}
	for i := range r.Finished {
		f := &r.Finished[i]
		s.Finished = append(s.Finished, storedFinished{
			c.effect(&f.Effect), f.Kind, f.AccountID, f.TookMS, f.At, f.Class, f.Status, f.Message, f.Action, f.MatchedBy, f.Changed, f.Reason, f.Publish, f.By,
		})
	}
	if l := r.Claim; l != nil {
		s.Claim = &storedClaim{formatKey(l.Key), l.Replay, l.Token, l.Nonce, l.Taken, l.Removes}
	}
	s.Failure = r.failure()
	s.Types = c.types
	s.Seen, _ = r.Seen.MarshalBinary() // never fails
	return json.Marshal(s)
}

// Decode reads the stored form of a record, or a record of the former core.
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
		Former: s.Former, Indexed: s.Indexed, Undeleted: s.Undeleted, Disabled: s.Disabled, PerhapsRemoved: s.PerhapsRemoved, Missed: s.Missed, Token: s.Token, Forgotten: s.Forgotten,
	}
	if len(s.Courses) > 0 {
		r.Courses = make(map[string]Course, len(s.Courses))
		for name, text := range s.Courses {
			r.Courses[name] = c.parseCourse(text)
		}
	}
	for _, text := range s.Sent {
		r.Sent = append(r.Sent, c.parseTimes(text))
	}
	for _, text := range s.Pending {
		r.Pending = append(r.Pending, c.parseEffect(text))
	}
	for _, f := range s.Finished {
		r.Finished = append(r.Finished, Finished{
			c.parseEffect(f.Effect), Outcome{f.Kind, f.AccountID, f.TookMS, f.At, f.Class, f.Status, f.Message, f.Action, f.MatchedBy, f.Changed, f.Reason}, f.Publish, f.By,
		})
	}
	if l := s.Claim; l != nil {
		r.Claim = &Claim{c.parseKey(l.Key), l.Replay, l.Token, l.Nonce, l.Taken, l.Removes}
	}
	if f := s.Failure; f != nil {
		r.Failure = Failure{c.parseKey(f.Key), f.Replay, f.At, f.Class, f.Message}
	}
	if err := r.Seen.UnmarshalBinary(s.Seen); err != nil {
		return nil, err
	}
	return r, c.err
}
