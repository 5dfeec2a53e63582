package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/recordstore"
	"github.com/usherhq/usher/vendors"
)

// comparison is a comparison in progress. For each account comparison holds only the account's id
// and the record's key; for an account without a record, the vendor's entry.
type comparison struct {
	Deps
	report  Report
	claims  map[string]*claim // by account id of the vendor
	unknown map[string]vendors.Listed
	sent    map[string]bool // keys of the events in the stream of replays
}

// claim is the state of an account in one record. Claims of several records form a list.
type claim struct {
	record   string
	revision uint64
	deleted  bool
	disabled bool // the vendor may list the account, or not
	listed   bool // whether the vendor lists the account
	next     *claim
}

// Compare returns the differences between the records and the vendor. After an error of the
// vendor or of NATS, Compare returns no report rather than a partial one.
func Compare(ctx context.Context, d Deps) (Report, error) {
	if d.Progress == nil {
		d.Progress = func(string, int) {}
	}
	c := comparison{
		Deps: d, report: Report{Vendor: d.Name, Differences: []Difference{}},
		claims: map[string]*claim{}, unknown: map[string]vendors.Listed{}, sent: map[string]bool{},
	}
	for _, step := range []func(context.Context) error{c.readRecords, c.readVendor, c.readReplays, c.checkClaims, c.checkUnknown} {
		if err := step(ctx); err != nil {
			return Report{}, err
		}
	}
	slices.SortStableFunc(c.report.Differences, func(a, b Difference) int { return cmp.Compare(a.Kind, b.Kind) })
	return c.report, nil
}

func (c *comparison) readRecords(ctx context.Context) error {
	n := 0
	for e, err := range c.Records.List(ctx, c.Name) {
		if err != nil {
			return err
		}
		n++
		c.Progress("accounts in the records", n)
		if id, deleted, ok := accountOf(e.Record); ok {
			c.add(id, claim{record: e.Key, revision: e.Revision, deleted: deleted, disabled: deleted && e.Record.Disabled})
		}
	}
	return nil
}

// accountOf returns the account named by a record; ok is false without an account.
func accountOf(r *record.Record) (id string, deleted, ok bool) {
	switch {
	case r.State == record.Active && r.AccountID != "":
		return r.AccountID, false, true
	case r.State == record.Deleted && r.Former != "":
		return r.Former, true, true
	default:
		return "", false, false
	}
}

// add adds a claim. A later claim of the same record replaces an earlier claim.
func (c *comparison) add(id string, one claim) {
	for old := c.claims[id]; old != nil; old = old.next {
		if old.record == one.record {
			old.revision, old.deleted, old.disabled = one.revision, one.deleted, one.disabled
			return
		}
	}
	one.next = c.claims[id]
	c.claims[id] = &one
}

func (c *comparison) readVendor(ctx context.Context) error {
	n := 0
	err := c.Vendor.List(ctx, func(l vendors.Listed) error {
		n++
		c.Progress("accounts at "+c.Name, n)
		if l.Deleted {
			return nil
		}
		if c.claims[l.ID] == nil {
			c.unknown[l.ID] = l
		}
		for one := c.claims[l.ID]; one != nil; one = one.next {
			one.listed = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list the accounts of %s: %w", c.Name, vendors.Named(c.Name, err))
	}
	return nil
}

func (c *comparison) readReplays(ctx context.Context) error {
	for r, err := range c.Replays.List(ctx, c.Name) {
		if err != nil {
			return err
		}
		if r.Valid {
			c.sent[r.Header.Key] = true
		}
	}
	return nil
}

// checkClaims checks every account named by a record.
func (c *comparison) checkClaims(ctx context.Context) error {
	n := 0
	for _, id := range slices.Sorted(maps.Keys(c.claims)) {
		active := c.active(id)
		if len(active) > 1 {
			if err := c.reportConflict(ctx, id, active); err != nil {
				return err
			}
		}
		for one := c.claims[id]; one != nil; one = one.next {
			n++
			switch {
			case len(active) > 1 && !one.deleted: // reported as a conflict
				continue
			case !one.differs(len(active) > 0):
				c.report.Agree++
				continue
			}
			c.Progress("accounts checked", n)
			if err := c.checkClaim(ctx, id, one); err != nil {
				return err
			}
		}
	}
	return nil
}

// active returns the claims of the records with this account and state active.
func (c *comparison) active(id string) (list []*claim) {
	for one := c.claims[id]; one != nil; one = one.next {
		if !one.deleted {
			list = append(list, one)
		}
	}
	return list
}

// reportConflict reports an account that is active in several records. Only a person can decide:
// a deletion for one user would take the account from the other.
func (c *comparison) reportConflict(ctx context.Context, id string, active []*claim) error {
	var users []string
	for _, one := range active {
		e, same, err := c.reload(ctx, one)
		if err != nil || !same {
			return err
		}
		users = append(users, e.Record.UserID)
	}
	slices.Sort(users)
	c.report.Differences = append(c.report.Differences, Difference{
		Kind: Conflict, AccountID: id, UserID: users[0],
		Note: fmt.Sprintf("the records of these users name the same account: %q; correct the account by hand", users[1:]),
	})
	return nil
}

// differs reports whether a claim differs from the list. A deleted account may belong to another
// user by now.
func (one *claim) differs(active bool) bool {
	if one.deleted {
		return one.listed && !active && !one.disabled
	}
	return !one.listed
}

// checkClaim asks the vendor about a claim that differs from the list.
func (c *comparison) checkClaim(ctx context.Context, id string, one *claim) error {
	e, same, err := c.reload(ctx, one)
	if err != nil || !same {
		return err
	}
	p, note, err := c.plan(ctx, e.Record)
	if err != nil {
		return err
	}
	exists, shown, err := c.show(ctx, vendors.Account{ID: id, Email: p.email})
	if err != nil {
		return err
	}
	if e, same, err = c.reload(ctx, one); err != nil || !same {
		return err
	}
	switch {
	case exists != one.deleted: // the list missed the account, or the vendor has changed since
		c.report.Agree++
	case p.key != "" && c.sent[p.key]:
		c.report.OnTheWay++
	default:
		d := Difference{
			Kind: Missing, AccountID: id, UserID: e.Record.UserID, Email: cmp.Or(shown.Email, p.email), Repair: p.repair, Note: note,
			record: e.Key, revision: e.Revision,
		}
		if one.deleted {
			d.Kind = Remains
		}
		if shown.Staff {
			d.Repair = ""
			d.Note = "the account belongs to staff by now; accounts of staff are never deleted"
		}
		c.report.Differences = append(c.report.Differences, d)
	}
	return nil
}

// reload reads the record of a claim again. If the record was changed or has work in progress or
// pending, reload counts the account as skipped, and same is false.
func (c *comparison) reload(ctx context.Context, one *claim) (e recordstore.Entry, same bool, err error) {
	e, err = c.Records.Load(ctx, one.record)
	if err != nil {
		return e, false, err
	}
	if same = e.Revision == one.revision && e.Record.Idle(); !same {
		c.skip(e.Record)
	}
	return e, same, nil
}

// skip counts an account that cannot be checked now.
func (c *comparison) skip(r *record.Record) {
	if slices.ContainsFunc(r.Pending, func(e record.Effect) bool { return e.Replay > 0 }) {
		c.report.OnTheWay++
		return
	}
	c.report.Changed++
}

// show returns the vendor's entry of one account.
func (c *comparison) show(ctx context.Context, a vendors.Account) (exists bool, shown vendors.Listed, err error) {
	shown, err = c.Vendor.Show(ctx, a)
	switch {
	case errors.Is(err, vendors.ErrNotFound):
		return false, shown, nil
	case err != nil:
		return false, shown, fmt.Errorf("look up account %s of %s: %w", a.ID, c.Name, vendors.Named(c.Name, err))
	}
	return !shown.Deleted, shown, nil
}
