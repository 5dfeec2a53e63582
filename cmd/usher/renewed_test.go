package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
)

// TestRenewedPassword changes the password of Usher at the server and in the file of the secret,
// while usher serve runs.
func TestRenewedPassword(t *testing.T) {
	t.Parallel()
	w := newSchools(t, "")
	addr, file := address(t), filepath.Join(t.TempDir(), "password")
	put(t, file, "first\n")
	o := listening(t, addr)
	o.Username, o.Password = "usher", "first"
	s := w.natsServer(o)
	w.nats = "nats://" + addr
	url := w.overHTTP()
	w.environ = append(w.environ, "USHER_NATS_URL="+w.nats, "USHER_NATS_USER=usher", "USHER_NATS_PASSWORD_FILE="+file)
	w.serve()
	put(t, file, "second\n")
	renewed := o.Clone()
	renewed.Password = "second"
	if err := s.ReloadOptions(renewed); err != nil { // closes the connections of users with another password
		t.Fatal(err)
	}
	w.waitLog("nats: connected again", 1)
	w.until("an event is taken", func() bool {
		status, _ := w.post(url+"/events", events.ContentType, user("ada"), nil)
		return status == okay
	})
	w.expect("c-ada", map[string]string{"school1": events.Done, "school2": events.Done})
	w.end()
}

// TestTokenFileOfSend has the token in a file, and no other token that would do.
func TestTokenFileOfSend(t *testing.T) {
	t.Parallel()
	w := newSchools(t, "")
	url := w.overHTTP()
	w.serve()
	served := w.environ
	w.environ = nil
	for _, variable := range served { // another machine knows no token
		if !strings.HasPrefix(variable, "USHER_HTTP_") {
			w.environ = append(w.environ, variable)
		}
	}
	dir := t.TempDir()
	for name, test := range map[string]struct{ text, fault string }{
		"right": {token + "\n", ""}, "of an editor": {" " + token + "\r\n", ""}, "wrong": {"another-token-of-sixteen", "401"}, "empty": {"", "401"}, "missing": {"-", "--token-file"},
	} {
		file := filepath.Join(dir, name)
		if test.text != "-" {
			if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		out, err := w.feed(user("ada"), "send", "--via", "http", "--url", url, "--token-file", file, "-")
		if (err == nil) != (test.fault == "") || err != nil && !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%s: got %s (%v), want %q", name, out, err, test.fault)
		}
		if err != nil && strings.Contains(err.Error(), strings.TrimSpace(test.text)) && len(test.text) > 1 {
			t.Errorf("%s: the token is printed: %v", name, err)
		}
	}
	if _, err := w.feed(user("ada"), "send", "--via", "http", "--url", url, "--token", token, "--token-file", filepath.Join(dir, "right"), "-"); err == nil || !strings.Contains(err.Error(), "not both") {
		t.Errorf("both: got %v", err)
	}
	w.environ = served
	w.expect("c-ada", map[string]string{"school1": events.Done, "school2": events.Done})
	w.end()
}
