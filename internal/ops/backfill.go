package ops

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/schemas"
)

// BackfillOptions are the options of Backfill.
type BackfillOptions struct {
	Vendor   string
	From     io.Reader // users as JSON lines, with the data of user.created
	DryRun   bool      // send nothing
	Progress func(users string, n int)
	Row      func(BackfillRow) error // called for each user that is not sent; may be nil
}

// BackfillRow is a user of the file that is not sent.
type BackfillRow struct {
	Line   int    `json:"line"`
	UserID string `json:"user_id,omitempty"`
	Why    string `json:"why"`
}

// Backfilled is the outcome of a backfill.
type Backfilled struct {
	Vendor  string `json:"vendor"`
	Users   int    `json:"users"`   // in the file
	Sent    int    `json:"sent"`    // without an account until now
	There   int    `json:"there"`   // with an account, or with an event in progress
	Deleted int    `json:"deleted"` // in the records or the profiles, after the file was made or before
	Invalid int    `json:"invalid"`
	DryRun  bool   `json:"dry_run,omitempty"`
}

// Backfill sends user.created for the users of a file to one vendor, and for users without an account
// in the records only. Each event has the position before all events: any event of the user wins. The
// id comes from vendor and data, so that a backfill may be repeated after an interrupt. The action is
// recorded in the audit log first.
func (s *Service) Backfill(ctx context.Context, o BackfillOptions, by Actor) (Backfilled, error) {
	done := Backfilled{Vendor: o.Vendor, DryRun: o.DryRun}
	if why := s.Config.Off()[o.Vendor]; why != "" {
		return done, fmt.Errorf("%s is off here: %s", o.Vendor, why)
	}
	b, err := s.backfill(ctx, o)
	if err != nil {
		return done, err
	}
	if !o.DryRun {
		act := by.action(streams.UserBackfilled)
		act.Vendor, act.Type = o.Vendor, events.UserCreated
		if err := s.Streams.Audit.Record(ctx, s.Config.Source, act); err != nil {
			return done, err
		}
	}
	for line, err := range userLines(o.From) {
		if err != nil {
			return done, err
		}
		if err := ctx.Err(); err != nil {
			return done, err
		}
		done.Users++
		if err := b.user(ctx, line, &done); err != nil {
			return done, fmt.Errorf("line %d: %w", line.number, err)
		}
		if o.Progress != nil {
			o.Progress("users", done.Users)
		}
	}
	return done, nil
}

// backfill sends the users of a file.
type backfill struct {
	BackfillOptions
	*Service
	valid    *schemas.Set
	accounts *recordstore.Store
	profiles *profile.Store
	at       events.Position // before all events
}

// backfill opens the streams.
func (s *Service) backfill(ctx context.Context, o BackfillOptions) (*backfill, error) {
	b := &backfill{BackfillOptions: o, Service: s}
	var err error
	if b.valid, err = schemas.New(); err != nil {
		return nil, err
	}
	if b.accounts, err = s.records(ctx, streams.AccountsBucket); err != nil {
		return nil, err
	}
	if b.profiles, err = s.profiles(ctx); err != nil {
		return nil, err
	}
	at, err := s.Streams.Client.Extent(ctx, s.eventsStream())
	b.at.Epoch = at.Epoch
	return b, err
}

// user sends one user, or counts why not.
func (b *backfill) user(ctx context.Context, line userLine, done *Backfilled) error {
	e, err := b.event(line.data)
	if err == nil {
		err = b.valid.Validate(e)
	}
	if err != nil {
		done.Invalid++
		return b.row(line, "", err.Error())
	}
	id := events.UserID(e)
	account, err := b.accounts.Load(ctx, record.AccountKey(b.Vendor, id))
	if err != nil {
		return err
	}
	known, err := b.profiles.Load(ctx, record.Digest(id))
	if err != nil {
		return err
	}
	key := record.KeyOf(events.Key(e.Source(), e.ID()))
	switch r := account.Record; {
	case r.State == record.Deleted, isDeleted(&known) && !reflect.ValueOf(known).IsZero(): // a zero profile is of an unknown user
		done.Deleted++
		return b.row(line, id, "the user was deleted: to bring the user back, send user.created")
	case r.State == record.Active, r.Has(key, 1), slices.ContainsFunc(r.Pending, func(p record.Effect) bool { return p.Scope.WholeAccount() }):
		done.There++
		return nil
	}
	done.Sent++
	if b.DryRun {
		return nil
	}
	one, err := again(b.Vendor, e, b.at)
	if err != nil {
		return err
	}
	return b.Streams.Replays.Send(ctx, one.letter)
}

// isDeleted reports whether a stored profile is that of a deleted user.
func isDeleted(p *profile.Profile) bool { return len(p.Members) == 0 || p.Gone() }

// event returns the event of a user, with an id of vendor and data.
func (b *backfill) event(data []byte) (events.Event, error) {
	sum := sha256.Sum256(append([]byte(b.Vendor+"\n"), data...))
	return events.New(events.UserCreated, b.Config.Source+"/backfill", hex.EncodeToString(sum[:16]), time.Now().UTC(), json.RawMessage(data))
}

func (b *backfill) row(line userLine, id, why string) error {
	if b.Row == nil {
		return nil
	}
	return b.Row(BackfillRow{line.number, id, why})
}
