package ops

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/profile"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/schemas"
)

// The words of a simulation beside those of VendorPreview.Would.
const (
	WouldConflict = "conflict" // another user has, or gets, an account with the same e-mail
	WouldInvalid  = "invalid"  // the data of the user makes no event
)

// ErrNoProfiles is returned by Simulate and Plan if no profile is stored.
var ErrNoProfiles = errors.New("there are no profiles of users on this NATS: usher serve keeps profiles once a vendor has the rule scope or map; " +
	"until then give the users with --from FILE")

// SimulateOptions are the options of Simulate.
type SimulateOptions struct {
	Vendors  []string                 // only these; empty: all that are on here
	From     io.Reader                // users as JSON lines, with the data of user.created; nil: all profiles
	Row      func(SimulatedRow) error // called for each user at each vendor, in order; may be nil
	Progress func(users string, n int)
}

// SimulatedRow is the predicted consequence for one user at one vendor.
type SimulatedRow struct {
	UserID  string `json:"user_id"`
	Vendor  string `json:"vendor"`
	Would   string `json:"would"`
	Reason  string `json:"reason,omitempty"` // a rule of the team, or the class of a failure
	Message string `json:"message,omitempty"`
}

// Simulation is the number of users with each consequence.
type Simulation struct {
	Users     int               `json:"users"`
	Removed   int               `json:"removed"` // accounts that would be disabled or deleted
	Conflicts int               `json:"conflicts"`
	Counts    []SimulationCount `json:"counts"` // by vendor, then by word
}

// SimulationCount is the number of users with one consequence at one vendor.
type SimulationCount struct {
	Vendor string `json:"vendor"`
	Would  string `json:"would"`
	Reason string `json:"reason,omitempty"`
	Users  int    `json:"users"`
}

// simulationBatch is the number of users that are judged side by side.
const simulationBatch = 512

// Simulate predicts the consequences of a resync of all users, by the rules and the records, without
// a call of a vendor. An account that the records do not have counts as created; usher serve adopts
// the account instead if the vendor has one with the same e-mail. Memory does not grow with the
// users, but for some bytes of each.
func (s *Service) Simulate(ctx context.Context, o SimulateOptions) (Simulation, error) {
	team, err := s.simulators(ctx, o.Vendors)
	if err != nil {
		return Simulation{}, err
	}
	t := newTally()
	if again, ok := o.From.(io.Seeker); o.Row != nil && (ok || o.From == nil) {
		// The e-mails of accounts in the records are needed before the first row.
		first := o
		first.Row, first.Progress = nil, nil
		if err := s.simulate(ctx, first, team, t); err != nil {
			return Simulation{}, err
		}
		if again != nil {
			if _, err := again.Seek(0, io.SeekStart); err != nil {
				return Simulation{}, err
			}
		}
		t = t.withKnown()
	}
	err = s.simulate(ctx, o, team, t)
	return t.simulation(), err
}

// simulate judges all users once.
func (s *Service) simulate(ctx context.Context, o SimulateOptions, team []*simulator, t *tally) error {
	source, err := s.simulatedUsers(ctx, o.From)
	if err != nil {
		return err
	}
	err = inBatches(source, len(team), func(worker int, u simulatedUser) ([]judged, error) {
		return team[worker].user(ctx, u)
	}, func(rows [][]judged) error {
		if o.Progress != nil {
			o.Progress("users", t.users)
		}
		return t.add(rows, o.Row)
	})
	if err == nil && t.users == 0 && o.From == nil {
		err = ErrNoProfiles
	}
	return err
}

// inBatches judges users in batches, each worker a part of a batch, and passes the results of each
// batch on in the order of the users. The next batch is read meanwhile.
func inBatches[T any](source iter.Seq2[simulatedUser, error], workers int, judge func(worker int, u simulatedUser) (T, error), add func([]T) error) (err error) {
	done := make(chan error, 1) // the end of the batch at work
	done <- nil
	var batch []simulatedUser
	flush := func() error {
		if err := <-done; err != nil {
			done <- err
			return err
		}
		full := batch
		batch = make([]simulatedUser, 0, simulationBatch)
		go func() { done <- judgeBatch(full, workers, judge, add) }()
		return nil
	}
	defer func() { err = errors.Join(err, <-done) }()
	for u, err := range source {
		if err != nil {
			return err
		}
		if batch = append(batch, u); len(batch) == simulationBatch {
			if flush() != nil {
				return nil // the error is that of done
			}
		}
	}
	_ = flush() // the error is that of done
	return nil
}

// judgeBatch judges one batch.
func judgeBatch[T any](batch []simulatedUser, workers int, judge func(worker int, u simulatedUser) (T, error), add func([]T) error) error {
	rows := make([]T, len(batch))
	var group errgroup.Group
	for n := range workers {
		group.Go(func() (err error) {
			for i := n; i < len(batch) && err == nil; i += workers {
				rows[i], err = judge(n, batch[i])
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return add(rows)
}

// simulatedUser is a user of a simulation.
type simulatedUser struct {
	id      string
	profile profile.Profile
	at      events.Position // of the newest data
	created events.Event    // the events of a resync
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
	m := userMaker{source: s.Config.Source, valid: valid, now: time.Now().UTC()}
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
			if err == nil {
				u.profile, err = store.Decode(r.Key, r.Value)
			}
			if err == nil {
				u, err = m.of(u.profile, u.profile.Newest())
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
	u := simulatedUser{profile: p, at: at, deleted: len(p.Members) == 0}
	if u.deleted {
		return u, nil
	}
	data, err := p.Data()
	if err != nil {
		return u, err
	}
	if u.created, err = events.New(events.UserCreated, m.source, "simulated", m.now, data); err != nil {
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

// tally counts the rows of a simulation, and finds users with one e-mail.
type tally struct {
	users  int
	counts map[SimulationCount]int
	emails map[emailAt]bool // whether the user with the e-mail has an account in the records
}

// emailAt is the digest of an e-mail at a vendor.
type emailAt struct {
	vendor string
	digest record.Key
}

func newTally() *tally {
	return &tally{counts: map[SimulationCount]int{}, emails: map[emailAt]bool{}}
}

// withKnown returns an empty tally with the e-mails of the users with an account in the records.
func (t *tally) withKnown() *tally {
	next := newTally()
	for at, known := range t.emails {
		if known {
			next.emails[at] = true
		}
	}
	return next
}

// add counts the rows of a batch.
func (t *tally) add(batch [][]judged, row func(SimulatedRow) error) error {
	for _, rows := range batch {
		t.users++
		for _, j := range rows {
			t.settle(&j)
			t.counts[SimulationCount{Vendor: j.Vendor, Would: j.Would, Reason: j.Reason}]++
			if row == nil || j.UserID == "" { // the profile of a deleted user names nobody
				continue
			}
			if err := row(j.SimulatedRow); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle turns a creation with an e-mail of another user into a conflict. If the other user has an
// account already and comes later, the earlier creation is the conflict.
func (t *tally) settle(j *judged) {
	if j.email == "" {
		return
	}
	at := emailAt{j.Vendor, record.KeyOf(record.Digest(j.email))}
	known, taken := t.emails[at]
	switch {
	case j.known && taken && !known:
		t.counts[SimulationCount{Vendor: j.Vendor, Would: WouldCreate}]--
		t.counts[SimulationCount{Vendor: j.Vendor, Would: WouldConflict}]++
		j.Message = "a user listed before, without an account in the records, has the same e-mail"
	case !j.known && taken:
		j.Would, j.Reason, j.Message = WouldConflict, "", "another user has the same e-mail"
		return
	}
	t.emails[at] = known || j.known
}

// simulation returns the counts.
func (t *tally) simulation() Simulation {
	out := Simulation{Users: t.users, Counts: []SimulationCount{}}
	for c, n := range t.counts {
		if c.Users = n; n == 0 {
			continue
		}
		out.Counts = append(out.Counts, c)
		switch c.Would {
		case WouldDelete, WouldDisable:
			out.Removed += n
		case WouldConflict:
			out.Conflicts += n
		}
	}
	slices.SortFunc(out.Counts, func(a, b SimulationCount) int {
		return cmp.Or(cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Would, b.Would), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}
