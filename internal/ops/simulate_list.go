package ops

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/schemas"
)

// simulatedUser is a user of a simulation.
type simulatedUser struct {
	id      string
	known   handlers.Profile // the profile for the rules
	at      events.Position  // of the newest data
	created events.Event     // the events of a resync
	updated events.Event
	invalid string // why the data makes no event
	deleted bool
}

// simulatedUsers returns the users of a file, or of all profiles.
func (s *Service) simulatedUsers(ctx context.Context, from io.Reader) (iter.Seq2[simulatedUser, error], error) {
	at, err := s.Streams.Client.Extent(ctx, s.eventsStream())
	if err != nil {
		return nil, err
	}
	valid, err := schemas.New()
	if err != nil {
		return nil, err
	}
	m := userMaker{source: s.Config.Source + mailbox.ResyncSource, valid: valid, now: time.Now().UTC()}
	if from != nil {
		return m.ofFile(from, events.Position{Epoch: at.Epoch, Seq: at.Last + 1}), nil
	}
	store, err := s.profiles(ctx)
	if err != nil {
		return nil, err
	}
	records, err := streams.OpenRecords(ctx, s.Streams.Client, streams.ProfilesBucket)
	if errors.Is(err, streams.ErrNoStream) {
		return nil, ErrNoProfiles
	}
	return func(yield func(simulatedUser, error) bool) {
		seen := map[record.Key]bool{} // a profile that is stored meanwhile is listed twice
		for r, err := range records.List(ctx, "") {
			key := record.KeyOf(r.Key)
			if err == nil && seen[key] {
				continue
			}
			seen[key] = true
			var u simulatedUser
			var p profile.Profile
			if err == nil {
				p, err = store.Decode(r.Key, r.Value)
			}
			if err == nil {
				u, err = m.of(p, p.Newest())
			}
			if errors.Is(err, profile.ErrUnreadable) {
				u, err = simulatedUser{invalid: err.Error()}, nil
			}
			if !yield(u, err) || err != nil {
				return
			}
		}
	}, err
}

// userMaker makes the events of a resync for many users.
type userMaker struct {
	source string
	valid  *schemas.Set
	now    time.Time
}

// ofFile returns the users of JSON lines, with data as of user.created.
func (m userMaker) ofFile(from io.Reader, at events.Position) iter.Seq2[simulatedUser, error] {
	return func(yield func(simulatedUser, error) bool) {
		for line, err := range userLines(from) {
			var u simulatedUser
			if err == nil {
				var p profile.Profile
				var e events.Event
				if e, err = events.New(events.UserCreated, m.source, "x", m.now, json.RawMessage(line.data)); err == nil {
					_, err = p.Merge(e, at)
				}
				if err != nil {
					err = fmt.Errorf("line %d: %w", line.number, err)
				} else {
					u, err = m.of(p, at)
					if invalid := m.valid.Validate(e); invalid != nil {
						u.invalid = invalid.Error()
					}
				}
			}
			if !yield(u, err) || err != nil {
				return
			}
		}
	}
}

// userLine is a line with the data of a user.
type userLine struct {
	number int
	data   []byte
}

// longestLine bounds the data of one user in a file.
const longestLine = 1 << 20

// userLines returns the lines of a file with a JSON object each. Blank lines are left out.
func userLines(from io.Reader) iter.Seq2[userLine, error] {
	return func(yield func(userLine, error) bool) {
		scan := bufio.NewScanner(from)
		scan.Buffer(nil, longestLine)
		for n := 1; scan.Scan(); n++ {
			data := bytes.TrimSpace(scan.Bytes())
			if n == 1 {
				data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
			}
			if len(data) == 0 {
				continue
			}
			var err error
			if data[0] != '{' || !json.Valid(data) {
				err = fmt.Errorf(`line %d: want a JSON object, such as {"user_id":"ada","email":"ada@example.org"}`, n)
			}
			if !yield(userLine{n, bytes.Clone(data)}, err) || err != nil {
				return
			}
		}
		if err := scan.Err(); err != nil {
			yield(userLine{}, fmt.Errorf("read the users: %w", err))
		}
	}
}

// of returns the user of a profile.
func (m userMaker) of(p profile.Profile, at events.Position) (simulatedUser, error) {
	u := simulatedUser{at: at, deleted: isDeleted(&p)}
	if u.deleted {
		return u, nil
	}
	var err error
	if u.known, err = mailbox.ProfileAt(p, at); err != nil {
		return u, err
	}
	if u.created, err = events.New(events.UserCreated, m.source, "simulated", m.now, u.known.Data); err != nil {
		return u, err
	}
	u.updated = u.created.Clone()
	u.updated.SetType(events.UserUpdated)
	u.id = events.UserID(u.created)
	if _, known := p.Members["email"]; !known { // all other members were checked with their events
		u.invalid = "the data of the user has no e-mail"
	}
	return u, nil
}
