package bus

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
)

const auditSubject = "usher.audit"

// The kinds of Action, which are the types of their CloudEvents.
const (
	DeadReplayed  = "usher.dead.replayed"
	DeadDropped   = "usher.dead.dropped"
	VendorPaused  = "usher.vendor.paused"
	VendorResumed = "usher.vendor.resumed"

	DeletionsApproved = "usher.deletions.approved"
	DeletionsDropped  = "usher.deletions.dropped"

	AccountRepaired = "usher.account.repaired"

	EventSent = "usher.event.sent" // by hand, from the console

	UserForgotten = "usher.user.forgotten"
)

// Action is what a person did to usher's work.
type Action struct {
	Kind    string    `json:"-"` // the type of its CloudEvent
	At      time.Time `json:"at"`
	Who     string    `json:"who"`
	Why     string    `json:"why,omitempty"`
	Vendor  string    `json:"vendor,omitempty"`
	Type    string    `json:"type,omitempty"` // of the event whose effect it was done to
	Key     string    `json:"key,omitempty"`  // of that event
	EventID string    `json:"event_id,omitempty"`
	Replay  int       `json:"replay,omitempty"`     // the number of the replay that was sent
	Until   time.Time `json:"until,omitzero"`       // the end of a pause that has one, or of an approval
	Account string    `json:"account_id,omitempty"` // the vendor's id of what was repaired
	User    string    `json:"user,omitempty"`       // the digest of the id of who was forgotten
}

// What is the thing it was done to: a vendor, the ID of a dead letter, the digest of
// a user's id, or nothing of these.
func (a Action) What() string { return cmp.Or(strings.Trim(a.Vendor+"."+a.Key, "."), a.User) }

// Audit writes an action down for a year or however long the stream keeps it,
// and returns once the server has it. It is called before the action itself:
// none is done that is not written down.
func (b *Bus) Audit(ctx context.Context, source string, a Action) error {
	e, err := events.New(a.Kind, source, rand.Text(), a.At, a)
	if err != nil {
		return fmt.Errorf("write action: %w", err)
	}
	e.SetSubject(a.What())
	_, err = b.publish(ctx, auditSubject, e)
	return err
}

// AuditQuery says which actions are read. The zero value is all that there are.
type AuditQuery struct {
	Since  time.Time // written down at or after this time only
	Follow bool      // wait for further ones at the end
}

// Actions calls yield with each action, oldest first, as Results does.
func (b *Bus) Actions(ctx context.Context, q AuditQuery, yield func(events.Event, Action) bool) error {
	r := reading{stream: AuditStream, follow: q.Follow}
	if !q.Since.IsZero() {
		r.consumer.DeliverPolicy, r.consumer.OptStartTime = jetstream.DeliverByStartTimePolicy, &q.Since
	}
	return b.scan(ctx, r, func(m jetstream.Msg) bool {
		e, a, ok := readAction(m)
		return !ok || yield(e, a)
	})
}

// readAction reads a message of the stream of actions.
func readAction(m jetstream.Msg) (e events.Event, a Action, ok bool) {
	e, err := events.FromNATS(m.Headers(), m.Data())
	if err != nil {
		return e, a, false
	}
	if err := json.Unmarshal(e.Data(), &a); err != nil {
		return e, a, false
	}
	a.Kind = e.Type()
	return e, a, a.Who != ""
}
