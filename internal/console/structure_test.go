package console

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// TestReadersSeeTheStructure holds the values of a person back from readers, by an allow-list.
func TestReadersSeeTheStructure(t *testing.T) {
	const doc = `{"specversion":"1.0","id":"e-1","source":"/school","type":"user.created","data":{"user_id":"ada@example.org",
	"email":"ada@example.org","first_name":"Ada","birth_date":"1815-12-10","iban":"DE02120300000000202051","n":4711,"ok":true,
	"attributes":{"hedy@example.org":["Grace Hopper",{"course_id":"go"}],"Ada Lovelace":1},"phone":null}}`
	got := structure([]byte(doc))
	for _, hidden := range []string{"Ada", "ada@", "hedy@", "Grace", "1815", "DE02", "4711"} {
		if strings.Contains(got, hidden) {
			t.Errorf("readers see %s in\n%s", hidden, got)
		}
	}
	for _, shown := range []string{`"id": "e-1"`, `"type": "user.created"`, `"user_id": "a…@example.org"`, `"course_id": "go"`, `"first_name": "(text, 3 characters)"`, `"n": "(number)"`, `"phone": null`} {
		if !strings.Contains(got, shown) {
			t.Errorf("readers do not see %s in\n%s", shown, got)
		}
	}
	if got := structure([]byte("name=Ada Lovelace")); got != "(17 bytes that are no JSON)" {
		t.Errorf("got %q for a text", got)
	}
	for name, want := range map[string]string{"Ce-Id": "e-1", "Ce-Person": "(hidden)", "X-Forwarded-For": "(hidden)"} {
		if got := structureHeader(name, "e-1"); got != want {
			t.Errorf("got %q for the header %s, want %q", got, name, want)
		}
	}
}

// TestPagesHaveNoControlsOfDirection replaces characters that change the order of text.
func TestPagesHaveNoControlsOfDirection(t *testing.T) {
	if got := withoutBidi("a\u202eb\u2066c\u200fd é 漢"); got != "a\ufffdb\ufffdc\ufffdd é 漢" {
		t.Errorf("got %q", got)
	}
}

// TestStreamsSplitAtEveryLineEnd writes a text with a CR, which would begin a field of its own.
func TestStreamsSplitAtEveryLineEnd(t *testing.T) {
	got := sent(t, []message{{data: "a\rdata: forged\r\nb\n\rc"}})
	if want := "data: a\ndata: data: forged\ndata: b\ndata: \ndata: c\n\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func sent(t *testing.T, list []message) string {
	t.Helper()
	w := httptest.NewRecorder()
	if err := write(w, list); err != nil {
		t.Fatal(err)
	}
	return w.Body.String()
}
