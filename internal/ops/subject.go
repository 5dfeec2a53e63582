package ops

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ingest/mapping"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// subject is the user of a search.
type subject struct {
	id     string
	emails map[string]bool     // in lower case: from the search, and from events of the user
	keys   map[record.Key]bool // of events of the user
	doubts int                 // messages with a text that may be the id, in no place of a user
}

// relation is the relation of a message to a subject.
type relation uint8

const (
	otherUser relation = iota
	noUser             // names no user
	sameUser
)

// event returns the relation of an event to the subject. An event with a user id belongs to this
// user only. A broken event without a user id belongs to every subject with an id or e-mail in the
// event.
func (s *subject) event(header map[string][]string, payload []byte) (events.Event, relation) {
	e, err := events.Lenient.FromNATS(header, payload)
	if err == nil {
		switch id := events.UserID(e); {
		case id == s.id:
			s.learn(e)
			return e, sameUser
		case id != "":
			return e, otherUser
		case e.Subject() == s.id:
			s.learn(e)
			return e, sameUser
		}
	}
	if !s.inHeaders(header) && !s.inText(payload) && (err != nil || !s.inText(e.Data())) {
		return e, noUser
	}
	if err == nil {
		s.learn(e)
	}
	return e, sameUser
}

// learn keeps the key and the e-mails of an event of the subject.
func (s *subject) learn(e events.Event) {
	s.keys[record.KeyOf(events.Key(e.Source(), e.ID()))] = true
	var d struct {
		Email string `json:"email"`
	}
	e, _ = events.Clean(e)
	if json.Unmarshal(e.Data(), &d) == nil && d.Email != "" {
		s.emails[strings.ToLower(d.Email)] = true
	}
}

// hasLetter reports whether a dead letter belongs to the subject.
func (s *subject) hasLetter(l streams.DeadLetter, mapper *webhookMapper) bool {
	if s.knows(l.Key) {
		return true
	}
	if l.Vendor == Deliveries {
		list, err := mapper.outcomes(l)
		if slices.ContainsFunc(list, func(o mapping.Outcome) bool { return o.Event.Context != nil && events.UserID(o.Event) == s.id }) {
			return true
		}
		alone := err == nil && len(list) == 1 && list[0].Err == nil && len(l.Places) == 0 // the event is the whole delivery
		return !alone && s.inText(l.Payload)
	}
	_, rel := s.event(l.Header, l.Payload)
	return rel == sameUser
}

// result reports whether a result belongs to the subject, and returns the key of the event.
func (s *subject) result(header map[string][]string, payload []byte) (key string, r events.Result, yes bool) {
	e, err := events.FromNATS(header, payload)
	if err != nil || json.Unmarshal(e.Data(), &r) != nil {
		return "", r, s.inText(payload)
	}
	key = events.Key(r.Event.Source, r.Event.ID)
	return key, r, e.Subject() == s.id || s.knows(key)
}

// knows reports whether a key belongs to an event of the subject.
func (s *subject) knows(key string) bool {
	k := record.KeyOf(key)
	return k != 0 && s.keys[k]
}

func (s *subject) inHeaders(header map[string][]string) bool {
	for _, values := range header {
		for _, value := range values {
			if decoded, err := url.PathUnescape(value); err == nil && s.is(strings.Trim(decoded, `"`)) {
				return true
			}
		}
	}
	return false
}

// shortID is the length of an id in bytes that may be a common word or number. A message without a
// readable user that only has such a word is not erased: the message may be of another user.
const shortID = 4

// inText reports whether the id or an e-mail of the subject occurs in a text, as a word: in names,
// values and numbers of JSON, or anywhere in other texts. A doubtful occurrence is counted.
func (s *subject) inText(text []byte) bool {
	found := s.look(text)
	if found == doubtful {
		s.doubts++
	}
	return found == certain
}

// occurrence says whether a subject occurs in a text.
type occurrence uint8

const (
	absent   occurrence = iota
	doubtful            // the id in another case, or a short id
	certain
)

// look returns how the subject occurs in a text.
func (s *subject) look(text []byte) occurrence {
	var value any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if json.Valid(text) && d.Decode(&value) == nil {
		return s.inValue(value)
	}
	return s.words(string(text))
}

// inValue returns how the subject occurs in a value of JSON.
func (s *subject) inValue(value any) (found occurrence) {
	switch v := value.(type) {
	case string:
		return s.words(v)
	case json.Number:
		return s.words(v.String())
	case []any:
		for _, one := range v {
			found = max(found, s.inValue(one))
		}
	case map[string]any:
		for name, one := range v {
			text, _ := one.(string)
			if raw, err := base64.StdEncoding.DecodeString(text); (name == "data_base64" || name == "payload") && err == nil {
				found = max(found, s.look(raw))
			}
			found = max(found, s.words(name), s.inValue(one))
		}
	}
	return found
}

// words returns how the subject occurs in a plain text.
func (s *subject) words(text string) occurrence {
	folded := strings.ToLower(text)
	for email := range s.emails {
		if containsWord(folded, email) {
			return certain
		}
	}
	switch {
	case s.id == "":
		return absent
	case text == s.id && (len(s.id) >= shortID || strings.ContainsFunc(s.id, unicode.IsLetter)), len(s.id) >= shortID && containsWord(text, s.id):
		return certain
	case containsWord(folded, strings.ToLower(s.id)):
		return doubtful
	}
	return absent
}

// is reports whether the subject certainly occurs in a text.
func (s *subject) is(text string) bool { return s.words(text) == certain }

// containsWord reports whether text contains word as a whole word.
func containsWord(text, word string) bool {
	part := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for at := 0; ; {
		next := strings.Index(text[at:], word)
		if next < 0 {
			return false
		}
		at += next
		before, _ := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+len(word):])
		if !part(before) && !part(after) {
			return true
		}
		at++
	}
}
