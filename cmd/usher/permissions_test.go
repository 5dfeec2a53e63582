package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/natstest"
)

// guarded is a world whose NATS has the users of the example, without the rights
// that are named.
func guarded(t *testing.T, lines []string, without ...right) *world {
	t.Helper()
	lines = slices.Clone(lines)
	for _, r := range without {
		lines[r.line] = `"nothing"` // an empty list would allow all
	}
	first := slices.Index(lines, "    users: [") // of the account of the streams
	lines[first] += "\n{ user: former, password: " + natsPassword + " }"
	dir := natsFiles(t)
	if err := os.WriteFile(filepath.Join(dir, "users.conf"), []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(lines, "\n"), auditAPI) { // a server refuses variables without a use
		file := filepath.Join(dir, "passwords.conf")
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(file, regexp.MustCompile(`AUDITOR_.*`).ReplaceAll(text, nil), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	alone := natsOptions(t, dir)
	alone.Cluster, alone.Routes, alone.SyncAlways = server.ClusterOpts{}, nil, false
	w := newWorld(t)
	s := w.natsServer(alone)
	w.nats, w.server = s.ClientURL(), s
	w.environ = append(w.environ, "USHER_NATS_URL="+s.ClientURL(), "USHER_NATS_PASSWORD="+natsPassword)
	if strings.Contains(strings.Join(lines, "\n"), auditAPI) {
		w.environ = append(w.environ, withAudit)
	}
	return w
}

// as is the world for one of the users.
func (w world) as(user string) *world {
	w.environ = append(slices.Clone(w.environ), "USHER_NATS_USER="+user)
	return &w
}

// guardedTerm is a term of usher's: all that it does and that people do with it, each as
// the user that it is meant for. It goes on whatever fails, and leaves that in the
// log, until ctx ends.
type guardedTerm struct {
	*world
	ctx                       context.Context // of one test
	serve, operator, producer *world
	door                      *world   // the endpoint for events alone
	missed                    []string // what did not come
}

// term lives it, and returns what did not come.
func (w *world) term(ctx context.Context) (missed []string) {
	w.environ = append(w.environ, "USHER_DELETIONS_COUNT=1", "USHER_WORKER_HOLD_RETRY=300ms", "USHER_WORKER_SHUTDOWN=1s", "USHER_WORKER_PREREQUISITE_WAIT=1s")
	p := &guardedTerm{world: w, ctx: ctx, serve: w.as("usher"), operator: w.as("operator"), producer: w.as("producer")}
	settings := fmt.Sprintf(crm, base64.StdEncoding.EncodeToString([]byte(secret)), "body.contact.id") + "\nvendors: {lead: {scope: 'true'}}\n"
	if err := os.WriteFile(w.file, []byte(settings), 0o600); err != nil {
		w.t.Fatal(err)
	}
	p.former()
	p.tell("nats", "apply")
	p.environ = append(p.environ, "USHER_NATS_RESULTS_MAX_AGE=700h") // another one, to be applied
	p.serve, p.operator = w.as("usher"), w.as("operator")
	p.tell("nats", "apply")
	p.door = w.as("ingest")
	p.door.environ = append(p.door.environ, "USHER_WORKER_ON=false", "USHER_WORKER_MEASURE=false")
	url, door := p.serve.overHTTP(), p.door.overHTTP()
	working, stop := context.WithCancel(ctx)
	ended := make(chan error, 2)
	for _, process := range []*world{p.serve, p.door} {
		go func() {
			ended <- run(working, app.Environment{Args: []string{"--config", w.file, "serve"}, Environ: process.environ, Stderr: w.log, Stdout: w.log})
		}()
	}
	p.until("both serve", func() bool { return strings.Count(w.log.String(), `"serving"`) == 2 })
	p.knock(door)
	p.produce(url, door)
	p.operate()
	p.deletions()
	stop()
	for range 2 {
		if err := <-ended; err != nil {
			p.missed = append(p.missed, err.Error())
		}
	}
	return p.missed
}

// knock sends to the endpoint for events alone: an event, a repeat, another event under the id,
// and a delivery that cannot become an event.
func (p *guardedTerm) knock(url string) {
	const kind = "application/cloudevents+json"
	first := cloudEvent(events.ActivityTracked, "door", `{"user_id":"u5","name":"lesson.finished"}`)
	for _, c := range []struct {
		body string
		want int
	}{{first, http.StatusAccepted}, {first, http.StatusAccepted}, {strings.Replace(first, "lesson", "course", 1), http.StatusConflict}} {
		if status, answer := p.door.post(url+"/events", kind, c.body, nil); status != c.want {
			p.missed = append(p.missed, fmt.Sprintf("at the endpoint: got %d %s, want %d", status, answer, c.want))
		}
	}
	if status, answer := p.door.deliver(url, "d1", `{"type":"contact.new","contact":{"mail":"nobody"}}`); status != http.StatusAccepted {
		p.missed = append(p.missed, fmt.Sprintf("a delivery: got %d %s", status, answer))
	}
	p.until("the delivery is kept", func() bool {
		return strings.Count(p.tell("dead", "list", "--vendor", "webhooks", "--json"), `"id"`) == 1
	})
	var kept []letter
	_ = json.Unmarshal([]byte(p.tell("dead", "list", "--vendor", "webhooks", "--json")), &kept)
	for _, l := range kept {
		p.tell("dead", "drop", l.ID, "--reason", "a test")
	}
}

// as runs a command as one of the users, and keeps in the log what goes wrong with it.
func (p *guardedTerm) as(user *world, input string, args ...string) (string, error) {
	var out bytes.Buffer
	err := run(p.ctx, app.Environment{
		Args: append([]string{"--config", p.file}, args...), Environ: user.environ,
		Stdin: strings.NewReader(input), Stdout: &out, Stderr: p.log,
	})
	if err != nil {
		fmt.Fprintf(p.log, "usher %s: %v\n", strings.Join(args, " "), err)
	}
	return out.String(), err
}

// tell is as for the operator.
func (p *guardedTerm) tell(args ...string) string {
	out, _ := p.as(p.operator, "", args...)
	return out
}

// until waits for something that comes within seconds where nothing is refused.
func (p *guardedTerm) until(what string, ok func() bool) {
	for limit := time.Now().Add(natstest.Patience); p.ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
		if time.Now().After(limit) {
			p.missed = append(p.missed, what)
			return
		}
	}
}

// produce sends events, over NATS, by hand and over HTTP, and one that is none.
func (p *guardedTerm) produce(url, door string) {
	for _, e := range []string{
		cloudEvent(events.UserCreated, "c1", oneUser),
		cloudEvent(events.EnrollmentRequested, "e1", `{"user_id":"u1","course_id":"go-basics"}`),
		cloudEvent(events.ActivityTracked, "a1", `{"user_id":"u1","name":"lesson.finished"}`),
	} {
		_, _ = p.as(p.producer, e, "send")
		_, _ = p.as(p.operator, strings.Replace(e, `"id":"`, `"id":"hand-`, 1), "send")
		p.serve.post(url+"/events", "application/cloudevents+json", strings.Replace(e, `"id":"`, `"id":"http-`, 1), nil)
		p.door.post(door+"/events", "application/cloudevents+json", e, nil) // a repeat
	}
	for _, id := range []string{"u9", "u2"} { // too early: neither has an account
		e := cloudEvent(events.EnrollmentRequested, "early-"+id, fmt.Sprintf(`{"user_id":%q,"course_id":"7","vendor":"miestro","email":"%s@example.org"}`, id, id))
		_, _ = p.as(p.producer, e, "send")
	}
	nc := p.connect("producer")
	if nc == nil {
		return
	}
	defer nc.Close()
	if _, err := nc.RequestWithContext(p.ctx, events.UserCreated, []byte(cloudEvent(events.UserCreated, "bad1", `{"user_id":"u2"}`))); err != nil {
		fmt.Fprintln(p.log, "producer:", err)
	}
}

// operate does what people do.
func (p *guardedTerm) operate() {
	p.until("all results", func() bool {
		return p.results("c1", "hand-c1", "http-c1", "e1", "hand-e1", "http-e1", "a1", "hand-a1", "http-a1") == 3*(5+3+1)
	})
	letters := map[string]letter{} // by event, one of each
	p.until("dead letters", func() bool {
		var list []letter
		_ = json.Unmarshal([]byte(p.tell("dead", "list", "--json")), &list)
		for _, l := range list {
			letters[l.EventID] = l
		}
		return len(list) == 1+2 // one for the event at fault
	})
	first, early, kept := letters["bad1"], letters["early-u9"], letters["early-u2"]
	p.tell("dead", "show", first.ID)
	p.tell("dead", "replay", first.ID)
	p.until("a replay", func() bool { return strings.Contains(p.tell("dead", "list", "--json"), `"replay": 1`) })
	p.tell("dead", "drop", first.ID, "--reason", "a test")
	_, _ = p.as(p.producer, cloudEvent(events.UserCreated, "c9", `{"user_id":"u9","email":"u9@example.org","first_name":"U","last_name":"9"}`), "send")
	p.until("a user that was missing", func() bool { return p.results("c9") == 5 })
	_, _ = p.as(p.producer, cloudEvent(events.UserUpdated, "m9", `{"user_id":"u9","email":"moved9@example.org"}`), "send")
	p.until("the index has the new e-mail", func() bool {
		return strings.Contains(p.tell("user", "moved9@example.org", "--json"), `"user_id": "u9"`)
	})
	p.until("the results of the change", func() bool { return p.results("m9") == 5 })
	p.tell("dead", "drop", "--all", "--yes", "--vendor", "magloft", "--reason", "MagLoft keeps the e-mail")
	p.until("the account sends the early enrolment back", func() bool { return !strings.Contains(p.tell("dead", "list"), early.ID) })
	p.tell("pause", kept.Vendor)
	p.tell("dead", "replay", kept.ID) // it needs a call, and is on its way when its user is forgotten
	for _, user := range []string{"u1", "u2"} {
		p.tell("forget", user, "--yes", "--keep-accounts", "--force")
	}
	p.until("they are forgotten", func() bool {
		return p.tell("dead", "list") == "" && !strings.Contains(p.tell("results", "--json"), `"subject":"u1"`)
	})
	p.tell("resume", kept.Vendor)
	_, _ = p.as(p.producer, cloudEvent(events.UserCreated, "again1", oneUser), "send")
	p.until("the kept accounts of a forgotten user are found", func() bool { return p.results("again1") == 5 })
	for _, line := range []string{"pause lead", "resume lead", "user u1", "audit", "reconcile lead", "nats check"} {
		p.tell(strings.Fields(line)...)
	}
	p.until("status", func() bool { _, err := p.as(p.operator, "", "status"); return err == nil })
}

// results counts those of some events.
func (p *guardedTerm) results(ids ...string) (n int) {
	out := p.tell("results", "--json")
	for _, id := range ids {
		n += strings.Count(out, fmt.Sprintf(`"event":{"id":%q`, id))
	}
	return n
}

// deletions deletes more users than the safety stop lets through.
func (p *guardedTerm) deletions() {
	_, _ = p.as(p.producer, people(events.UserDeleted, 1, 4), "send", "-")
	p.until("deletions are held", func() bool { return strings.Contains(p.log.String(), "deletions are on hold") })
	p.tell("approve", "deletions", "--for", "1ms", "--reason", "a test")
	p.until("they are made", func() bool {
		return strings.Count(p.tell("results", "--json", "--type", events.UserDeleted), "\n") == 5*4
	})
}

// life is what a user's rights are for.
func (w *world) life(user string) func(context.Context) (missed []string) {
	if slices.Contains([]string{"backup", "auditor", "system"}, user) {
		return w.upkeep
	}
	return w.term
}

// TestNATSPermissions lives a term with the rights of the example, looks at each right for a use,
// and lives terms without one of them.
func TestNATSPermissions(t *testing.T) {
	t.Parallel()
	lines, all := userRights(t)
	if len(all) < 100 {
		t.Fatalf("got %d rights: the example is not read as it is written", len(all))
	}
	t.Run("all of them are enough, and needed", func(t *testing.T) {
		t.Parallel()
		w, used := guarded(t, lines), &uses{all: map[string]bool{}}
		w.server.SetLoggerV2(used, false, true, false)
		missed := append(w.term(t.Context()), w.upkeep(t.Context())...)
		if len(missed) > 0 {
			t.Errorf("missed: %q\n%s", missed, w.log)
		}
		if strings.Contains(strings.ToLower(w.log.String()), "permissions violation") {
			t.Errorf("something was refused:\n%s", w.log)
		}
		for _, r := range all {
			if !used.of(r) && !rare(r) && !used.of(r.ofReader()) {
				t.Errorf("%s %s %s: never used", r.user, r.verb, r.subject)
			}
		}
	})
	for i, r := range all {
		if i%16 != 0 && (testing.Short() || !natstest.Full()) || rare(r) || r.ofStall() {
			continue
		}
		t.Run(r.String(), func(t *testing.T) {
			t.Parallel()
			lacking(t, lines, r)
		})
	}
}

// lacking lives a term without a right, until somebody says that it is missing.
func lacking(t *testing.T, lines []string, r right) {
	w := guarded(t, lines, r)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // some are needed only at its end, which a busy machine reaches late
	defer cancel()
	ended := make(chan []string, 1)
	go func() { ended <- w.life(r.user)(ctx) }()
	for {
		select {
		case missed := <-ended:
			if !w.refused(r) {
				t.Errorf("nobody says that it is missing (missed: %q)\n%s", missed, w.log)
			}
			return
		case <-time.After(20 * time.Millisecond):
			if w.refused(r) {
				cancel()
			}
		}
	}
}

var violation = regexp.MustCompile(`(?i)permissions violation for (publish|subscription) to \\*"([^"\\]+)`)

// refused tells whether the log says that what r allows was refused.
func (w *world) refused(r right) bool {
	for _, m := range violation.FindAllStringSubmatch(w.log.String(), -1) {
		if strings.HasPrefix(strings.ToLower(m[1]), r.verb[:7]) && server.SubjectsCollide(m[2], r.subject) {
			return true
		}
	}
	return false
}
