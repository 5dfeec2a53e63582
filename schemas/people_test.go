package schemas_test

import (
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

// TestPeople checks data as identity providers and forms write the data of people.
func TestPeople(t *testing.T) {
	set := newSet(t)
	const id = `"user_id":"u","email":"ada@example.org"`
	tests := map[string]struct {
		typ, data string
		want      string // cleaned data, or the broken rule with the pointer
		ignored   string
	}{
		"null last name":          {events.UserCreated, `{` + id + `,"last_name":null}`, `{` + id + `}`, ""},
		"blank last name":         {events.UserCreated, `{` + id + `,"last_name":""}`, `{` + id + `}`, ""},
		"blank phone":             {events.UserCreated, `{` + id + `,"phone":""}`, `{` + id + `}`, ""},
		"blank locale":            {events.UserUpdated, `{` + id + `,"locale":" "}`, `{` + id + `}`, ""},
		"first name of spaces":    {events.UserUpdated, `{"first_name":" \t ",` + id + `}`, `{` + id + `}`, ""},
		"null attributes":         {events.UserCreated, `{"attributes":null,` + id + `,"x":null}`, `{` + id + `,"x":null}`, ""},
		"no-break space":          {events.UserCreated, `{` + id + `,"phone":"\u00a0"}`, `{` + id + `}`, ""},
		"blank reason and e-mail": {events.UserDeleted, `{"user_id":"u","email":"","reason":null}`, `{"user_id":"u"}`, ""},
		"null vendor and dates":   {events.EnrollmentRequested, `{"user_id":"u","course_id":"c","vendor":null,"starts_on":"","ends_on":null}`, `{"user_id":"u","course_id":"c"}`, ""},
		"null time and list":      {events.ActivityTracked, `{"user_id":"u","name":"n","occurred_at":null,"properties":null}`, `{"user_id":"u","name":"n"}`, ""},
		"inner null stays":        {events.UserCreated, `{` + id + `,"attributes":{"a":null,"b":""},"phone":null}`, `{` + id + `,"attributes":{"a":null,"b":""}}`, ""},
		"blank required e-mail":   {events.UserCreated, `{"user_id":"u","email":""}`, "schema:format /data/email", ""},
		"null required e-mail":    {events.UserUpdated, `{"user_id":"u","email":null}`, "schema:type /data/email", ""},
		"null course":             {events.EnrollmentCancelled, `{"user_id":"u","course_id":null}`, "schema:type /data/course_id", ""},

		"zone of Windows":       {events.UserCreated, `{` + id + `,"time_zone":"W. Europe Standard Time"}`, `{` + id + `}`, "time_zone"},
		"zone of a form":        {events.UserCreated, `{` + id + `,"time_zone":"(GMT+01:00) Amsterdam"}`, `{` + id + `}`, "time_zone"},
		"zone of nowhere":       {events.UserCreated, `{` + id + `,"time_zone":"Europe/Graz"}`, `{` + id + `}`, "time_zone"},
		"zone of the machine":   {events.UserCreated, `{` + id + `,"time_zone":"Local"}`, `{` + id + `}`, "time_zone"},
		"zone as an offset":     {events.UserUpdated, `{` + id + `,"time_zone":60}`, `{` + id + `}`, "time_zone"},
		"zone as a path":        {events.UserUpdated, `{` + id + `,"time_zone":"../etc/passwd"}`, `{` + id + `}`, "time_zone"},
		"known zone":            {events.UserCreated, `{` + id + `,"time_zone":"America/Argentina/Buenos_Aires"}`, "", ""},
		"known offset":          {events.UserCreated, `{` + id + `,"time_zone":"Etc/GMT+5"}`, "", ""},
		"locale of POSIX":       {events.UserCreated, `{` + id + `,"locale":"en_US.UTF-8"}`, `{` + id + `}`, "locale"},
		"locale of a browser":   {events.UserCreated, `{` + id + `,"locale":"de-DE,de;q=0.9"}`, `{` + id + `}`, "locale"},
		"locale in words":       {events.UserCreated, `{` + id + `,"locale":"German (Austria)"}`, `{` + id + `}`, "locale"},
		"locale C":              {events.UserUpdated, `{` + id + `,"locale":"C"}`, `{` + id + `}`, "locale"},
		"locale as an object":   {events.UserUpdated, `{` + id + `,"locale":{"code":"de"}}`, `{` + id + `}`, "locale"},
		"locale and zone":       {events.UserCreated, `{"locale":"???","time_zone":"CEST+1",` + id + `}`, `{` + id + `}`, "locale time_zone"},
		"locale with underline": {events.UserCreated, `{` + id + `,"locale":"de_AT"}`, "", ""},
		"locale with script":    {events.UserCreated, `{` + id + `,"locale":"zh-Hant-TW"}`, "", ""},

		"umlaut":                  {events.UserCreated, `{"user_id":"u","email":"jörg@example.org"}`, "", ""},
		"umlaut in the domain":    {events.UserCreated, `{"user_id":"u","email":"info@müller.example"}`, "", ""},
		"blank behind":            {events.UserCreated, `{"user_id":"u","email":"ada@example.org "}`, `{` + id + `}`, ""},
		"zero width space":        {events.UserCreated, `{"user_id":"u","email":"\u200bada@example.org\r\n"}`, `{` + id + `}`, ""},
		"blanks, optional":        {events.UserDeleted, `{"user_id":"u","email":" ada@example.org"}`, `{` + id + `}`, ""},
		"Devanagari":              {events.UserCreated, `{"user_id":"u","email":"संपर्क@डाटामेल.example"}`, "", ""},
		"ASCII form":              {events.UserCreated, `{"user_id":"u","email":"info@xn--mller-kva.example"}`, "", ""},
		"two dots":                {events.UserCreated, `{"user_id":"u","email":"ada..k@example.org"}`, "", ""},
		"dot before the @":        {events.UserCreated, `{"user_id":"u","email":"ada.@example.org"}`, "", ""},
		"quoted":                  {events.UserCreated, `{"user_id":"u","email":"\"ada k\"@example.org"}`, "", ""},
		"plus and apostrophe":     {events.UserCreated, `{"user_id":"u","email":"o'neil+news/x=y@example.org"}`, "", ""},
		"underscore":              {events.UserCreated, `{"user_id":"u","email":"ada@my_host.example"}`, "", ""},
		"address literal":         {events.UserCreated, `{"user_id":"u","email":"ada@[192.0.2.1]"}`, "", ""},
		"no @":                    {events.UserCreated, `{"user_id":"u","email":"ada"}`, "schema:format /data/email", ""},
		"two addresses":           {events.UserCreated, `{"user_id":"u","email":"ada@example.org, bob@example.org"}`, "schema:format /data/email", ""},
		"name and address":        {events.UserCreated, `{"user_id":"u","email":"Ada <ada@example.org>"}`, "schema:format /data/email", ""},
		"mailto":                  {events.UserCreated, `{"user_id":"u","email":"mailto:ada@example.org"}`, "schema:format /data/email", ""},
		"blank inside":            {events.UserCreated, `{"user_id":"u","email":"ada k@example.org"}`, "schema:format /data/email", ""},
		"no domain":               {events.UserCreated, `{"user_id":"u","email":"ada@"}`, "schema:format /data/email", ""},
		"empty label":             {events.UserCreated, `{"user_id":"u","email":"ada@example..org"}`, "schema:format /data/email", ""},
		"hyphen before the dot":   {events.UserCreated, `{"user_id":"u","email":"ada@example-.org"}`, "schema:format /data/email", ""},
		"optional, but rubbish":   {events.UserDeleted, `{"user_id":"u","email":"none"}`, "schema:format /data/email", ""},
		"invisible in the middle": {events.UserCreated, `{"user_id":"u","email":"ad\u202ea@example.org"}`, "schema:format /data/email", ""},

		"user as a number":      {events.UserCreated, `{"user_id":42,"email":"ada@example.org"}`, `{"user_id":"42","email":"ada@example.org"}`, ""},
		"beyond 2^53":           {events.UserDeleted, `{"user_id":9007199254740993}`, `{"user_id":"9007199254740993"}`, ""},
		"thirty digits":         {events.UserDeleted, `{"user_id":123456789012345678901234567890}`, `{"user_id":"123456789012345678901234567890"}`, ""},
		"course as a number":    {events.EnrollmentRequested, `{"user_id":"u","course_id":7}`, `{"user_id":"u","course_id":"7"}`, ""},
		"zero and negative":     {events.EnrollmentCancelled, `{"user_id":0,"course_id":-7}`, `{"user_id":"0","course_id":"-7"}`, ""},
		"leading zeros as text": {events.UserDeleted, `{"user_id":"042"}`, "", ""},
		"id with blanks":        {events.UserDeleted, `{"user_id":" 42 "}`, "", ""},
		"a fraction":            {events.UserDeleted, `{"user_id":42.0}`, "schema:type /data/user_id", ""},
		"an exponent":           {events.UserDeleted, `{"user_id":1e3}`, "schema:type /data/user_id", ""},
		"minus zero":            {events.UserDeleted, `{"user_id":-0}`, "schema:type /data/user_id", ""},
		"a boolean":             {events.UserDeleted, `{"user_id":true}`, "schema:type /data/user_id", ""},
		"name in other case":    {events.UserCreated, `{` + id + `,"Last_Name":null}`, "name-case /data/Last_Name", ""},
		"phone as a number":     {events.UserCreated, `{` + id + `,"phone":43155}`, "schema:type /data/phone", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := parse(t, `{"specversion":"1.0","id":"1","source":"/s","type":"`+test.typ+`","data":`+test.data+`}`)
			if rule, pointer, refused := strings.Cut(test.want, " /data"); refused && !strings.HasPrefix(test.want, "{") {
				checkRefusal(t, set.Validate(e), refusal{"/data" + pointer, rule})
				return
			}
			if err := set.Validate(e); err != nil {
				t.Errorf("Validate: %v", err)
			}
			if test.want == "" {
				test.want = test.data
			}
			cleaned, ignored := events.Clean(e)
			if got := string(cleaned.Data()); got != test.want {
				t.Errorf("got data %s, want %s", got, test.want)
			}
			if got := strings.Join(ignored, " "); got != test.ignored {
				t.Errorf("got ignored %q, want %q", got, test.ignored)
			}
		})
	}
}
