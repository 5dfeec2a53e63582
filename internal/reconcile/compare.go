package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/vendors"
)

// comparison is one at work. Of each account it keeps the id and where its record
// is; of an account that no record names, what the vendor said.
type comparison struct {
	Deps
	report    Report
	claims    map[string]*claim // by the vendor's id
	strangers map[string]vendors.Listed
	sent      map[string]bool // keys of events that are on their way once more
}

// claim is what one record says of an account.
type claim struct {
	record   string
	revision uint64
	deleted  bool // it was deleted; else it is there
	met      bool // in the vendor's list
	next     *claim
}

// Compare compares. An error is the vendor's or NATS': there is no half report.
func Compare(ctx context.Context, d Deps) (Report, error) {
	if d.Progress == nil {
		d.Progress = func(string, int) {}
	}
	c := comparison{
		Deps: d, report: Report{Vendor: d.Name, Differences: []Difference{}},
		claims: map[string]*claim{}, strangers: map[string]vendors.Listed{}, sent: map[string]bool{},
	}
	for _, step := range []func(context.Context) error{c.readLedger, c.readVendor, c.readReplays, c.judgeClaims, c.judgeStrangers} {
		if err := step(ctx); err != nil {
			return Report{}, err
		}
	}
	slices.SortStableFunc(c.report.Differences, func(a, b Difference) int { return cmp.Compare(a.Kind, b.Kind) })
	return c.report, nil
}

func (c *comparison) readLedger(ctx context.Context) error {
	n := 0
	return c.Ledger.Walk(ctx, ledger.AccountsOf(c.Name), func(r ledger.Record) error {
		n++
		c.Progress("accounts in the ledger", n)
		if id, deleted, ok := named(r.Account); ok {
			c.add(id, claim{record: r.Key, revision: r.Revision, deleted: deleted})
		}
		return nil
	})
}

// named is the account that a record names, if it does.
func named(a ledger.Account) (id string, deleted, ok bool) {
	switch {
	case a.State == ledger.Active && a.AccountID != "":
		return a.AccountID, false, true
	case a.State == ledger.Deleted && a.Former != "":
		return a.Former, true, true
	default:
		return "", false, false
	}
}

// add notes a claim. The newer one of the same record counts.
func (c *comparison) add(id string, one claim) {
	for old := c.claims[id]; old != nil; old = old.next {
		if old.record == one.record {
			old.revision, old.deleted = one.revision, one.deleted
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
			c.strangers[l.ID] = l
		}
		for one := c.claims[l.ID]; one != nil; one = one.next {
			one.met = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list the accounts of %s: %w", c.Name, err)
	}
	return nil
}

func (c *comparison) readReplays(ctx context.Context) error {
	return c.Events.Replaying(ctx, c.Name, func(key string, _ int) { c.sent[key] = true })
}

// judgeClaims looks at every account that a record names.
func (c *comparison) judgeClaims(ctx context.Context) error {
	n := 0
	for _, id := range slices.Sorted(maps.Keys(c.claims)) {
		active := false
		for one := c.claims[id]; one != nil; one = one.next {
			active = active || !one.deleted
		}
		for one := c.claims[id]; one != nil; one = one.next {
			if n++; !one.differs(active) {
				c.report.Agree++
				continue
			}
			c.Progress("accounts looked at", n)
			if err := c.judge(ctx, id, one); err != nil {
				return err
			}
		}
	}
	return nil
}

// differs tells whether a claim is not what the list shows. A deleted account
// that is another user's by now is theirs.
func (one *claim) differs(active bool) bool {
	if one.deleted {
		return one.met && !active
	}
	return !one.met
}

// judge looks closer at a claim that seems to differ.
func (c *comparison) judge(ctx context.Context, id string, one *claim) error {
	r, same, err := c.still(ctx, one)
	if err != nil || !same {
		return err
	}
	p, note, err := c.plan(ctx, r)
	if err != nil {
		return err
	}
	there, shown, err := c.there(ctx, vendors.Account{ID: id, Email: p.email})
	if err != nil {
		return err
	}
	if r, same, err = c.still(ctx, one); err != nil || !same {
		return err
	}
	switch {
	case there != one.deleted: // the list passed it over, or it has left since
		c.report.Agree++
	case p.key != "" && c.sent[p.key]:
		c.report.OnTheWay++
	default:
		d := Difference{
			Kind: Missing, AccountID: id, UserID: r.Account.UserID, Email: cmp.Or(shown.Email, p.email), Repair: p.how, Note: note,
			record: r.Key, revision: r.Revision,
		}
		if one.deleted {
			d.Kind = Remains
		}
		if shown.Staff {
			d.Repair, d.Note = "", "it is of the staff by now, which is never deleted"
		}
		c.report.Differences = append(c.report.Differences, d)
	}
	return nil
}

// still reads the record of a claim once more. same is false, and the account is
// counted as one that cannot be judged, where the record was changed, or something
// is to be done to the account.
func (c *comparison) still(ctx context.Context, one *claim) (r ledger.Record, same bool, err error) {
	r, err = c.Ledger.Record(ctx, one.record)
	same = err == nil && r.Revision == one.revision && r.Account.Idle()
	if err == nil && !same {
		c.leave(r.Account)
	}
	return r, same, err
}

// leave counts an account that cannot be judged now.
func (c *comparison) leave(a ledger.Account) {
	if slices.ContainsFunc(a.Effects, func(e ledger.Effect) bool {
		return e.Phase != ledger.Finished && e.Carrier.Stream == bus.ReplaysStream
	}) {
		c.report.OnTheWay++
		return
	}
	c.report.Changed++
}

// there asks the vendor for one account.
func (c *comparison) there(ctx context.Context, a vendors.Account) (bool, vendors.Listed, error) {
	shown, err := c.Vendor.Show(ctx, a)
	switch {
	case errors.Is(err, vendors.ErrNotFound):
		return false, shown, nil
	case err != nil:
		return false, shown, fmt.Errorf("account %s of %s: %w", a.ID, c.Name, err)
	}
	return !shown.Deleted, shown, nil
}
