package ops

import (
	"testing"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

func TestWhose(t *testing.T) {
	const ours = `{"specversion":"1.0","id":"1","source":"/school","type":"user.created","data":`
	broken := map[string][]string{"ce-specversion": {"9"}, "ce-subject": {"ada%20l"}}
	cases := map[string]struct {
		header  map[string][]string
		payload string
		want    whose
	}{
		"by its user_id":                {nil, ours + `{"user_id":"ada l"}}`, theirs},
		"by it, written otherwise":      {nil, ours + `{"user_id":"\u0061da l"}}`, theirs},
		"another's, where it stands":    {nil, ours + `{"user_id":"bob","invited_by":"ada l","email":"ada@example.org"}}`, anothers},
		"by its subject":                {nil, ours + `{},"subject":"ada l"}`, theirs},
		"by an e-mail, in any case":     {nil, ours + `{"to":[{"mail":"Ada@Example.org"}]}}`, theirs},
		"no user and no e-mail":         {nil, ours + `{"to":"ada"}}`, nobodys},
		"of another e-mail":             {nil, ours + `{"to":"nevada@example.org"}}`, nobodys},
		"broken, by a header":           {broken, `{}`, theirs},
		"broken, by a value":            {nil, `{"user_id":"ada l"}`, theirs},
		"broken, by data in base64":     {nil, `{"data_base64":"eyJ1c2VyX2lkIjoiYWRhIGwifQ=="}`, theirs},
		"no JSON, by a word":            {nil, `user=ada l;`, theirs},
		"no JSON, by an e-mail":         {nil, `mailto:ADA@example.org`, theirs},
		"no JSON, within another word":  {nil, `user=ada lovelace`, nobodys},
		"no JSON, behind another one":   {nil, `nevada l, ada l`, theirs},
		"no JSON, with nothing of them": {nil, "\x00\xff", nobodys},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := &person{id: "ada l", emails: map[string]bool{"ada@example.org": true}, keys: map[record.Key]bool{}}
			if _, got := p.event(c.header, []byte(c.payload)); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestWhoseLetter(t *testing.T) {
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
			p := &person{id: "ada", keys: map[record.Key]bool{0xabcd: true}}
			if got := p.letter(c.letter, &remaker{}); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
