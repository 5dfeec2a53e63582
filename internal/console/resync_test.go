package console_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/console"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// readOnly is an adapter that finds nobody and refuses to create.
type readOnly struct {
	vendors.Adapter

	refused func(vendors.Request)
}

func (readOnly) Find(context.Context, vendors.User) (vendors.Account, error) {
	return vendors.Account{}, vendors.ErrNotFound
}

func (r readOnly) Create(_ context.Context, _ vendors.Origin, u vendors.User) (vendors.Account, error) {
	r.refused(vendors.Request{Method: http.MethodPost, Path: "/users", ContentType: "application/json", Body: []byte(`{"email":"` + u.Email + `"}`)})
	return vendors.Account{}, vendors.ErrReadOnly
}

// TestPreviewAndRunAgain previews an event and a resync, and sends the resync.
func TestPreviewAndRunAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, console.Config{People: people})
	d := w.service.Load().Deps
	d.Vendors[0].ReadOnly = func(refused func(vendors.Request)) (vendors.Adapter, error) { return readOnly{refused: refused}, nil }
	d.Handlers = append(d.Handlers, handlers.UserUpdated())
	w.service.Store(ops.New(d))
	profiles, err := profile.Open(t.Context(), w.streams.Client, profile.Cipher{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := events.New(events.UserCreated, "/school", "1", time.Now(), map[string]string{"user_id": "ada", "email": secret})
	if err == nil {
		_, err = profiles.Merge(t.Context(), record.Digest("ada"), e, events.Position{Epoch: 1, Seq: 1})
	}
	if err != nil {
		t.Fatal(err)
	}
	ann, bob := w.login(annsToken), w.login(bobsToken)
	created := `data-would="create"`
	status, text := ann.post("/console/send", "type", "user.created", "data.user_id", "eve", "data.email", "eve@example.org", "do", "preview")
	if status != http.StatusOK || !strings.Contains(text, created) || !strings.Contains(text, "POST /users {&#34;email&#34;:&#34;&lt;email&gt;&#34;}") {
		t.Errorf("preview of an event: got %d\n%s", status, around(text, "previews"))
	}
	status, text = ann.post("/console/user", "user", "ada", "do", "preview")
	if status != http.StatusOK || !strings.Contains(text, created) || strings.Contains(text, secret) {
		t.Errorf("preview of a resync: got %d\n%s", status, around(text, "previews"))
	}
	if got := w.done(); len(got) > 0 || w.replays() > 0 {
		t.Errorf("a preview did %v, and sent %d replays", got, w.replays())
	}
	if status, _ := bob.post("/console/user", "user", "ada", "do", "resync"); status != http.StatusForbidden {
		t.Errorf("a reader runs a user again: got %d", status)
	}
	if _, text := bob.get("/console/user?id=ada"); strings.Contains(text, `id="again"`) {
		t.Error("a reader has the buttons")
	}
	if _, text := ann.get("/console/user?id=ada"); !strings.Contains(text, `id="again"`) {
		t.Error("an operator lacks the buttons")
	}
	status, text = ann.post("/console/user", "user", "ada", "do", "resync", "reason", "by hand")
	if status != http.StatusOK || !strings.Contains(text, `data-resynced="2"`) || w.replays() != 2 {
		t.Errorf("got %d and %d replays\n%s", status, w.replays(), around(text, "resynced"))
	}
	if diff := cmp.Diff([]string{"user.resynced ann by hand", "user.resynced ann by hand"}, w.done()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for id, want := range map[string]int{"nobody": http.StatusUnprocessableEntity, "": http.StatusUnprocessableEntity} {
		if status, _ := ann.post("/console/user", "user", id, "do", "resync"); status != want {
			t.Errorf("%q: got %d, want %d", id, status, want)
		}
	}
	if status, _ := ann.post("/console/user", "user", "ada", "do", "else"); status != http.StatusBadRequest {
		t.Errorf("no such action: got %d", status)
	}
}

// replays returns the number of stored replays.
func (w *world) replays() uint64 {
	w.t.Helper()
	at, err := w.streams.Client.Extent(w.t.Context(), streams.ReplaysStream)
	if err != nil {
		w.t.Fatal(err)
	}
	return at.Messages
}
