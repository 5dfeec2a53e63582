// Package history keeps the finished effects of users in a stream, for people: the record of
// a user holds an effect only until its result is published. Entries are appended without
// compare-and-set, and an entry may be stored more than once.
package history

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// Entry is a finished effect of a user at a vendor. It holds no personal data but the
// vendor's account id and the message of a failure, which is cleaned.
type Entry struct {
	Key    string       `json:"key"` // of the event; 16 digits of it if the event had left its stream
	Vendor string       `json:"vendor"`
	Digest string       `json:"digest"` // of the user id, as in the key of the record
	Type   string       `json:"type"`
	Scope  events.Scope `json:"scope,omitempty"`
	Course string       `json:"course,omitempty"`
	Replay int          `json:"replay,omitempty"` // number of the replay; 0: the event itself

	events.Position // of the event, also for a replay

	Attempts int       `json:"attempts,omitempty"`
	First    time.Time `json:"first"`          // the registration
	Begun    time.Time `json:"begun,omitzero"` // the first attempt
	Last     time.Time `json:"last,omitzero"`  // beginning of the attempt that gave the outcome
	Ended    time.Time `json:"ended"`

	Outcome   string `json:"outcome"`
	Class     string `json:"class,omitempty"` // of a failure
	Status    int    `json:"status,omitempty"`
	Message   string `json:"message,omitempty"`
	AccountID string `json:"account_id,omitempty"` // the vendor's
	TookMS    int64  `json:"took_ms,omitempty"`

	Action    string   `json:"action,omitempty"` // as in events.Result, with MatchedBy, Changed and Reason
	MatchedBy string   `json:"matched_by,omitempty"`
	Changed   []string `json:"changed,omitempty"`
	Reason    string   `json:"reason,omitempty"`

	Automatic bool `json:"automatic,omitempty"` // a replay that the account has sent, not a person
}

// id returns the Nats-Msg-Id: the same for every copy of an entry.
func (e *Entry) id() string {
	id := fmt.Sprintf("%s.%d.%d.%d", e.Vendor, e.Epoch, e.Seq, e.Replay)
	if e.Replay > 0 { // several replays may have one position: of a resync, or of a backfill
		id += "." + e.Key[:min(16, len(e.Key))]
	}
	return id
}

// digestDigits is the number of digits of the digest in a subject. The digits bound the number
// of subjects, which the server keeps in memory, to 65,536.
const digestDigits = 4

// subject returns the subject of the entries of a user at all vendors. The server finds the
// messages of one literal subject by an index, but those of a wildcard by reading the stream.
func subject(digest string) (string, error) {
	if len(digest) < digestDigits {
		return "", fmt.Errorf("%q is no digest of a user id", digest)
	}
	return "usher.history." + digest[:digestDigits], nil
}

// Log is the stream of entries. Its methods may be called concurrently.
type Log struct {
	client streams.Client
	stream string
}

// New returns the log in a stream, which must exist when a method is called.
func New(c streams.Client, stream string) *Log { return &Log{client: c, stream: stream} }

// publishes bounds the entries that Append publishes at a time.
const publishes = 64

// Append stores entries, and returns once all are stored. After an error some may be stored,
// or all. An entry that is appended again within the duplicate window is stored once.
func (l *Log) Append(ctx context.Context, entries ...Entry) error {
	if len(entries) == 1 {
		return l.append(ctx, &entries[0])
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(publishes)
	for i := range entries {
		group.Go(func() error { return l.append(ctx, &entries[i]) })
	}
	return group.Wait()
}

func (l *Log) append(ctx context.Context, e *Entry) error {
	subject, err := subject(e.Digest)
	if err != nil {
		return err
	}
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	m := &nats.Msg{Subject: subject, Data: data}
	_, err = l.client.Publish(ctx, l.stream, m, jetstream.WithMsgID(e.id()), jetstream.WithExpectStream(l.client.Names.Stream(l.stream)))
	return err
}

// User returns the entries of a user at all vendors, in the order of the events. Of several
// entries for one effect the last counts.
func (l *Log) User(ctx context.Context, digest string) ([]Entry, error) {
	type effect struct {
		vendor, key string
		replay      int
	}
	last := map[effect]Entry{}
	err := l.each(ctx, digest, func(_ uint64, e Entry) {
		last[effect{e.Vendor, e.Key[:min(16, len(e.Key))], e.Replay}] = e
	})
	list := make([]Entry, 0, len(last))
	for _, e := range last {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Entry) int {
		return cmp.Or(a.Compare(b.Position), cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Replay, b.Replay), cmp.Compare(a.Key, b.Key))
	})
	return list, err
}

// each calls yield with the entries of a user and their sequences, the oldest first.
func (l *Log) each(ctx context.Context, digest string, yield func(seq uint64, e Entry)) error {
	filter, err := subject(digest)
	if err != nil {
		return err
	}
	for m, err := range l.client.Messages(ctx, l.stream, streams.Query{Subjects: []string{filter}}) {
		if err != nil {
			return err
		}
		var e Entry
		if json.Unmarshal(m.Data, &e) == nil && e.Digest == digest { // others share the subject
			yield(m.Position.Seq, e)
		}
	}
	return nil
}

// Erase removes the entries of a user, lets the server overwrite the bytes on the disk, and
// returns the number of removed entries. After an interruption, call Erase again.
func (l *Log) Erase(ctx context.Context, digest string) (erased int, err error) {
	var sequences []uint64
	if err := l.each(ctx, digest, func(seq uint64, _ Entry) { sequences = append(sequences, seq) }); err != nil {
		return 0, err
	}
	for _, seq := range sequences {
		if err := l.client.Erase(ctx, l.stream, seq); err != nil {
			return erased, err
		}
		erased++
	}
	return erased, nil
}
