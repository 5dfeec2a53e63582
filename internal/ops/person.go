package ops

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// person is the user of a search.
type person struct {
	id     string
	emails map[string]bool     // in lower case: from the search, and from events of the user
	keys   map[record.Key]bool // of events of the user
}

// whose is the relation of a message to a person.
type whose uint8

const (
	anothers whose = iota
	nobodys        // names no user
	theirs
)

// event returns the relation of an event to the person. An event with a user id belongs to this
// user only. A broken event without a user id belongs to every person whose id or e-mail occurs
// in the event.
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

// note keeps the key and the e-mails of an event of the person.
func (p *person) note(e events.Event) {
	p.keys[record.KeyOf(events.Key(e.Source(), e.ID()))] = true
	var d struct {
		Email string `json:"email"`
	}
	if json.Unmarshal(e.Data(), &d) == nil && d.Email != "" {
		p.emails[strings.ToLower(d.Email)] = true
	}
}

// letter reports whether a dead letter belongs to the person. made maps a delivery to its event.
func (p *person) letter(l bus.DeadLetter, made *remaker) bool {
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

// result reports whether a result belongs to the person, and returns the key of the event.
func (p *person) result(header map[string][]string, payload []byte) (key string, r events.Result, yes bool) {
	e, err := events.FromNATS(header, payload)
	if err != nil || json.Unmarshal(e.Data(), &r) != nil {
		return "", r, p.inText(payload)
	}
	key = events.Key(r.Event.Source, r.Event.ID)
	return key, r, e.Subject() == p.id || p.knows(key)
}

// knows reports whether a key belongs to an event of the person.
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

// inText reports whether the id or an e-mail of the person occurs in a text: as a part of a value
// of JSON, or anywhere in other texts, between characters other than letters and digits.
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

// standsIn reports whether text contains word as a whole word.
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
