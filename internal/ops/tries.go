package ops

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/handlers"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

const (
	failingUsers = 2     // with failed tries and without any success since: the vendor fails
	mostResults  = 2_000 // results that a status reads in search of a success
)

// FailedTries are the users of a vendor, and the activity events, that wait after a failed try.
type FailedTries struct {
	Users   int       `json:"users"`
	Sample  int       `json:"sample,omitempty"` // so many of very many waiting users were looked at; 0: all
	Since   time.Time `json:"since"`            // the first try of the first of these users
	At      time.Time `json:"at"`               // the last failed try
	Message string    `json:"message"`          // of the last failed try

	begun []time.Time // the first tries, sorted, without those that the vendor answered
}

// triesOf returns the failed tries in records; nil without any.
func triesOf(list []*record.Record) *FailedTries {
	var f FailedTries
	first := map[string]time.Time{} // tries without a proper answer of the vendor, by user
	for _, r := range list {
		i := slices.IndexFunc(r.Pending, func(e record.Effect) bool { _, failed := r.FailureOf(&e); return failed })
		if i < 0 {
			continue
		}
		begun := r.Pending[i].Begun
		if f.Users++; f.Users == 1 || begun.Before(f.Since) {
			f.Since = begun
		}
		if r.Failure.At.After(f.At) {
			f.At, f.Message = r.Failure.At, r.Failure.Message
		}
		if before, has := first[r.UserID]; r.Failure.Class != mailbox.ClassConflict && (!has || begun.Before(before)) {
			first[r.UserID] = begun
		}
	}
	if f.Users == 0 {
		return nil
	}
	for _, at := range first {
		f.begun = append(f.begun, at)
	}
	slices.SortFunc(f.begun, time.Time.Compare)
	return &f
}

// String returns the failed tries in words.
func (f *FailedTries) String() string {
	who, verb := fmt.Sprintf("%d users", f.Users), "wait"
	switch {
	case f.Sample > 0:
		who = fmt.Sprintf("%d of %d users looked at", f.Users, f.Sample)
	case f.Users == 1:
		who, verb = "1 user", "waits"
	}
	return fmt.Sprintf("%s %s after failed tries since %s, the last: %s", who, verb, f.Since.UTC().Format(time.RFC3339), f.Message)
}

// addTries explains the state of a served vendor by failed tries. The vendor fails if failingUsers or
// more users have failed, and no user has succeeded since the first try of these users. Sick users among
// healthy ones leave the state as before.
func (s *Service) addTries(ctx context.Context, v *VendorStatus) (err error) {
	f := v.Failed
	if f == nil {
		return nil
	}
	defer func() { v.Why = f.String() }()
	enough := len(f.begun) - failingUsers
	if enough < 0 {
		return nil
	}
	if found, err := s.succeededSince(ctx, v.Vendor, f.begun[enough]); found || err != nil {
		return err
	}
	v.State = Failing
	i := sort.Search(enough, func(i int) bool {
		found, failed := s.succeededSince(ctx, v.Vendor, f.begun[i])
		if failed != nil {
			err = failed
		}
		return !found
	})
	v.Since = &f.begun[i]
	return err
}

// succeededSince reports whether the vendor has carried out an event since a time, by the results. After
// mostResults without a success the answer is yes: the vendor is not called failing on a guess.
func (s *Service) succeededSince(ctx context.Context, vendor string, since time.Time) (bool, error) {
	read := 0
	for r, err := range s.Streams.Results.List(ctx, streams.ResultsQuery{Vendors: []string{vendor}, Since: since}) {
		if err != nil {
			return false, err
		}
		if read++; succeeded(r.Data) || read > mostResults {
			return true, nil
		}
	}
	return false, nil
}

// succeeded reports whether a result shows a working vendor. In shadow mode look-ups alone are made.
func succeeded(r events.Result) bool {
	return r.Outcome == events.Done || r.Outcome == events.AlreadyDone || r.Outcome == events.Skipped && r.Reason == handlers.ReasonShadow
}
