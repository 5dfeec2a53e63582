package ops

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/streams"
)

// ForgetOptions are the options of Forget.
type ForgetOptions struct {
	Unfinished bool                        // even with unfinished effects
	Accounts   bool                        // even with accounts at vendors
	Events     bool                        // also in a stream of events not created by usher
	Progress   func(what string, done int) // may be nil
}

// Forgotten is the outcome of Forget.
type Forgotten struct {
	User   string    `json:"user"` // the digest of the id
	At     time.Time `json:"at"`
	Erased []Match   `json:"erased"`
	Stays  []string  `json:"stays"` // data left, in words: the place, the data, the time
	Scan   []Match   `json:"scan"`  // messages with the id or an e-mail after the erasure, in every stream
}

// ErrNotYet is returned if an earlier step is missing.
var ErrNotYet = errors.New("nothing was erased")

// Refusal returns the missing steps before Forget, or nil.
func (u UserData) Refusal(o ForgetOptions) error {
	var why []error
	if len(u.Pending) > 0 && !o.Unfinished {
		why = append(why, errors.New("something is still to be done for the user: let it come to its end (usher status, usher user), or leave it undone with --force"))
	}
	if len(u.Accounts) > 0 && !o.Accounts {
		why = append(why, errors.New("the user still has accounts at vendors: send user.deleted first, and ask the vendors where usher cannot delete; then leave them as they are with --keep-accounts"))
	}
	if why == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrNotYet, errors.Join(why...))
}

// Forget writes an audit entry and erases the data found of a user, except for a tombstone that
// keeps a late event from bringing the user back (record.Forget). After an interruption, Forget
// starts again from new UserData. Data newer than u stay: the user may have come back.
//
// The order is: replays, dead letters and events, then records, then history and results.
// No effect can then run again without its record.
func (s *Service) Forget(ctx context.Context, u UserData, o ForgetOptions, by Actor) (Forgotten, error) {
	f := Forgotten{User: u.User, At: time.Now().UTC(), Erased: []Match{}, Stays: []string{}}
	if err := u.Refusal(o); err != nil {
		return f, err
	}
	if o.Progress == nil {
		o.Progress = func(string, int) {}
	}
	act := by.action(streams.UserForgotten)
	act.User = u.User
	if err := s.Streams.Audit.Record(ctx, s.Config.Source, act); err != nil {
		return f, err
	}
	for _, step := range []func(context.Context, UserData, ForgetOptions, *Forgotten) error{
		s.eraseReplays, s.eraseLetters, s.eraseEvents, s.eraseAccounts, s.eraseIndex, s.eraseActivity, s.eraseProfile, s.eraseEmails, s.wake, s.eraseHistory, s.eraseResults, s.scrub, s.scan,
	} {
		if err := step(ctx, u, o, &f); err != nil {
			return f, fmt.Errorf("%w; run it again to go on", err)
		}
	}
	f.Stays = append(f.Stays, fmt.Sprintf("%s: who replayed, dropped or repaired what of the user's, by event and vendor's account, for %s", streams.AuditStream, s.Config.NATS.AuditMaxAge))
	return f, nil
}

// scan reads every stream once more, and counts the messages with the id or an e-mail of the user as
// a word, whatever the messages are.
func (s *Service) scan(ctx context.Context, u UserData, o ForgetOptions, f *Forgotten) error {
	if u.Doubtful > 0 {
		f.Stays = append(f.Stays, fmt.Sprintf("%s, %s: %d messages that name no user, and have a word or number that may be the id: look at them by hand (usher dead list)", u.stream, streams.DeadLettersStream, u.Doubtful))
	}
	for _, stream := range []string{u.stream, streams.ReplaysStream, streams.DeadLettersStream, streams.ResultsStream, streams.HistoryStream} {
		found, read := 0, 0
		for m, err := range s.Streams.Client.Messages(ctx, stream, streams.Query{}) {
			if err != nil {
				return err
			}
			read++
			o.Progress("scanned in "+stream, read)
			if m.Position.Before(u.fence) || stream != u.stream {
				if u.subject.look(m.Data) == certain || u.subject.inHeaders(m.Header) {
					found++
				}
			}
		}
		f.Scan = append(f.Scan, Match{stream, found})
		if found > 0 {
			f.Stays = append(f.Stays, fmt.Sprintf("%s: %d messages that still have the id or an e-mail of the user, found by the last scan: events of others, or newer data; run it again, and look at them by hand", stream, found))
		}
	}
	if err := s.scanEmails(ctx, u, f); err != nil {
		return err
	}
	return s.scanAudit(ctx, u, f)
}

// scanAudit counts the entries of the audit log that name the user. The log may be in an account of
// its own.
func (s *Service) scanAudit(ctx context.Context, u UserData, f *Forgotten) error {
	found := 0
	for entry, err := range s.Streams.Audit.List(ctx, streams.AuditQuery{}) {
		if err != nil {
			return err
		}
		if u.subject.is(entry.Who) || u.subject.is(entry.Why) {
			found++
		}
	}
	f.Scan = append(f.Scan, Match{streams.AuditStream, found})
	if found > 0 {
		f.Stays = append(f.Stays, fmt.Sprintf("%s: %d entries with the id or an e-mail of the user in name or reason, for %s", streams.AuditStream, found, s.Config.NATS.AuditMaxAge))
	}
	return nil
}

func (s *Service) eraseReplays(ctx context.Context, u UserData, o ForgetOptions, f *Forgotten) error {
	return s.erase(ctx, streams.ReplaysStream, u.replays, o, f)
}

func (s *Service) eraseEvents(ctx context.Context, u UserData, o ForgetOptions, f *Forgotten) error {
	if s.Config.NATS.EventsStream != "" && !o.Events {
		if len(u.events) > 0 {
			f.Stays = append(f.Stays, fmt.Sprintf("%s: %d events of the user, since this stream is not usher's own; erase them there, or with --events", u.stream, len(u.events)))
		}
		return nil
	}
	var list []uint64
	for _, e := range u.events {
		list = append(list, e.seq)
	}
	return s.erase(ctx, u.stream, list, o, f)
}

func (s *Service) eraseHistory(ctx context.Context, u UserData, _ ForgetOptions, f *Forgotten) error {
	n, err := s.history().Erase(ctx, u.User)
	f.Erased = append(f.Erased, Match{streams.HistoryStream, n})
	return err
}

func (s *Service) eraseResults(ctx context.Context, u UserData, o ForgetOptions, f *Forgotten) error {
	return s.erase(ctx, streams.ResultsStream, u.results, o, f)
}

// erase erases messages of a stream, in reverse order. After an interruption, the messages left
// still identify messages with only an e-mail.
func (s *Service) erase(ctx context.Context, stream string, list []uint64, o ForgetOptions, f *Forgotten) error {
	for i, seq := range slices.Backward(list) {
		if err := s.Streams.Client.Erase(ctx, stream, seq); err != nil {
			return err
		}
		o.Progress("erased from "+stream, len(list)-i)
	}
	f.Erased = append(f.Erased, Match{stream, len(list)})
	return nil
}

func (s *Service) eraseLetters(ctx context.Context, u UserData, o ForgetOptions, f *Forgotten) error {
	for i, letter := range u.letters {
		if err := s.Streams.DeadLetters.Remove(ctx, letter); err != nil {
			return err
		}
		o.Progress("erased from "+streams.DeadLettersStream, i+1)
	}
	f.Erased = append(f.Erased, Match{streams.DeadLettersStream, len(u.letters)})
	return nil
}

func (s *Service) eraseAccounts(ctx context.Context, u UserData, o ForgetOptions, f *Forgotten) error {
	return s.eraseRecords(ctx, streams.AccountsBucket, u.records[streams.AccountsBucket], f, func(r *record.Record) bool {
		idle := r.Idle() || o.Unfinished
		gone := liveReason(r) == "" || o.Accounts
		if !idle || !gone || record.Reaches(r, u.fence) {
			return false
		}
		r.Forget(u.fence, f.At)
		return true
	})
}

// eraseIndex removes the entries of the user from the index of accounts, which hold digests.
// An entry that is written meanwhile stays: the user has come back, or another user has the
// account.
func (s *Service) eraseIndex(ctx context.Context, u UserData, _ ForgetOptions, _ *Forgotten) error {
	index, err := streams.OpenIndex(ctx, s.Streams.Client)
	if errors.Is(err, streams.ErrNoStream) { // nobody has served a vendor
		return nil
	}
	if err != nil {
		return err
	}
	for entry, err := range index.List(ctx, "") {
		if err != nil {
			return err
		}
		if string(entry.Value) != u.User {
			continue
		}
		if err := index.Delete(ctx, entry.Key, entry.Revision); err != nil && !errors.Is(err, streams.ErrStaleRevision) {
			return err
		}
	}
	return nil
}

func (s *Service) eraseActivity(ctx context.Context, u UserData, o ForgetOptions, f *Forgotten) error {
	if err := s.replaceResults(ctx, u, f); err != nil {
		return err
	}
	return s.eraseRecords(ctx, streams.EffectsBucket, u.records[streams.EffectsBucket], f, func(r *record.Record) bool {
		if !r.Idle() && !o.Unfinished {
			return false
		}
		r.Forget(events.Position{}, f.At)
		return true
	})
}

// replaceResults stores an anonymous record for each activity whose result is erased: the result
// was the memory of the activity, and a late copy of the event would be carried out again.
func (s *Service) replaceResults(ctx context.Context, u UserData, f *Forgotten) error {
	store, err := s.records(ctx, streams.EffectsBucket)
	if err != nil {
		return err
	}
	for key := range u.tracked {
		err := store.Change(ctx, key, func(r *record.Record) {
			if !record.Anonymous(r) && r.Idle() {
				r.Forget(events.Position{}, f.At)
			}
		})
		if err != nil {
			return err
		}
	}
	if len(u.tracked) > 0 {
		f.Stays = append(f.Stays, fmt.Sprintf("%s: 32 bits of the hash of the user's id, with the places of erased results, for up to %s", streams.ActivityBucket, s.Config.Activity.Memory))
	}
	return nil
}

// eraseRecords calls forget for each record, by compare-and-set, until the record is anonymous or
// forget returns false.
func (s *Service) eraseRecords(ctx context.Context, bucket string, keys []string, f *Forgotten, forget func(*record.Record) bool) error {
	store, err := s.records(ctx, bucket)
	if err != nil {
		return err
	}
	for _, key := range keys {
		done := false
		err := store.Change(ctx, key, func(r *record.Record) { done = record.Anonymous(r) || forget(r) })
		if err != nil {
			return err
		}
		if !done {
			vendor, _ := record.SplitKey(key)
			return fmt.Errorf("the record of the user at %s was changed meanwhile: a newer event came, or something is being done", vendor)
		}
	}
	f.Erased = append(f.Erased, Match{bucket, len(keys)})
	return nil
}

// wake arms a timer for the user at each vendor with a record. The owner then checks the record
// again: events awaited by the mailbox are gone. The token 0 is below the tokens of all owners.
func (s *Service) wake(ctx context.Context, u UserData, _ ForgetOptions, _ *Forgotten) error {
	timers, err := streams.OpenTimers(ctx, s.Streams.Client)
	if errors.Is(err, streams.ErrNoStream) { // nobody has served a vendor
		return nil
	}
	if err != nil {
		return err
	}
	for _, key := range u.records[streams.AccountsBucket] {
		vendor, digest := record.SplitKey(key)
		if err := timers.Arm(ctx, streams.Timer{Vendor: vendor, Digest: digest, Due: time.Now()}); err != nil {
			return err
		}
	}
	return nil
}
