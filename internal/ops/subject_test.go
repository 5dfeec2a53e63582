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
