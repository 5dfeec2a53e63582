package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/natstest"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// somebody is a user with all that events say of one; tag is in the ids of the events.
type somebody struct{ tag, id, email, first, last, phone string }

var (
	ada = somebody{"1", "ada-4711", "ada.lovelace@example.org", "Augusta-Ada", "Lovelace-Byron", "+44 7700 900123"}
	bob = somebody{"2", "bob-0815", "bob.moss@example.org", "Bobby", "Moss-Keller", "+44 7700 900456"}
)

func (s somebody) data() string {
	return fmt.Sprintf(`{"user_id":%q,"email":%q,"first_name":%q,"last_name":%q,"phone":%q}`, s.id, s.email, s.first, s.last, s.phone)
}

// embedded has usher serve run a NATS server of its own in dir, which is written to
// the disk after every message, or as sync says.
func (w *world) embedded(dir, sync string) {
	addr := address(w.t)
	w.nats = "nats://" + addr
	w.environ = slices.DeleteFunc(w.environ, func(v string) bool {
		return strings.HasPrefix(v, "USHER_NATS_URL=") || strings.HasPrefix(v, "USHER_LEAD_ENROLL_PATH=")
	})
	w.environ = append(w.environ, "USHER_NATS_EMBEDDED_DIR="+dir, "USHER_NATS_EMBEDDED_ADDR="+addr, "USHER_NATS_EMBEDDED_SYNC="+sync)
}

// lives gives a user a life with everything that leaves traces: each type of event,
// in each mode, an enrolment that fails at LEAD and is sent back, events that are
// none, and a delivery that could not become one.
func (w *world) lives(s somebody) {
	w.t.Helper()
	id := func(name string) string { return name + "-" + s.tag }
	// Before anything says whose the address is.
	w.raw(events.UserCreated, cloudEvent(events.UserCreated, id("nameless"), fmt.Sprintf(`{"email":%q,"last_name":%q}`, s.email, s.last)))
	w.send(`{"sent":3,"new":3,"known":0}`,
		cloudEvent(events.UserCreated, id("created"), s.data()),
		cloudEvent(events.EnrollmentRequested, id("enrolled"), fmt.Sprintf(`{"user_id":%q,"course_id":"go-basics","email":%q}`, s.id, s.email)),
		cloudEvent(events.ActivityTracked, id("did"), fmt.Sprintf(`{"user_id":%q,"name":"lesson.read","properties":{"note":"of %s"}}`, s.id, s.last)))
	w.expect(id("created"), everywhere)
	w.expect(id("enrolled"), map[string]string{"miestro": "done", "lead": "failed", "usermost": "done"})
	w.expect(id("did"), map[string]string{"usermost": "done"})

	activity := fmt.Sprintf(`{"user_id":%q,"name":"lesson.read","properties":{"note":"of %s"}}`, s.id, s.last)
	w.raw(events.ActivityTracked, activity, "ce-specversion", "1.0", "ce-type", events.ActivityTracked, "ce-source", "/school", "ce-id", id("binary"), "ce-subject", s.email)
	w.raw(events.ActivityTracked, fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/school","type":"activity.tracked","datacontenttype":"application/json","data_base64":%q}`,
		id("base64"), base64.StdEncoding.EncodeToString([]byte(activity))))
	w.raw(events.ActivityTracked, "no event, of "+s.id+" "+s.last)
	w.expect(id("binary"), map[string]string{"usermost": "done"})
	w.expect(id("nameless"), map[string]string{"miestro": "failed", "meiro": "failed", "lead": "failed", "magloft": "failed", "usermost": "failed"})

	set := w.set()
	err := set.DeadLetters.Add(w.t.Context(), streams.DeadLetter{
		Vendor: ops.Deliveries, Type: "clerk", Key: events.Key("clerk", s.id), EventID: "msg_" + s.tag, Class: "mapping",
		Payload: fmt.Appendf(nil, `{"data":{"addresses":[{"email_address":%q}],"last":%q}}`, s.email, s.last),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	failed := w.letterOf(id("enrolled"))
	w.must("dead", "replay", failed.ID)
	w.until("it fails again", func() bool { return w.letterOf(id("enrolled")).Replay == 1 })
}

// raw publishes what may be no event.
func (w *world) raw(subject, text string, header ...string) {
	w.t.Helper()
	nc, err := nats.Connect(w.nats)
	if err != nil {
		w.t.Fatal(err)
	}
	defer nc.Close()
	m := nats.NewMsg(subject)
	m.Data = []byte(text)
	for pair := range slices.Chunk(header, 2) {
		m.Header[pair[0]] = []string{pair[1]}
	}
	if _, err := nc.RequestMsgWithContext(w.t.Context(), m); err != nil {
		w.t.Fatal(err)
	}
}

// letterOf is the dead letter of an event at LEAD.
func (w *world) letterOf(event string) (found letter) {
	for _, l := range w.letters() {
		if l.EventID == event && l.Vendor == "lead" {
			found = l
		}
	}
	return found
}

// leaves has a user deleted.
func (w *world) leaves(s somebody) {
	w.t.Helper()
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserDeleted, "left-"+s.tag, fmt.Sprintf(`{"user_id":%q,"email":%q}`, s.id, s.email)))
	w.expect("left-"+s.tag, map[string]string{"miestro": "done", "meiro": "done", "lead": "done", "magloft": "done", "usermost": "unsupported"})
}

// traces are the files below dir that hold something of a user, and what, in any of
// the forms that it may have there.
func (s somebody) traces(t *testing.T, dir string) (found []string) {
	t.Helper()
	names := map[string][]string{}
	for _, text := range []string{s.id, s.email, strings.ReplaceAll(s.email, "@", "%40"), s.first, s.last, s.phone} {
		names[text] = append(encodings(text), text)
	}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for name, forms := range names {
			for _, form := range forms {
				if n := strings.Count(string(text), form); n > 0 {
					found = append(found, fmt.Sprintf("%s: %s %d times as %s", path, name, n, form))
				}
			}
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

// encodings are what a text looks like within a longer one in base64: it may begin
// at any of three places of a group.
func encodings(text string) (list []string) {
	for skip := range 3 {
		part := text[skip:]
		list = append(list, base64.StdEncoding.EncodeToString([]byte(part[:len(part)/3*3])))
	}
	return list
}

func TestEncodings(t *testing.T) {
	for _, before := range []string{"", "a", "ab", "abc"} {
		whole := base64.StdEncoding.EncodeToString([]byte(before + ada.email + "z"))
		if !slices.ContainsFunc(encodings(ada.email), func(form string) bool { return strings.Contains(whole, form) }) {
			t.Errorf("none of %q is in %s", encodings(ada.email), whole)
		}
	}
}

// TestForget has two users leave every trace there is, forgets one, and searches the
// files.
func TestForget(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWorld(t)
	w.embedded(dir, "200ms") // how often the server writes its files anew, too
	w.serve()
	w.lives(ada)
	w.lives(bob)
	t.Run("a replay is on its way", func(t *testing.T) { w.with(t).replayed() })
	w.leaves(ada)
	w.environ = append(w.environ, "USHER_ACTOR=ann@school")
	history, letters := w.must("user", bob.id), len(w.letters())
	if len(ada.traces(t, dir)) < 10 {
		t.Fatal("the search finds too little before: is it looking in the right place?")
	}
	t.Run("not yet", func(t *testing.T) { w.with(t).notYet() })
	t.Run("a dry run", func(t *testing.T) { w.with(t).dryForget() })
	t.Run("forgotten", func(t *testing.T) { w.with(t).forgotten() })
	if got := w.must("user", bob.id); got != history {
		t.Errorf("of the other user: got\n%s\nwant\n%s", got, history)
	}
	if got := len(w.letters()); got != letters/2 { // before, each had as many
		t.Errorf("got %d dead letters, want the other user's %d", got, letters/2)
	}
	w.until("the server has written its files anew", func() bool { return len(ada.traces(t, dir)) == 0 })
	w.end()
	if found := ada.traces(t, dir); len(found) > 0 {
		t.Errorf("still on the disk:\n%s", strings.Join(found, "\n"))
	}
	if len(bob.traces(t, dir)) < 10 {
		t.Error("the other user's data are gone as well")
	}
	w.begin()
	w.waitLog(`"serving"`, 2)
	t.Run("comes back", func(t *testing.T) { w.with(t).comesBack() })
	w.end()
}

// replayed is refused while a replay is on its way: LEAD is paused, and the user still has
// an account there, so that the replay needs a call.
func (w *world) replayed() {
	w.must("pause", "lead")
	w.must("dead", "replay", w.letterOf("enrolled-"+ada.tag).ID)
	out, err := w.try("forget", ada.id, "--yes", "--keep-accounts")
	if err == nil || cli.ExitCode(err) != cli.ExitFailed || !strings.Contains(err.Error(), "still to be done") || !strings.Contains(out, "unfinished\tlead\tenrollment.requested\t"+ops.PendingReplay) {
		w.t.Errorf("got %v and\n%s\nwant exit code 1 and the replay", err, out)
	}
	w.must("resume", "lead")
	w.until("it fails once more", func() bool { return w.letterOf("enrolled-"+ada.tag).Replay == 2 })
}

// notYet expects the steps that come first.
func (w *world) notYet() {
	out, err := w.try("forget", ada.id, "--yes")
	if err == nil || cli.ExitCode(err) != cli.ExitFailed || !strings.Contains(err.Error(), "nothing was erased") || !strings.Contains(err.Error(), "--keep-accounts") {
		w.t.Errorf("got %v, want exit code 1 and what to do", err)
	}
	if strings.Count(out, "account\t") != 1 || !strings.Contains(out, "account\tusermost\t") || !strings.Contains(out, "usher cannot delete there: ask the vendor") {
		w.t.Errorf("got\n%s\nwant Usermost's account alone", out)
	}
	w.must("dead", "replay", w.letterOf("enrolled-"+ada.tag).ID)
	w.until("it is overtaken by the deletion", func() bool { return w.letterOf("enrolled-"+ada.tag).ID == "" })
	if _, err := w.try("forget", ada.id, "--keep-accounts"); err == nil || cli.ExitCode(err) != cli.ExitUsage || !strings.Contains(err.Error(), "--yes") {
		w.t.Errorf("without --yes, where nobody can be asked: got %v", err)
	}
}

// stored is what a dry run finds, by stream and bucket.
func (w *world) storedOf(s somebody) map[string]int {
	w.t.Helper()
	var held ops.UserData
	if err := json.Unmarshal([]byte(w.must("forget", s.id, "--keep-accounts", "--dry-run", "--json")), &held); err != nil {
		w.t.Fatal(err)
	}
	counts := map[string]int{}
	for _, f := range held.Matches {
		counts[f.Where] = f.Count
	}
	return counts
}

// dryForget finds all, and changes nothing. (The result of what was no event says of
// nobody whose it was.)
func (w *world) dryForget() {
	want := map[string]int{"EVENTS": 8, "OPEN_REPLAYS": 0, "DEADLETTERS": 1 + 1 + 1, "RESULTS": 5 + 3 + 3 + 5 + 3 + 5, "ACCOUNTS": 5, "EFFECTS": 0, "HISTORY": 5 + 3 + 3 + 5, "EMAILS": 2}
	w.until("the index has her e-mails", func() bool { return w.storedOf(ada)["EMAILS"] == want["EMAILS"] })
	for range 2 {
		if diff := cmp.Diff(want, w.storedOf(ada)); diff != "" {
			w.t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

// forgotten forgets, twice.
func (w *world) forgotten() {
	out := w.must("forget", ada.id, "--keep-accounts", "--yes", "--reason", "request 4")
	for _, want := range []string{"erased\tEVENTS\t8\n", "erased\tACCOUNTS\t5\n", "stays\tAUDIT\t", "stays\tDEADLETTERS, on the disk\t"} {
		if !strings.Contains(out, want) {
			w.t.Errorf("got\n%s\nwant %q in it", out, want)
		}
	}
	for where, n := range w.storedOf(ada) {
		if n > 0 {
			w.t.Errorf("%s still holds %d of hers", where, n)
		}
	}
	if out := w.must("forget", ada.id, "--yes"); !strings.Contains(out, "erased\tEVENTS\t0\n") {
		w.t.Errorf("once more: got\n%s", out)
	}
	if out := w.must("user", ada.id); out != "" || !strings.Contains(w.log.String(), "forgotten at ") {
		w.t.Errorf("got %q of her", out)
	}
	if out := w.must("audit"); strings.Contains(out, ada.id) || strings.Count(out, "user.forgotten\t") != 2 || !strings.Contains(out, "ann@school\trequest 4") {
		w.t.Errorf("got\n%s", out)
	}
	if _, err := w.try("forget", ada.id, "--yes", "--reason", "for "+ada.id); err == nil || cli.ExitCode(err) != cli.ExitUsage {
		w.t.Errorf("a reason that tells who: got %v", err)
	}
}

// comesBack is a new user of the same id.
func (w *world) comesBack() {
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "back-"+ada.tag, ada.data()))
	w.expect("back-"+ada.tag, map[string]string{"miestro": "done", "meiro": "done", "lead": "failed", "magloft": "done", "usermost": "done"}) // LEAD keeps the address
	if out := w.must("user", ada.id); strings.Count(out, "\tactive\t") != 4 {
		w.t.Errorf("got\n%s\nwant an account at all but LEAD", out)
	}
}

// TestForgetWithUnfinishedEffects takes from under serve what waits in each way:
// for a vendor that is paused, for an account, and on its way once more.
func TestForgetWithUnfinishedEffects(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWorld(t)
	w.embedded(dir, "200ms")
	w.environ = append(w.environ, "USHER_WORKER_RETRY_MIN=200ms", "USHER_WORKER_RETRY_MAX=500ms")
	w.serve()
	w.send(`{"sent":2,"new":2,"known":0}`, cloudEvent(events.UserCreated, "created-1", ada.data()),
		cloudEvent(events.EnrollmentRequested, "enrolled-1", fmt.Sprintf(`{"user_id":%q,"course_id":"go-basics","vendor":"lead"}`, ada.id)))
	w.expect("created-1", everywhere)
	w.expect("enrolled-1", map[string]string{"lead": "failed"})
	w.must("pause", "lead")
	w.must("dead", "replay", w.letterOf("enrolled-1").ID)
	w.send(`{"sent":3,"new":3,"known":0}`,
		cloudEvent(events.UserDeleted, "left-1", fmt.Sprintf(`{"user_id":%q,"email":%q}`, ada.id, ada.email)),
		cloudEvent(events.UserCreated, "back-1", ada.data()),
		cloudEvent(events.EnrollmentRequested, "early-2", fmt.Sprintf(`{"user_id":%q,"course_id":"1","vendor":"miestro","email":%q}`, bob.id, bob.email)))
	w.expect("left-1", map[string]string{"miestro": "done", "meiro": "done", "magloft": "done", "usermost": "unsupported"})
	w.expect("back-1", map[string]string{"miestro": "done", "meiro": "done", "magloft": "done", "usermost": "done"})
	w.until("the enrolment has a timer, which forget removes", func() bool {
		s, _ := w.standing()
		return slices.ContainsFunc(s.Vendors, func(v ops.VendorStatus) bool { return v.Vendor == "miestro" && v.Waiting > 0 })
	})
	wants := map[string][]string{
		ada.id: {"unfinished\tlead\tuser.deleted\twaiting", "unfinished\tlead\tuser.created\twaiting", "unfinished\tlead\tenrollment.requested\ton its way once more", "account\tlead\t"},
		bob.id: {"unfinished\tmiestro\tenrollment.requested\twaiting"},
	}
	for id, wants := range wants {
		w.until("what is to be done for "+id, func() bool {
			out, err := w.try("forget", id, "--yes", "--keep-accounts")
			return err != nil && strings.Contains(err.Error(), "still to be done") && !slices.ContainsFunc(wants, func(want string) bool { return !strings.Contains(out, want) })
		})
		w.must("forget", id, "--yes", "--keep-accounts", "--force")
	}
	w.must("resume", "lead")
	w.until("nothing waits", func() bool {
		s, _ := w.standing()
		return !slices.ContainsFunc(s.Vendors, func(v ops.VendorStatus) bool { return v.Pending+uint64(v.Waiting) > 0 })
	})
	w.until("the files hold neither", func() bool { return len(ada.traces(t, dir))+len(bob.traces(t, dir)) == 0 })
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "new-2", bob.data()))
	w.expect("new-2", everywhere)
	w.end()
	for name, at := range w.stands.State().Vendors {
		for _, e := range at.Enrollments {
			t.Errorf("%s: %+v was made though it was forgotten", name, e)
		}
	}
}

// TestForgetInForeignStream leaves the events of a stream not created by usher, without --events.
func TestForgetInForeignStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.environ = append(w.environ, "USHER_NATS_EVENTS_STREAM=SCHOOL")
	if _, err := w.streams().CreateStream(t.Context(), jetstream.StreamConfig{Name: "SCHOOL", Subjects: events.Types()}); err != nil {
		t.Fatal(err)
	}
	w.serve()
	w.send(`{"sent":1,"new":1,"known":0}`, cloudEvent(events.UserCreated, "created-1", ada.data()))
	w.expect("created-1", everywhere)
	out := w.must("forget", ada.id, "--yes", "--keep-accounts")
	if !strings.Contains(out, "stays\tSCHOOL\t1 events of the user, since this stream is not usher's own") || strings.Contains(out, "erased\tSCHOOL") {
		t.Errorf("got\n%s", out)
	}
	if out := w.must("forget", ada.id, "--yes", "--keep-accounts", "--events"); !strings.Contains(out, "erased\tSCHOOL\t1\n") {
		t.Errorf("with --events: got\n%s", out)
	}
	w.end()
}

// process starts usher serve in a process of its own. The channel gets the end of the process.
func (w *world) process() (serve *exec.Cmd, ended <-chan error) {
	w.t.Helper()
	serve = exec.CommandContext(w.t.Context(), "usher", "--config", w.file, "serve")
	serve.Env, serve.Stdout, serve.Stderr = append([]string{"HOME=" + w.t.TempDir(), "PATH=" + os.Getenv("PATH")}, w.environ...), w.log, w.log
	if err := serve.Start(); err != nil {
		w.t.Fatal(err)
	}
	end := make(chan error, 1)
	go func() { end <- serve.Wait() }()
	return serve, end
}

// TestForgetWithProcesses does it with processes, and a NATS server that writes every
// message to the disk at once, and its files anew no sooner than after minutes.
func TestForgetWithProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newWorld(t)
	w.embedded(dir, "always")
	serve, ended := w.process()
	w.waitLog(`"serving"`, 1)
	w.lives(ada)
	w.leaves(ada)
	forget := exec.CommandContext(t.Context(), "usher", "--config", w.file, "forget", ada.id, "--yes", "--keep-accounts", "--json")
	forget.Env = serve.Env
	out, err := forget.Output()
	if err != nil || strings.Contains(string(out), ada.id) || !strings.Contains(string(out), `"erased"`) {
		t.Errorf("usher forget: %v\n%s", err, out)
	}
	if err := serve.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := natstest.Receive(t, "the end of serve", ended); err != nil {
		t.Error(err)
	}
	if found := ada.traces(t, dir); len(found) > 0 {
		t.Errorf("still on the disk:\n%s", strings.Join(found, "\n"))
	}
}
