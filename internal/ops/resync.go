package ops

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/schemas"
)

var errNoneOn = errors.New("none of these vendors is on here: see usher config check")

// The errors of a resync.
var (
	// ErrNobody is returned for a user of whom no data is known.
	ErrNobody = errors.New("no data of this user is known here: send user.created")
	// ErrDeleted is returned for a user whose last lifecycle event is a deletion.
	ErrDeleted = errors.New("the user was deleted: to bring the user back, send user.created or user.restored")
)

// Resynced is an event of a resync at one vendor.
type Resynced struct {
	Vendor  string `json:"vendor"`
	Type    string `json:"type"`
	EventID string `json:"event_id"`
	Source  string `json:"source"`

	event  events.Event
	letter streams.DeadLetter
}

// person is the last known data of a user.
type person struct {
	data    json.RawMessage
	at      events.Position // of the newest member
	profile bool            // the data is the stored profile
}

// Resync sends the last known data of a user to the vendors with these names, or to all vendors that
// are on here: as an update of an account in the record, or else as a creation and an update. Each
// event has an id of its own, goes to one vendor only, and has the position of the newest data: a
// newer event of the user wins. Each is recorded in the audit log first.
func (s *Service) Resync(ctx context.Context, user string, names []string, by Actor) ([]Resynced, error) {
	list, err := s.resyncOf(ctx, user, names)
	if err != nil {
		return nil, err
	}
	for i, r := range list {
		act := onLetter(by.action(streams.UserResynced), r.letter)
		act.Replay = r.letter.Replay + 1
		err := s.Streams.Audit.Record(ctx, s.Config.Source, act)
		if err == nil {
			err = s.Streams.Replays.Send(ctx, r.letter)
		}
		if err != nil {
			return list[:i], err
		}
	}
	return list, nil
}

// PreviewResync predicts the consequences of a resync; see PreviewEvents.
func (s *Service) PreviewResync(ctx context.Context, user string, names []string) ([]EventPreview, error) {
	list, err := s.resyncOf(ctx, user, names)
	if err != nil {
		return nil, err
	}
	var messages []previewMessage
	for _, r := range list {
		subject, header := r.letter.AsReplay()
		messages = append(messages, previewMessage{
			event: r.event, vendor: r.Vendor, replay: r.letter.Replay + 1,
			message: mailbox.Message{
				Stream: streams.ReplaysStream, Position: events.Position{Epoch: r.letter.Epoch, Seq: r.letter.Seq},
				Subject: subject, Header: header, Payload: r.letter.Payload, Stored: time.Now(),
			},
		})
	}
	return s.previewMessages(ctx, messages, names)
}

// resyncOf returns the events of a resync.
func (s *Service) resyncOf(ctx context.Context, user string, names []string) ([]Resynced, error) {
	known, err := s.lastKnown(ctx, user)
	if err != nil {
		return nil, err
	}
	valid, err := schemas.New()
	if err != nil {
		return nil, err
	}
	records, err := s.records(ctx, streams.AccountsBucket)
	if err != nil {
		return nil, err
	}
	source := s.Config.Source + mailbox.ResyncSource
	if !known.profile {
		source += "/events"
	}
	var list []Resynced
	off := s.Config.Off()
	for _, v := range s.Vendors {
		if off[v.Name] != "" || len(names) > 0 && !slices.Contains(names, v.Name) {
			continue
		}
		e, err := records.Load(ctx, record.AccountKey(v.Name, user))
		if err != nil {
			return nil, err
		}
		types := []string{events.UserUpdated}
		if e.Record.State != record.Active {
			types = []string{events.UserCreated, events.UserUpdated}
		}
		for _, kind := range types {
			event, err := events.New(kind, source, rand.Text(), time.Now().UTC(), known.data)
			if err == nil {
				err = valid.Validate(event)
			}
			if err != nil {
				return nil, fmt.Errorf("the known data of the user makes no %s: %w; send user.created with all data", kind, err)
			}
			one, err := again(v.Name, event, known.at)
			if err != nil {
				return nil, err
			}
			list = append(list, one)
		}
	}
	if len(list) == 0 {
		return nil, errNoneOn
	}
	return list, nil
}

// again returns an event for one vendor at a position, as a replay.
func again(vendor string, e events.Event, at events.Position) (Resynced, error) {
	header, payload, err := events.ToNATS(e)
	return Resynced{
		Vendor: vendor, Type: e.Type(), EventID: e.ID(), Source: e.Source(), event: e,
		letter: streams.DeadLetter{
			Vendor: vendor, Type: e.Type(), Key: events.Key(e.Source(), e.ID()), EventID: e.ID(), Source: e.Source(),
			Epoch: at.Epoch, Seq: at.Seq, Stored: e.Time(), Header: header, Payload: payload,
		},
	}, err
}

// lastKnown returns the last known data of a user: the profile, with the events of the user that are
// still stored.
func (s *Service) lastKnown(ctx context.Context, user string) (person, error) {
	store, err := s.profiles(ctx)
	if err != nil {
		return person{}, err
	}
	p, err := store.Load(ctx, record.Digest(user))
	if err != nil {
		return person{}, err
	}
	older, err := s.mergeEvents(ctx, &p, user)
	if err != nil {
		return person{}, err
	}
	switch {
	case len(p.Members) == 0 && p.Deleted != events.Position{}:
		return person{}, ErrDeleted
	case len(p.Members) == 0:
		return person{}, ErrNobody
	}
	data, err := p.Data()
	return person{data: data, at: p.Newest(), profile: !older}, err
}

// mergeEvents merges the stored events of a user into a profile, and reports whether the profile
// lacked any.
func (s *Service) mergeEvents(ctx context.Context, p *profile.Profile, user string) (changed bool, err error) {
	positions, err := s.eventsOf(ctx, user)
	if err != nil {
		return false, err
	}
	for _, at := range positions {
		o, err := s.Streams.Events.Original(ctx, at)
		_, invalid := errors.AsType[*events.InvalidError](err)
		switch {
		case errors.Is(err, streams.ErrGone), invalid:
			continue
		case err != nil:
			return false, err
		}
		if e, _ := events.Clean(o.Event); events.UserID(e) == user {
			merged, err := p.Merge(e, at)
			if err != nil {
				return false, err
			}
			changed = changed || merged
		}
	}
	return changed, nil
}

// eventsOf returns the positions of the events that changed an account of the user, or will.
func (s *Service) eventsOf(ctx context.Context, user string) ([]events.Position, error) {
	seen := map[events.Position]bool{}
	add := func(scope events.Scope, at events.Position) {
		if scope.WholeAccount() {
			seen[at] = true
		}
	}
	entries, err := s.history().User(ctx, record.Digest(user))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		add(events.ScopeOf(e.Type), e.Position)
	}
	records, err := s.records(ctx, streams.AccountsBucket)
	if err != nil {
		return nil, err
	}
	for _, v := range s.Vendors {
		e, err := records.Load(ctx, record.AccountKey(v.Name, user))
		if err != nil {
			return nil, err
		}
		for _, f := range e.Record.Finished {
			add(f.Scope, f.Position)
		}
		for _, f := range e.Record.Pending {
			add(f.Scope, f.Position)
		}
	}
	list := make([]events.Position, 0, len(seen))
	for at := range seen {
		list = append(list, at)
	}
	slices.SortFunc(list, func(a, b events.Position) int { return a.Compare(b) })
	return list, nil
}
