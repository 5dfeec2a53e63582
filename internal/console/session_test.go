package console

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestSession(t *testing.T) {
	ann, bob := Person{Name: "ann", Operator: true, Token: "the-token-of-ann-1"}, Person{Name: "bob", Operator: false, Token: "the-token-of-bob-1"}
	now := time.Now()
	value, err := newSession(bob, now)
	if err != nil {
		t.Fatal(err)
	}
	body, mac, _ := strings.Cut(value, ".")
	forged := func(change func(*session)) string {
		var s session
		text, _ := base64.RawURLEncoding.DecodeString(body)
		_ = json.Unmarshal(text, &s)
		change(&s)
		text, _ = json.Marshal(s)
		return base64.RawURLEncoding.EncodeToString(text) + "." + mac
	}
	for name, test := range map[string]struct {
		value  string
		people []Person
		at     time.Time
		want   string
	}{
		"his own":                  {value, []Person{ann, bob}, now, "bob"},
		"at another process":       {value, []Person{bob}, now.Add(time.Hour), "bob"},
		"after its time":           {value, []Person{ann, bob}, now.Add(sessionTime), ""},
		"after a new token":        {value, []Person{ann, {Name: "bob", Operator: false, Token: "another-token-of-b"}}, now, ""},
		"after a new role":         {value, []Person{ann, {Name: "bob", Operator: true, Token: bob.Token}}, now, ""},
		"after a new name":         {value, []Person{ann, {Name: "rob", Operator: false, Token: bob.Token}}, now, ""},
		"nobody's":                 {value, []Person{ann}, now, ""},
		"with another role in it":  {forged(func(s *session) { s.Operator = true }), []Person{ann, bob}, now, ""},
		"with another name in it":  {forged(func(s *session) { s.Name = "ann" }), []Person{ann, bob}, now, ""},
		"with a longer time in it": {forged(func(s *session) { s.Expires += 1e6 }), []Person{ann, bob}, now, ""},
		"signed for another use":   {body + "." + base64.RawURLEncoding.EncodeToString(bob.signature("form", body)), []Person{bob}, now, ""},
		"without a signature":      {body + ".", []Person{ann, bob}, now, ""},
		"nothing":                  {"", []Person{ann, bob}, now, ""},
		"garbage":                  {"%.%", []Person{ann, bob}, now, ""},
	} {
		who, ok := readSession(test.value, test.people, test.at)
		if ok != (test.want != "") || (ok && (who.Name != test.want || who.Operator)) {
			t.Errorf("%s: got %+v, %v; want %q", name, who, ok, test.want)
		}
	}
}

func TestFormsOfTwoSessionsDiffer(t *testing.T) {
	ann := Person{Name: "ann", Operator: true, Token: "the-token-of-ann-1"}
	first, _ := newSession(ann, time.Now())
	second, _ := newSession(ann, time.Now())
	one, _ := readSession(first, []Person{ann}, time.Now())
	two, _ := readSession(second, []Person{ann}, time.Now())
	if one.csrf == "" || one.csrf == two.csrf || strings.Contains(first, one.csrf) {
		t.Errorf("got %q and %q", one.csrf, two.csrf)
	}
}

func TestPersonOf(t *testing.T) {
	people := []Person{{Name: "ann", Operator: true, Token: "the-token-of-ann-1"}, {Name: "bob", Operator: false, Token: "the-token-of-bob-1"}}
	for token, want := range map[string]string{
		"the-token-of-ann-1": "ann", "the-token-of-bob-1": "bob", "the-token-of-bob-": "", "the-token-of-bob-12": "", "": "",
	} {
		if p, ok := personOf(token, people); p.Name != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v", token, p.Name, ok)
		}
	}
	if _, ok := personOf("", []Person{{Name: "nobody"}}); ok {
		t.Error("an empty token is somebody's")
	}
}

func TestWithin(t *testing.T) {
	for next, want := range map[string]string{
		"/console/audit?all=1": "/console/audit?all=1", "": root, "/": root, "/events": root, "//evil.example/console/": root,
		"https://evil.example/console/": root, "/console/../events": root, `/console/\evil`: root, "/console": root, "javascript:alert(1)": root,
		"/console//evil.example": "/console//evil.example", "/console/%2e%2e/x": root, "/console/\r\nX: y": root,
	} {
		if got := within(next); got != want {
			t.Errorf("%q: got %q, want %q", next, got, want)
		}
	}
}

func TestCookieWithoutTLS(t *testing.T) {
	if c := cookie(httptest.NewRequest(http.MethodGet, "/console/", nil), "v", time.Hour); c.Secure || !c.HttpOnly {
		t.Errorf("got %s", c)
	}
}
