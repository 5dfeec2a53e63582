package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// TestForgetAHolder forgets a user whose accounts another user was to get, by the same e-mail.
// The failures stay with the other user, and name the forgotten one as long as the user is known.
func TestForgetAHolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWorld(t)
	w.embedded(dir, "200ms")
	w.serve()
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "created-1", ada.data()))
	w.expect("created-1", everywhere)
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "heir", fmt.Sprintf(`{"user_id":"heir","email":%q}`, ada.email)))
	w.expect("heir", map[string]string{"miestro": "failed", "meiro": "failed", "lead": "failed", "magloft": "failed", "usermost": "done"})
	named := fmt.Sprintf("belongs to user %q:", ada.id)
	if got := strings.Count(w.must("user", "heir"), named); got != 2*4 { // in the line of the vendor, and in that of the event
		t.Errorf("usher user names the holder %d times, want 8", got)
	}
	w.leaves(ada)
	w.must("forget", ada.id, "--yes", "--keep-accounts")
	gone := ada
	gone.email = ada.id // the address is the other user's, too
	w.until("the files hold nothing of the holder", func() bool { return len(gone.traces(t, dir)) == 0 })
	if got := w.must("user", "heir"); strings.Contains(got, ada.id) || !strings.Contains(got, "(record "+record.AccountKey("lead", ada.id)+")") {
		t.Errorf("got\n%s\nwant the record of the holder, and not the user", got)
	}
	w.end()
}
