package ops

import (
	"context"
	"errors"
	"io"
	"iter"

	"golang.org/x/sync/errgroup"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
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
	Users int `json:"users"`
	// WithoutProfile is the least number of users that are not counted, for want of a profile.
	WithoutProfile int               `json:"without_profile,omitempty"`
	Removed        int               `json:"removed"` // accounts that would be disabled or deleted
	Conflicts      int               `json:"conflicts"`
	Counts         []SimulationCount `json:"counts"` // by vendor, then by word
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
	found := t.simulation()
	if err == nil && o.From == nil {
		found.WithoutProfile, err = s.withoutProfile(ctx, found.Users)
	}
	return found, err
}

// withoutProfile returns the least number of users with a record and without a profile: of users from
// before the first rule scope or map. profiles is the number of profiles.
func (s *Service) withoutProfile(ctx context.Context, profiles int) (int, error) {
	most := 0
	for _, v := range s.Vendors {
		n, err := s.Streams.Client.CountRecords(ctx, streams.AccountsBucket, record.AccountKeyPattern(v.Name))
		if err != nil {
			return 0, err
		}
		most = max(most, int(n))
	}
	return max(0, most-profiles), nil
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
