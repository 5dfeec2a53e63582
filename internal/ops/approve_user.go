package ops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usherhq/usher/internal/deletionguard"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/internal/streams"
)

// approveUser approves the held deletions of one user, at a vendor or at all. Each approval is recorded in
// the audit log first.
func (s *Service) approveUser(ctx context.Context, o ApproveOptions, by Actor) (Approval, error) {
	done := Approval{User: o.User}
	accounts, err := s.records(ctx, streams.AccountsBucket)
	if err != nil {
		return done, err
	}
	if o.Vendor != "" {
		return s.approveUserAt(ctx, accounts, o.Vendor, o, by)
	}
	for _, v := range s.Vendors {
		one, err := s.approveUserAt(ctx, accounts, v.Name, o, by)
		if err != nil {
			return done, err
		}
		if !one.none() {
			done.Vendors = append(done.Vendors, one)
		}
	}
	return done, nil
}

// approveUserAt approves the held deletions of one user at a vendor.
func (s *Service) approveUserAt(ctx context.Context, accounts *recordstore.Store, vendor string, o ApproveOptions, by Actor) (Approval, error) {
	done := Approval{Vendor: vendor, User: o.User}
	e, err := accounts.Load(ctx, record.AccountKey(vendor, o.User))
	if err != nil {
		return done, err
	}
	i := slices.IndexFunc(e.Record.Pending, func(e record.Effect) bool { return e.Held })
	if i < 0 {
		return done, nil
	}
	guards, err := s.guards(ctx)
	if err != nil {
		return done, err
	}
	now := time.Now()
	done.Was, done.Since = guards.why(vendor, now), e.Record.Pending[i].Registered
	done.Until = now.Add(cmp.Or(o.For, DefaultApproval))
	act := by.action(streams.DeletionsApproved)
	act.Vendor, act.User, act.Until = vendor, record.Digest(o.User), done.Until
	if err := s.Streams.Audit.Record(ctx, s.Config.Source, act); err != nil {
		return done, err
	}
	control, err := s.Streams.Control.Records(ctx)
	if err != nil {
		return done, err
	}
	var refused error
	_, err = deletionguard.Change(ctx, control, guardKey(vendor), func(r *deletionguard.Record) {
		refused = r.ApproveUser(record.Digest(o.User), now, done.Until)
	})
	return done, errors.Join(err, refused)
}

// userText returns the outcome for one user; at is the vendor in words.
func (a Approval) userText(at string) string {
	if a.none() {
		return "no deletion of the user is on hold" + at + ", and nothing was changed"
	}
	return fmt.Sprintf("the deletion of the user%s, on hold since %s, goes on: approved until %s; the others stay on hold",
		at, a.Since.UTC().Format(time.RFC3339), a.Until.UTC().Format(time.RFC3339))
}
