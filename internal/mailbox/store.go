package mailbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/pause"
)

// stored is a record as the store holds the record, as far as this process knows.
type stored struct {
	known    bool
	record   *record.Record
	encoded  []byte
	revision uint64
	// assumed says that the record was not read: the user is taken for a new one.
	assumed bool
}

// assumeNew takes the user for a new one, without reading the record: the store refuses the first
// version of a record that is there. Only the first creation of a mailbox is worth a try.
func (u *user) assumeNew(arrivals []*arrival) {
	if u.stored.known || u.met || len(arrivals) == 0 {
		return
	}
	if first := arrivals[0]; first.Type == events.UserCreated && first.Replay == 0 {
		u.stored = stored{known: true, record: &record.Record{}, assumed: true}
	}
}

// unreadableError is returned for a record in an unknown form.
type unreadableError struct{ error }

// load reads the record of the user unless the record is known.
func (p *parts) load(ctx context.Context, u *user) error {
	u.met = true
	if u.stored.known {
		return nil
	}
	encoded, revision, err := p.deps.Records.Load(ctx, u.key)
	if err != nil {
		return fmt.Errorf("load record: %w", err)
	}
	s := stored{known: true, record: &record.Record{}, encoded: encoded, revision: revision}
	if len(encoded) > 0 {
		if s.record, err = record.Decode(encoded); err != nil {
			return unreadableError{err}
		}
	}
	u.stored = s
	return nil
}

// revise lets change work on a copy of the record and stores the copy. If the record was
// changed meanwhile, or if a store got no answer, revise reads the record and lets change
// work on a new copy: change must recognize former work. An unchanged copy is not stored.
func (p *parts) revise(ctx context.Context, u *user, change func(*record.Record) error) error {
	const tries = 8
	for try := 1; ; try++ {
		if err := p.load(ctx, u); err != nil {
			return err
		}
		next := u.stored.record.Clone()
		err := change(next)
		if err != nil && u.stored.assumed { // an assumption justifies no other step, such as a dead letter
			u.stored = stored{}
			continue
		}
		if err != nil {
			return err
		}
		encoded, err := next.Encode()
		if err != nil {
			return fmt.Errorf("write record: %w", err)
		}
		if bytes.Equal(encoded, u.stored.encoded) {
			return nil
		}
		if next.Converted {
			if err := p.appendFormer(ctx, u); err != nil {
				return err
			}
			next.Converted = false
		}
		revision, err := p.deps.Records.Store(ctx, u.key, encoded, u.stored.revision)
		if err == nil {
			u.stored = stored{known: true, record: next, encoded: encoded, revision: revision}
			return nil
		}
		u.stored, u.profile = stored{}, nil // until the next load
		if !errors.Is(err, ErrStaleRevision) && try >= tries || ctx.Err() != nil {
			return fmt.Errorf("store record: %w", err)
		}
		if !errors.Is(err, ErrStaleRevision) {
			pause.For(ctx, time.Duration(try)*20*time.Millisecond)
		}
	}
}

// appendFormer appends the finished effects of a record of the former core to the history,
// before the record is stored without the effects.
func (p *parts) appendFormer(ctx context.Context, u *user) error {
	entries, err := FormerHistory(u.key, u.stored.encoded)
	if err != nil || len(entries) == 0 {
		return err
	}
	return p.deps.History.Append(ctx, entries...)
}
