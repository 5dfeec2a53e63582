package mailbox

import (
	"errors"
	"testing"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// creation returns the arrivals of a mailbox that begins with the creation of the user.
func creation() []*arrival {
	return []*arrival{{Arrival: record.Arrival{Key: 1, Type: events.UserCreated}}}
}

func TestNewUserIsNotRead(t *testing.T) {
	p, records, _ := acme()
	reads := 0
	records.after = func(string) { reads++ }
	u := &user{key: record.AccountKey("acme", "u1")}
	u.assumeNew(creation())
	err := p.revise(t.Context(), u, func(r *record.Record) error { r.UserID = "u1"; return nil })
	if err != nil || reads > 0 || len(records.values) != 1 {
		t.Errorf("got %v, %d reads and %d records, want one record without a read", err, reads, len(records.values))
	}
}

// A user who was taken for a new one has a record. An error of the plan is one of the record, and never
// of the assumption: with the error comes a step, such as a dead letter.
func TestAssumptionIsCorrected(t *testing.T) {
	other := errors.New("another step comes first")
	for name, change := range map[string]func(r *record.Record) error{
		"a store is refused": func(*record.Record) error { return nil },
		"a step comes first": func(r *record.Record) error {
			if r.AccountID == "" {
				return other
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, _ := acme()
			claimed(t, p, "u1", record.Record{AccountID: "7"})
			u := &user{key: record.AccountKey("acme", "u1")}
			u.assumeNew(creation())
			err := p.revise(t.Context(), u, func(r *record.Record) error {
				if err := change(r); err != nil {
					return err
				}
				r.Former = "6"
				return nil
			})
			if r := u.stored.record; err != nil || r == nil || r.AccountID != "7" || r.Former != "6" {
				t.Errorf("got %v and %+v", err, r)
			}
			u.stored = stored{}
			if u.assumeNew(creation()); u.stored.known {
				t.Error("a user with a known record was taken for a new one")
			}
		})
	}
}
