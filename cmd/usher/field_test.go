package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/usherhq/usher/events"
)

// fieldCase is one event as producers in the field write it. N is a number of its own for each
// transport.
type fieldCase struct {
	data   string      // of user.created
	header http.Header // of an event in binary mode; nil: structured
	encode func(string) string
	status int    // over HTTP
	want   string // data at the vendor, the member left out, or the fault
}

const (
	okay    = http.StatusAccepted
	refused = http.StatusBadRequest
	invalid = http.StatusUnprocessableEntity
)

// fieldCases are inputs that producers have been seen to send, by kind, with others of each kind.
var fieldCases = map[string]fieldCase{
	"blank: last name null":      {data: person + `,"last_name":null`},
	"blank: last name":           {data: person + `,"last_name":""`},
	"blank: phone":               {data: person + `,"phone":""`},
	"blank: locale":              {data: person + `,"locale":""`},
	"blank: first name of tabs":  {data: person + `,"first_name":" \t"`},
	"blank: attributes null":     {data: person + `,"attributes":null`},
	"blank: no-break space":      {data: person + `,"phone":"\u00a0"`},
	"blank: e-mail stays needed": {data: `"user_id":"uN","email":""`, status: invalid, want: "/data/email"},

	"cosmetic: zone of Windows":     {data: person + `,"time_zone":"W. Europe Standard Time"`, want: `["time_zone"]`},
	"cosmetic: zone of a form":      {data: person + `,"time_zone":"(GMT+01:00) Amsterdam"`, want: `["time_zone"]`},
	"cosmetic: locale of POSIX":     {data: person + `,"locale":"en_US.UTF-8"`, want: `["locale"]`},
	"cosmetic: locale of a browser": {data: person + `,"locale":"de-DE,de;q=0.9"`, want: `["locale"]`},
	"cosmetic: locale C":            {data: person + `,"locale":"C"`, want: `["locale"]`},
	"cosmetic: zone as a number":    {data: person + `,"time_zone":60`, want: `["time_zone"]`},
	"cosmetic: both":                {data: person + `,"locale":"???","time_zone":"CEST"`, want: `["locale","time_zone"]`},

	"address: umlaut":           {data: `"user_id":"uN","email":"jörg.N@example.org"`, want: "jörg.N@example.org"},
	"address: umlaut in domain": {data: `"user_id":"uN","email":"info.N@müller.example"`, want: "info.N@müller.example"},
	"address: blank behind":     {data: `"user_id":"uN","email":"adaN@example.org "`, want: "adaN@example.org"},
	"address: zero width space": {data: `"user_id":"uN","email":"\u200badaN@example.org\r\n"`, want: "adaN@example.org"},
	"address: Devanagari":       {data: `"user_id":"uN","email":"संपर्क.N@डाटामेल.example"`, want: "संपर्क.N@डाटामेल.example"},
	"address: apostrophe":       {data: `"user_id":"uN","email":"o'neil+N@example.org"`, want: "o'neil+N@example.org"},
	"address: two":              {data: `"user_id":"uN","email":"ada@example.org, bob@example.org"`, status: invalid, want: "/data/email"},

	"id: number":        {data: `"user_id":42N,"email":"n42N@example.org"`, want: "n42N@example.org"},
	"id: zero":          {data: `"user_id":-7N,"email":"n7N@example.org"`, want: "n7N@example.org"},
	"id: thirty digits": {data: `"user_id":123456789012345678901234567890N,"email":"n30N@example.org"`, want: "n30N@example.org"},
	"id: fraction":      {data: `"user_id":42.5,"email":"n425@example.org"`, status: invalid, want: "/data/user_id"},
	"id: boolean":       {data: `"user_id":true,"email":"yes@example.org"`, status: invalid, want: "/data/user_id"},

	"percent: subject":  {data: person, header: http.Header{"Ce-Subject": {"100% attendance"}}},
	"percent: value":    {data: person, header: http.Header{"Ce-Discount": {"50%"}}},
	"percent: letters":  {data: person, header: http.Header{"Ce-Note": {"%zz"}}},
	"percent: alone":    {data: person, header: http.Header{"Ce-Note": {"%"}}},
	"percent: one hex":  {data: person, header: http.Header{"Ce-Note": {"a%4"}}},
	"percent: no UTF-8": {data: person, header: http.Header{"Ce-Note": {"%ff"}}, status: refused, want: "ce-note"},

	"text: mark":                {data: person, encode: func(s string) string { return "\ufeff" + s }},
	"text: mark and blanks":     {data: person, encode: func(s string) string { return "\ufeff\r\n" + s + "\r\n" }},
	"text: mark in binary mode": {data: person, header: http.Header{}, encode: func(s string) string { return "\ufeff" + s }},
	"text: UTF-16":              {data: person, encode: wide, status: refused, want: "UTF-16"},
	"text: Latin-1":             {data: person + `,"first_name":"@"`, encode: func(s string) string { return strings.Replace(s, `"@"`, "\"J\xf6rg\"", 1) }, status: refused, want: "UTF-8"},

	"extension: a hyphen":       {data: person, header: http.Header{"Ce-Trace-Id": {"x"}}, status: refused, want: "trace-id"},
	"extension: an underscore":  {data: person, encode: also(`"event_source":"x"`), status: refused, want: "event_source"},
	"extension: a large number": {data: person, encode: also(`"size":12345678901`), status: refused, want: "size"},
	"extension: a fraction":     {data: person, encode: also(`"size":1.5`), status: refused, want: "size"},
	"extension: an object":      {data: person, encode: also(`"tags":{"a":1}`), status: refused, want: "tags"},
	"extension: capitals":       {data: person, encode: also(`"traceId":"x"`), status: refused, want: "traceId"},
}

const person = `"user_id":"uN","email":"uN@example.org"`

// also adds a member to an event.
func also(member string) func(string) string {
	return func(s string) string { return strings.Replace(s, "{", "{"+member+",", 1) }
}

// wide returns a text in UTF-16 of Windows.
func wide(s string) string {
	b := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

// message returns the event of a case, with an id.
func (c fieldCase) message(id, number string) (header http.Header, body string) {
	data := strings.ReplaceAll("{"+c.data+"}", "N", number)
	header, body = http.Header{"Content-Type": {events.ContentType}}, cloudEvent(events.UserCreated, id, data)
	if c.header != nil {
		body = data
		header = http.Header{"Content-Type": {"application/json"}, "Ce-Specversion": {"1.0"}, "Ce-Id": {id}, "Ce-Source": {"/school"}, "Ce-Type": {events.UserCreated}}
		for name, values := range c.header {
			header[name] = values
		}
	}
	if c.encode != nil {
		body = c.encode(body)
	}
	return header, body
}

// TestDataOfTheField sends all cases over HTTP and over NATS: an account, or the same fault.
func TestDataOfTheField(t *testing.T) {
	t.Parallel()
	w := newSchools(t, "")
	url := w.overHTTP()
	w.serve()
	number := 0
	sent := map[string]string{} // id → number
	for name, c := range fieldCases {
		for _, way := range []string{"http", "nats"} {
			number++
			id := way + " " + name
			sent[id] = fmt.Sprint(100 + number)
			header, body := c.message(id, sent[id])
			if way == "nats" {
				var pairs []string
				for name, values := range header {
					pairs = append(pairs, strings.ToLower(name), values[0])
				}
				w.raw(events.UserCreated, body, pairs...)
				continue
			}
			want := max(c.status, okay)
			if status, answer := w.post(url+"/events", header.Get("Content-Type"), body, header); status != want || (want != okay && !strings.Contains(answer, c.want)) {
				t.Errorf("%s: got %d %s, want %d and %q", name, status, answer, want, c.want)
			}
		}
	}
	letters := w.lettersOf(fieldCases)
	for id, number := range sent {
		way, name, _ := strings.Cut(id, " ")
		switch c := fieldCases[name]; {
		case c.status == 0:
			w.arrived(id, number, c)
		case way == "nats" && !slices.ContainsFunc(letters, func(l letter) bool {
			return strings.Contains(l.Pointer+l.Message, c.want) && (l.EventID == id || l.EventID == "")
		}):
			t.Errorf("%s: got no dead letter with %q", id, c.want)
		}
	}
	w.end()
}

// lettersOf waits until each faulty event on NATS is a dead letter.
func (w *world) lettersOf(cases map[string]fieldCase) (list []letter) {
	w.t.Helper()
	faulty := 0
	for _, c := range cases {
		if c.status != 0 {
			faulty++
		}
	}
	w.until("a dead letter for each faulty event", func() bool { list = w.letters(); return len(list) >= faulty })
	if len(list) != faulty {
		w.t.Errorf("got %d dead letters, want %d", len(list), faulty)
	}
	return list
}

// arrived waits for the account of a case, and compares the result and the account.
func (w *world) arrived(id, number string, c fieldCase) {
	w.t.Helper()
	w.expect(id, map[string]string{"school1": events.Done, "school2": events.Done})
	out := w.must("results", "--json", "--event", id, "--vendor", "school1")
	if left := strings.HasPrefix(c.want, "["); left != strings.Contains(out, `"ignored":`) || left && !strings.Contains(out, `"ignored":`+c.want) {
		w.t.Errorf("%s: got %s, want %s ignored", id, out, c.want)
	}
	email := "u" + number + "@example.org"
	if strings.Contains(c.want, "@") {
		email = strings.ReplaceAll(c.want, "N", number)
	}
	for _, u := range w.stands.State().Vendors["school1"].Live() {
		if u.Email == email {
			return
		}
	}
	w.t.Errorf("%s: no account of %s", id, email)
}

// TestOneUserByNumberAndByText has the id of one user as a number and as a text.
func TestOneUserByNumberAndByText(t *testing.T) {
	t.Parallel()
	w := newSchools(t, "")
	w.serve()
	done := map[string]string{"school1": events.Done, "school2": events.Done}
	w.feedAll(cloudEvent(events.UserCreated, "n1", `{"user_id":42,"email":"n@example.org"}`))
	w.expect("n1", done)
	w.feedAll(cloudEvent(events.UserUpdated, "n2", `{"user_id":"42","email":"n@example.org","first_name":"Nora"}`))
	w.expect("n2", done)
	w.feedAll(cloudEvent(events.UserDeleted, "n3", `{"user_id":42}`))
	w.expect("n3", done)
	w.end()
}

// TestContentOfOneID sends other contents under a known id.
func TestContentOfOneID(t *testing.T) {
	t.Parallel()
	w := newSchools(t, "")
	url := w.overHTTP()
	w.serve()
	first := cloudEvent(events.UserCreated, "upd-7", `{"user_id":"u7","email":"u7@example.org","last_name":"Berg"}`)
	for name, test := range map[string]struct {
		body   string
		status int
	}{
		"the same":              {first, okay},
		"members in turn":       {cloudEvent(events.UserCreated, "upd-7", `{"last_name":"Berg", "email":"u7@example.org", "user_id":"u7"}`), okay},
		"a blank member more":   {cloudEvent(events.UserCreated, "upd-7", `{"user_id":"u7","email":"u7@example.org","last_name":"Berg","phone":""}`), okay},
		"another name":          {cloudEvent(events.UserCreated, "upd-7", `{"user_id":"u7","email":"u7@example.org","last_name":"Carl"}`), http.StatusConflict},
		"another user":          {cloudEvent(events.UserCreated, "upd-7", `{"user_id":"u8","email":"u7@example.org","last_name":"Berg"}`), http.StatusConflict},
		"a name left out":       {cloudEvent(events.UserCreated, "upd-7", `{"user_id":"u7","email":"u7@example.org"}`), http.StatusConflict},
		"another source":        {strings.Replace(cloudEvent(events.UserCreated, "upd-7", `{"user_id":"u9","email":"u9@example.org"}`), `"/school"`, `"/other"`, 1), okay},
		"the time of a sending": {strings.Replace(first, "08:00", "09:00", 1), okay},
	} {
		if status, answer := w.post(url+"/events", events.ContentType, first, nil); status != okay {
			t.Fatalf("the first: got %d %s", status, answer)
		}
		if status, answer := w.post(url+"/events", events.ContentType, test.body, nil); status != test.status {
			t.Errorf("%s: got %d %s, want %d", name, status, answer, test.status)
		}
	}
	w.raw(events.UserCreated, cloudEvent(events.UserCreated, "upd-7", `{"user_id":"u7","email":"u7@example.org","last_name":"Dorn"}`), "Content-Type", events.ContentType)
	w.until("the other content on NATS is a dead letter", func() bool { return len(w.letters()) == 1 })
	if l := w.letters()[0]; l.Rule != events.RuleIDOnce || l.EventID != "upd-7" {
		t.Errorf("got %+v, want the rule %s", l, events.RuleIDOnce)
	}
	w.end()
}

// TestSendAndEndpointNameUnknownMembers has members that are near those of the schema.
func TestSendAndEndpointNameUnknownMembers(t *testing.T) {
	t.Parallel()
	w := newSchools(t, "")
	url := w.overHTTP()
	w.serve()
	for name, nearest := range map[string]string{"firstname": "first_name", "lastName": "last_name", "time-zone": "time_zone", "loacle": "locale"} {
		body := cloudEvent(events.UserCreated, "m-"+name, `{"user_id":"`+name+`","email":"`+name+`@example.org","`+name+`":"x"}`)
		status, answer := w.post(url+"/events", events.ContentType, body, nil)
		var parsed struct{ Warnings []json.RawMessage }
		if err := json.Unmarshal([]byte(answer), &parsed); err != nil || status != okay || len(parsed.Warnings) != 1 || !strings.Contains(answer, nearest) {
			t.Errorf("%s: got %d %s, want a warning with %s", name, status, answer, nearest)
		}
		out, err := w.feed(body, "send", "--dry-run", "-")
		if err != nil || !strings.Contains(out+w.log.String(), nearest) {
			t.Errorf("usher send, %s: got %s (%v), want a warning with %s", name, out, err, nearest)
		}
	}
	w.end()
}

// TestSendReadsFilesOfEditors sends files with a byte order mark, and in UTF-16.
func TestSendReadsFilesOfEditors(t *testing.T) {
	t.Parallel()
	w := newSchools(t, "")
	w.serve()
	file := filepath.Join(t.TempDir(), "e.json")
	event := cloudEvent(events.UserCreated, "f1", `{"user_id":"f1","email":"f1@example.org"}`)
	for name, test := range map[string]struct{ text, fault string }{
		"mark": {"\ufeff" + event, ""}, "mark and a line end": {"\ufeff" + event + "\r\n", ""}, "UTF-16": {wide(event), "UTF-16"},
		"UTF-16 with a mark of its own": {wide("\ufeff" + event), "UTF-16"}, "nothing": {"\ufeff", ""},
	} {
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := w.try("send", file)
		if test.fault == "" && name != "nothing" && err != nil || test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
			t.Errorf("%s: got %s (%v), want the fault %q", name, out, err, test.fault)
		}
	}
	w.expect("f1", map[string]string{"school1": events.Done, "school2": events.Done})
	w.end()
}
