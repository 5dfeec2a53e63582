package ops

import (
	"testing"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

func TestSubjectOfAnEvent(t *testing.T) {
	const ours = `{"specversion":"1.0","id":"1","source":"/school","type":"user.created","data":`
	broken := map[string][]string{"ce-specversion": {"9"}, "ce-subject": {"ada%20l"}}
	cases := map[string]struct {
		header  map[string][]string
		payload string
		want    relation
	}{
		"by its user_id":                {nil, ours + `{"user_id":"ada l"}}`, sameUser},
		"by it, written otherwise":      {nil, ours + `{"user_id":"\u0061da l"}}`, sameUser},
		"another's, where it stands":    {nil, ours + `{"user_id":"bob","invited_by":"ada l","email":"ada@example.org"}}`, otherUser},
		"by its subject":                {nil, ours + `{},"subject":"ada l"}`, sameUser},
		"by an e-mail, in any case":     {nil, ours + `{"to":[{"mail":"Ada@Example.org"}]}}`, sameUser},
		"no user and no e-mail":         {nil, ours + `{"to":"ada"}}`, noUser},
		"of another e-mail":             {nil, ours + `{"to":"nevada@example.org"}}`, noUser},
		"broken, by a header":           {broken, `{}`, sameUser},
		"broken, by a value":            {nil, `{"user_id":"ada l"}`, sameUser},
		"broken, by data in base64":     {nil, `{"data_base64":"eyJ1c2VyX2lkIjoiYWRhIGwifQ=="}`, sameUser},
		"an address within a text":      {nil, `{"from":"Ada L <Ada@Example.org>"}`, sameUser},
		"a word of a text":              {nil, `{"note":"welcome, ada l!"}`, sameUser},
		"the name of a member":          {nil, `{"users":{"ada@example.org":1}}`, sameUser},
		"no JSON, by a word":            {nil, `user=ada l;`, sameUser},
		"no JSON, by an e-mail":         {nil, `mailto:ADA@example.org`, sameUser},
		"no JSON, within another word":  {nil, `user=ada lovelace`, noUser},
		"no JSON, behind another one":   {nil, `nevada l, ada l`, sameUser},
		"no JSON, with nothing of them": {nil, "\x00\xff", noUser},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := &subject{id: "ada l", emails: map[string]bool{"ada@example.org": true}, keys: map[record.Key]bool{}}
			if _, got := s.event(c.header, []byte(c.payload)); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestSubjectOfALetter(t *testing.T) {
	cases := map[string]struct {
		letter streams.DeadLetter
		want   bool
	}{
		"by the key of an event":              {streams.DeadLetter{Vendor: "lead", Key: "000000000000abcd0123"}, true},
		"by its event":                        {streams.DeadLetter{Vendor: "lead", Payload: []byte(`{"user_id":"ada"}`)}, true},
		"a delivery that names them":          {streams.DeadLetter{Vendor: Deliveries, Payload: []byte(`{"user":{"id":"ada"}}`)}, true},
		"a delivery that names somebody":      {streams.DeadLetter{Vendor: Deliveries, Payload: []byte(`{"user":{"id":"bob"}}`)}, false},
		"one whose payload is no longer kept": {streams.DeadLetter{Vendor: "lead", Key: "000000000000abce0123", Omitted: 9}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := &subject{id: "ada", keys: map[record.Key]bool{0xabcd: true}}
			if got := s.hasLetter(c.letter, &webhookMapper{}); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// TestDoubtfulSubjects finds ids in places of any meaning: a short id, a number and another case.
func TestDoubtfulSubjects(t *testing.T) {
	for name, c := range map[string]struct {
		id, payload string
		want        occurrence
	}{
		"a number":               {"4711", `{"user":4711}`, certain},
		"a short number":         {"7", `{"count":7}`, doubtful},
		"a short number as text": {"7", `{"user":"7"}`, doubtful},
		"a part of a number":     {"4711", `{"user":14711}`, absent},
		"a short name":           {"ada", `{"user":"ada"}`, certain},
		"a short name in a text": {"ada", `{"note":"for ada"}`, doubtful},
		"another case":           {"hedy-k", `{"user":"Hedy-K"}`, doubtful},
		"a name of a member":     {"hedy-k", `{"by":{"hedy-k":true}}`, certain},
		"payload of a letter":    {"hedy-k", `{"payload":"eyJ1c2VyIjoiaGVkeS1rIn0="}`, certain},
		"a part of another name": {"hedy", `{"user":"hedylamarr"}`, absent},
		"a text that is no JSON": {"hedy-k", `user=hedy-k&x=1`, certain},
		"an empty id":            {"", `{"user":""}`, absent},
	} {
		t.Run(name, func(t *testing.T) {
			s := &subject{id: c.id}
			if got := s.look([]byte(c.payload)); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
