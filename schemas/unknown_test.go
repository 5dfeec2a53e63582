package schemas_test

import (
	"strings"
	"testing"
)

func TestUnknownMembers(t *testing.T) {
	set := newSet(t)
	tests := map[string]struct {
		data string
		want string // nearest members, by name of the unknown
	}{
		"no separator":        {`"firstname":"Ada"`, "firstname=first_name"},
		"camel case":          {`"lastName":"K"`, "lastName=last_name"},
		"letters exchanged":   {`"loacle":"de"`, "loacle=locale"},
		"a hyphen":            {`"time-zone":"UTC"`, "time-zone=time_zone"},
		"nothing near":        {`"favourite_colour":"red"`, "favourite_colour="},
		"member of an other":  {`"course_id":"c-1","reason":"r"`, ""},
		"two":                 {`"fone":"1","e_mail":"x"`, "e_mail=email fone=phone"},
		"below attributes":    {`"attributes":{"firstname":"Ada"}`, ""},
		"all members present": {`"first_name":"Ada","phone":"+4315550100"`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := parse(t, `{"specversion":"1.0","id":"1","source":"/s","type":"user.created","data":{"user_id":"u","email":"u@example.org",`+test.data+`}}`)
			var got []string
			for _, u := range set.Unknown(e) {
				got = append(got, u.Name+"="+u.Nearest)
			}
			if text := strings.Join(got, " "); text != test.want {
				t.Errorf("got %q, want %q", text, test.want)
			}
		})
	}
}
