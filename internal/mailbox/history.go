package mailbox

import (
	"context"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/history"
	"github.com/usherhq/usher/internal/mailbox/record"
)

// History lists finished effects for people. Append returns once all entries are stored; it
// may be called again with the same entries.
type History interface {
	Append(ctx context.Context, entries ...history.Entry) error
}

// entry returns the history entry of a finished effect of the record with this key. An effect
// always has the same entry.
func entry(recordKey, eventKey string, f *record.Finished) history.Entry {
	vendor, digest := record.SplitKey(recordKey)
	first, begun := f.Registered.UTC().Truncate(time.Millisecond), f.Begun
	if !begun.IsZero() { // the record stores the difference, in milliseconds
		begun = first.Add(begun.Sub(f.Registered).Truncate(time.Millisecond))
	}
	e := history.Entry{
		Key: eventKey, Vendor: vendor, Digest: digest, Type: f.Type, Scope: f.Scope, Course: f.Course,
		Position: f.Position, Replay: f.Replay, Attempts: f.Attempts, First: first, Begun: begun, Ended: f.At.UTC().Round(0),
		Outcome: f.Kind, Class: f.Class, Status: f.Status, Message: f.Message, AccountID: f.AccountID, TookMS: f.TookMS,
		Action: f.Action, MatchedBy: f.MatchedBy, Changed: f.ChangedFields(), Reason: f.Reason,
	}
	if f.By != "" && f.Attempts > 0 {
		e.Last = e.Ended.Add(-time.Duration(f.TookMS) * time.Millisecond)
	}
	return e
}

// FormerHistory returns the history entries of a record that the former core has written and
// that is not converted yet. A record in the present form has none.
func FormerHistory(recordKey string, encoded []byte) ([]history.Entry, error) {
	list, err := record.History(encoded)
	if err != nil {
		return nil, err
	}
	var entries []history.Entry
	for i := range list {
		if list[i].Scope != events.ScopeActivity {
			entries = append(entries, entry(recordKey, list[i].EventKey, &list[i].Finished))
		}
	}
	return entries, nil
}

// appendHistory appends the entry of a finished effect. Activity has no history.
func appendHistory(ctx context.Context, h History, e history.Entry) error {
	if e.Scope == events.ScopeActivity {
		return nil
	}
	return h.Append(ctx, e)
}
