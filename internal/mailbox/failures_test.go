package mailbox

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/vendors"
)

// The failures of an outage make one line a minute, whatever their number.
func TestFailuresAreLoggedSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f Failures
		var log bytes.Buffer
		for range 5 * 60 * 100 {
			f.Failed(zerolog.New(&log), "acme", errors.New("no responders"))
			time.Sleep(10 * time.Millisecond)
		}
		if n := strings.Count(log.String(), "\n"); n != 5 {
			t.Errorf("%d lines of five minutes", n)
		}
		if !strings.Contains(log.String(), `"failures":6000`) || f.Total() != 30_000 || !f.Failing() {
			t.Errorf("got %d failures (%v), log:\n%s", f.Total(), f.Failing(), log.String())
		}
		if f.Succeeded(); f.Failing() {
			t.Error("steps still fail after a success")
		}
		f.Failed(zerolog.Nop(), "acme", errors.New("no responders"))
		time.Sleep(time.Minute - time.Nanosecond)
		if !f.Failing() {
			t.Error("a failure counts for less than a minute")
		}
		if time.Sleep(time.Nanosecond); f.Failing() {
			t.Error("a failure that nothing repeats counts for longer than a minute")
		}
	})
}

// A dead letter that cannot be stored is a failure of NATS, until it is stored: of an attempt,
// and of an event that is refused without one.
func TestFailuresOfDeadLetters(t *testing.T) {
	permanent := func() error { return &vendors.Error{Vendor: "acme", Status: 422, Class: vendors.Permanent} }
	for name, work := range map[string]func(t *testing.T, d *fakes, m *Mailboxes){
		"of an attempt": func(t *testing.T, d *fakes, m *Mailboxes) {
			d.record = storedEffect(t, held)
			for range 2 {
				m.Wake(activityKey, func() { d.note("ack") })
				synctest.Wait()
				time.Sleep(time.Second)
			}
		},
		"of a refusal": func(t *testing.T, d *fakes, m *Mailboxes) {
			e := activityEvent(t)
			e.SetType("other")
			m.Deliver(activityMessage(t, e), func() { d.note("ack") })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &fakes{answer: permanent}
				m, run := d.mailboxes(t)
				failures := m.deps.Failures
				d.refuse = func() error {
					if failures.Total() > 0 {
						if !failures.Failing() {
							t.Error("no step fails, though a dead letter was not stored")
						}
						return nil
					}
					return errors.New("the stream is full")
				}
				end := run()
				work(t, d, m)
				time.Sleep(time.Second)
				end()
				if n := failures.Total(); n != 1 || failures.Failing() || d.steps[len(d.steps)-1] != "ack" {
					t.Errorf("got %d failures (%v) and the steps %v, want one that is over", n, failures.Failing(), d.steps)
				}
			})
		})
	}
}

// The dead letter of a failed repair names the account, so that the replay is a repair again. The
// header of an event that is no replay names nothing.
func TestDeadLettersOfRepairs(t *testing.T) {
	header := map[string]string{"Usher-Key": "k", "Usher-Epoch": "1", "Usher-Seq": "7", "Usher-Replay": "1", "Usher-Repair": "5"}
	for name, test := range map[string]struct {
		deliver func(m *Mailboxes, message Message)
		want    string
	}{
		"a replay": {func(m *Mailboxes, message Message) { m.DeliverReplay(message, 3, func() {}) }, "5"},
		"an event": {func(m *Mailboxes, message Message) { m.Deliver(message, func() {}) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &fakes{}
				m, run := d.mailboxes(t)
				end := run()
				e := activityEvent(t)
				e.SetType("other")
				message := activityMessage(t, e)
				for name, value := range header {
					message.Header[name] = []string{value}
				}
				test.deliver(m, message)
				time.Sleep(time.Second)
				end()
				if len(d.letters) != 1 || d.letters[0].Repair != test.want {
					t.Errorf("got %+v, want one with the account %q", d.letters, test.want)
				}
			})
		})
	}
}
