package activity

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/usherhq/usher/internal/mailbox"
)

// In order, an activity that may not begin, or that NATS has failed, stays in front of the later
// ones of the user.
func TestAKeptActivity(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want []string
	}{
		"may not begin": {mailbox.ErrClosed, []string{"begin a1", "begin a1", "ack a1", "begin a2", "ack a2"}},
		"NATS failed":   {errors.New("away"), []string{"begin a1", "again a1", "begin a1", "ack a1", "begin a2", "ack a2"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				o := &office{ordered: true, work: func(string) error {
					if tries++; tries == 1 {
						return test.err
					}
					return nil
				}}
				o.post("a", "a1")
				o.post("a", "a2")
				end := o.run(4, 16)
				time.Sleep(10 * time.Second)
				if diff := cmp.Diff(test.want, o.noted()); diff != "" {
					t.Errorf("steps (-want +got)\n%s", diff)
				}
				end()
			})
		})
	}
}

// A kept activity waits as long as activity may not call, and stays in hand.
func TestAKeptActivityIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, tries := &office{ordered: true}, 0
		o.work = func(string) error {
			if tries++; tries > 1 {
				return nil
			}
			o.setClosed(true)
			return mailbox.ErrClosed
		}
		l := o.post("a", "a1")
		end := o.run(4, 16)
		time.Sleep(10 * time.Minute)
		if diff := cmp.Diff([]string{"begin a1"}, o.noted()); diff != "" || l.renewed() < 40 {
			t.Errorf("%d renewals; steps (-want +got)\n%s", l.renewed(), diff)
		}
		o.setClosed(false)
		time.Sleep(2 * time.Second)
		if diff := cmp.Diff([]string{"begin a1", "begin a1", "ack a1"}, o.noted()); diff != "" {
			t.Errorf("steps (-want +got)\n%s", diff)
		}
		end()
	})
}

// In order, the worker ends once a message may have come to another process: the consumer has to
// begin anew, since the server delivers lost messages in any order.
func TestTheWorkerEndsWithALostMessage(t *testing.T) {
	for name, lose := range map[string]func(*office, *letter){
		"not renewed":     func(_ *office, l *letter) { l.frozen = true },
		"no longer owner": func(o *office, _ *letter) { o.until = time.Now() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := &office{ordered: true, work: func(string) error { time.Sleep(ackWait); return nil }}
				lose(o, o.post("a", "a1"))
				o.post("a", "a2")
				w, done := o.worker(4, 16), make(chan struct{})
				go func() { w.Run(context.Background(), time.Second); close(done) }()
				<-done
				if diff := cmp.Diff([]string{"begin a1"}, o.noted()); diff != "" {
					t.Errorf("steps (-want +got)\n%s", diff)
				}
			})
		})
	}
}

// In order, nothing is given back at the end: the next owner takes all again, in order.
func TestTheEndOfAWorkerInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{ordered: true, work: func(string) error { time.Sleep(500 * time.Millisecond); return nil }}
		o.post("a", "a1")
		o.post("a", "a2")
		end := o.run(4, 16)
		synctest.Wait()
		end()
		if diff := cmp.Diff([]string{"begin a1", "ack a1"}, o.noted()); diff != "" {
			t.Errorf("steps (-want +got)\n%s", diff)
		}
	})
}
