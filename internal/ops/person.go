package ops

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// person is somebody whose data are looked for.
type person struct {
	id     string
	emails map[string]bool     // in lower case: those given, and those in events of theirs
	keys   map[record.Key]bool // of events of theirs
}

// whose says how a message stands to a person.
type whose uint8

const (
	anothers whose = iota
	nobodys        // it names no user where one is named
	theirs
)

// event tells whose an event is. One that names a user by id is that user's, whoever
// else stands in it. Of one that names nobody so, as one that is broken, it is enough
// that the person's id or e-mail stands in it anywhere.
func (p *person) event(header map[string][]string, payload []byte) (events.Event, whose) {
	e, err := events.FromNATS(header, payload)
	if err == nil {
		switch id := events.UserID(e); {
		case id == p.id:
			p.note(e)
			return e, theirs
		case id != "":
			return e, anothers
		case e.Subject() == p.id:
			p.note(e)
			return e, theirs
		}
	}
	if !p.inHeaders(header) && !p.inText(payload) && (err != nil || !p.inText(e.Data())) {
		return e, nobodys
	}
	if err == nil {
		p.note(e)
	}
	return e, theirs
}

// note keeps what an event of theirs says to know others by.
func (p *person) note(e events.Event) {
	p.keys[record.KeyOf(events.Key(e.Source(), e.ID()))] = true
	var d struct {
		Email string `json:"email"`
	}
	if json.Unmarshal(e.Data(), &d) == nil && d.Email != "" {
		p.emails[strings.ToLower(d.Email)] = true
	}
}

// letter tells whether a dead letter is theirs. made maps a delivery to its event.
func (p *person) letter(l streams.DeadLetter, made *remaker) bool {
	if p.knows(l.Key) {
		return true
	}
	if l.Vendor == Deliveries {
		if e, err := made.event(l); err == nil {
			return events.UserID(e) == p.id
		}
		return p.inText(l.Payload)
	}
	_, is := p.event(l.Header, l.Payload)
	return is == theirs
}

// result tells whether a result is theirs, and of which event it tells.
func (p *person) result(header map[string][]string, payload []byte) (key string, r events.Result, yes bool) {
	e, err := events.FromNATS(header, payload)
	if err != nil || json.Unmarshal(e.Data(), &r) != nil {
		return "", r, p.inText(payload)
	}
	key = events.Key(r.Event.Source, r.Event.ID)
	return key, r, e.Subject() == p.id || p.knows(key)
}

// knows reports whether an event key is that of an event of theirs.
func (p *person) knows(key string) bool {
	k := record.KeyOf(key)
	return k != 0 && p.keys[k]
}

func (p *person) inHeaders(header map[string][]string) bool {
	for _, values := range header {
		for _, value := range values {
			if decoded, err := url.PathUnescape(value); err == nil && p.is(strings.Trim(decoded, `"`)) {
				return true
			}
		}
	}
	return false
}

// inText looks for the person in a text: among its values where it is JSON, else
// anywhere between other characters than letters and digits.
func (p *person) inText(text []byte) bool {
	var value any
	if json.Unmarshal(text, &value) == nil {
		return p.inValue(value)
	}
	lower := strings.ToLower(string(text))
	for email := range p.emails {
		if strings.Contains(lower, email) {
			return true
		}
	}
	return standsIn(string(text), p.id)
}

func (p *person) inValue(value any) bool {
	switch v := value.(type) {
	case string:
		return p.is(v)
	case []any:
		for _, one := range v {
			if p.inValue(one) {
				return true
			}
		}
	case map[string]any:
		for name, one := range v {
			text, _ := one.(string)
			if raw, err := base64.StdEncoding.DecodeString(text); name == "data_base64" && err == nil && p.inText(raw) {
				return true
			}
			if p.inValue(one) {
				return true
			}
		}
	}
	return false
}

func (p *person) is(text string) bool { return text == p.id || p.emails[strings.ToLower(text)] }

// standsIn tells whether word stands in text as a word of its own.
func standsIn(text, word string) bool {
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
