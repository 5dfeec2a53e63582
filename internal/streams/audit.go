package streams

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
)

// AuditSubject is the subject of the audit log.
const AuditSubject = "usher.audit"

// The kinds of Action: the types of the CloudEvents.
const (
	DeadReplayed  = "usher.dead.replayed"
	DeadDropped   = "usher.dead.dropped"
	VendorPaused  = "usher.vendor.paused"
	VendorResumed = "usher.vendor.resumed"
	VendorChecked = "usher.vendor.checked" // "try now" for a vendor on hold

	DeletionsApproved = "usher.deletions.approved"
	DeletionsDropped  = "usher.deletions.dropped"

	AccountRepaired = "usher.account.repaired"

	EventSent = "usher.event.sent" // by hand, from the console

	ConfigurationReloaded = "usher.configuration.reloaded"

	UserForgotten  = "usher.user.forgotten"
	UserResynced   = "usher.user.resynced"
	UserBackfilled = "usher.user.backfilled"
	DataRevealed   = "usher.data.revealed" // of a dead letter, to a person
)

// Action is an action of a person.
type Action struct {
	Kind    string    `json:"-"` // the type of the CloudEvent
	At      time.Time `json:"at"`
	Who     string    `json:"who"`
	Why     string    `json:"why,omitempty"`
	Vendor  string    `json:"vendor,omitempty"`
	Type    string    `json:"type,omitempty"` // of the affected event
	Key     string    `json:"key,omitempty"`  // of the affected event
	EventID string    `json:"event_id,omitempty"`
	Replay  int       `json:"replay,omitempty"`     // the number of the sent replay
	Until   time.Time `json:"until,omitzero"`       // the end of a limited pause, or of an approval
	Account string    `json:"account_id,omitempty"` // the vendor's id of the repaired account
	Outcome string    `json:"outcome,omitempty"`    // of a reload: "requested", and in a further action the answer
	User    string    `json:"user,omitempty"`       // the digest of the id of the user who is forgotten, or whose deletion is approved
}

// Object returns the object of the action: a vendor, the ID of a dead letter, the digest of a
// user id, a vendor and the digest, or nothing.
func (a Action) Object() string { return strings.Trim(a.Vendor+"."+cmp.Or(a.Key, a.User), ".") }

// Audit is the audit log. The stream keeps the entries for nats.audit_max_age.
type Audit struct {
	client Client
	key    []byte // of the links
}

// NewAudit returns the audit log. The stream may be created later.
func NewAudit(c Client) *Audit {
	c.JetStream = c.Of(c.Names.Stream(AuditStream))
	return &Audit{client: c}
}

// SignWith sets the key of the links between the entries. All processes and commands need the
// same key. Call SignWith before the first use.
func (l *Audit) SignWith(key []byte) { l.key = key }

// Record stores an action, and returns after the server's acknowledgement. Record an action
// before the action itself: no action may go unrecorded.
func (l *Audit) Record(ctx context.Context, source string, a Action) error {
	e, err := events.New(a.Kind, source, rand.Text(), a.At, a)
	if err != nil {
		return fmt.Errorf("write action: %w", err)
	}
	e.SetSubject(a.Object())
	m, err := eventMessage(AuditSubject, e)
	if err != nil {
		return err
	}
	return l.append(ctx, m)
}

// AuditQuery selects actions. The zero value selects all actions.
type AuditQuery struct {
	Since  time.Time // only actions recorded at or after this time
	Follow bool      // wait for further actions at the end
}

// AuditEntry is a recorded action and the CloudEvent.
type AuditEntry struct {
	Event events.Event
	Action
}

// List returns the recorded actions, the oldest first; see Client.Messages.
func (l *Audit) List(ctx context.Context, q AuditQuery) iter.Seq2[AuditEntry, error] {
	return func(yield func(AuditEntry, error) bool) {
		for m, err := range l.client.Messages(ctx, AuditStream, Query{Since: q.Since, Follow: q.Follow}) {
			entry, ok := readAction(m)
			if (ok || err != nil) && !yield(entry, err) {
				return
			}
		}
	}
}

// readAction decodes an entry, and reports whether the message is an entry.
func readAction(m Message) (entry AuditEntry, ok bool) {
	e, err := events.FromNATS(m.Header, m.Data)
	if err != nil || json.Unmarshal(e.Data(), &entry.Action) != nil {
		return entry, false
	}
	entry.Event, entry.Kind = e, e.Type()
	return entry, entry.Who != ""
}
