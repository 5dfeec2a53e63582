package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/masking"
	"github.com/usherhq/usher/internal/ops"
)

// approveCmd holds the commands of usher approve.
type approveCmd struct {
	Deletions approveDeletionsCmd `cmd:"" help:"List, approve or drop deletions that are on hold."`
}

// Help is shown below the flags.
func (approveCmd) Help() string {
	return `Deletions are on hold when far more users are to be deleted than usual: usher status says so.

Examples:
  usher approve deletions --list
  usher approve deletions --reason "the summer's clean-up, ticket 4711"`
}

// approveDeletionsCmd is usher approve deletions.
type approveDeletionsCmd struct {
	Vendor     app.VendorFlags `help:"Only at this vendor; at all vendors by default. May be repeated." placeholder:"NAME"`
	User       string          `help:"Only the deletion of this user; the others stay on hold." placeholder:"ID"`
	For        time.Duration   `help:"Hold no deletion for this time, even if none is on hold now; 1h by default if some are on hold." placeholder:"DURATION"`
	Drop       bool            `help:"Turn the deletions on hold into dead letters."`
	End        bool            `help:"End an approval before its time is over: deletions beyond the limits are held again."`
	List       bool            `help:"List the deletions on hold."`
	app.Actor  `embed:""`
	app.Output `embed:""`
}

// Help is shown below the flags.
func (approveDeletionsCmd) Help() string {
	return `If far more users are to be deleted than usual (settings deletions.count and deletions.share), usher
holds all further deletions at all vendors until an approval. The settings vendors.NAME.deletions hold the deletions
at one vendor only; there, replays of deletions, repairs by usher reconcile and users who leave the scope count, too.
Other events go on, and no event is lost. usher status shows each hold.
Without --vendor the command decides about every hold. With --vendor it decides for one vendor, also under a hold
of all vendors. Dropped deletions are dead letters: usher dead replay can still carry them out.
With --user only the deletion of one user goes on, if it is on hold; no other hold ends.
Without deletions on hold the command does nothing, unless --for is set.
--list reads all records. An approved deletion stays in the list until it is carried out.

Examples:
  usher approve deletions --list
  usher approve deletions --vendor meiro --user u4711 --reason "asked for by the user"
  usher approve deletions --list --vendor meiro --json | jq -r '.[].user_id'
  usher approve deletions --reason "the summer's clean-up, ticket 4711"
  usher approve deletions --drop --reason "a broken export"
  usher approve deletions --vendor meiro --vendor lead --reason "both were asked for"
  usher approve deletions --vendor meiro --drop --reason "the scope was wrong"
  usher approve deletions --for 20m --reason "the clean-up is about to begin"
  usher approve deletions --end --reason "it is over"`
}

// Validate returns an error for flags that exclude each other.
func (c approveDeletionsCmd) Validate() error {
	switch {
	case c.For < 0:
		return errors.New("--for must be a time to come, such as 1h")
	case c.End && (c.Drop || c.For > 0), c.Drop && c.For > 0:
		return errors.New("--for, --drop and --end do not go together")
	case c.User != "" && (c.End || c.Drop):
		return errors.New("--user does not go with --drop and --end")
	case c.List && (c.End || c.Drop || c.For > 0 || c.User != ""):
		return errors.New("--list does not go with --for, --drop, --end and --user")
	default:
		return c.Actor.Validate()
	}
}

// Run approves, drops or ends as the flags say. With --list, Run only reads.
func (c approveDeletionsCmd) Run(ctx context.Context, a *app.App) error {
	if c.List {
		return c.list(ctx, a)
	}
	service, end, err := a.Operations(ctx)
	if err != nil {
		return err
	}
	defer end()
	done, err := c.decide(ctx, service, a.Actor(c.Actor))
	if err != nil && done.Nothing() {
		return app.Advise(err)
	}
	if c.Data() {
		return errors.Join(c.Item(a, done), app.Advise(err))
	}
	_, wrong := fmt.Fprintln(a.Stdout, done)
	return errors.Join(wrong, app.Advise(err))
}

// decide approves, drops or ends at each vendor, or at all. With an error, the outcome has the vendors
// that were decided before.
func (c approveDeletionsCmd) decide(ctx context.Context, service *ops.Service, by ops.Actor) (ops.Approval, error) {
	o := ops.ApproveOptions{User: c.User, For: c.For, Drop: c.Drop, End: c.End}
	names := c.names()
	if len(names) == 1 {
		o.Vendor = names[0]
		return service.ApproveDeletions(ctx, o, by)
	}
	var done ops.Approval
	for _, o.Vendor = range names {
		one, err := service.ApproveDeletions(ctx, o, by)
		if err != nil {
			return done, err
		}
		done.Vendors = append(done.Vendors, one)
	}
	return done, nil
}

// names returns the names of the vendors, sorted and each once; an empty name stands for all.
func (c approveDeletionsCmd) names() []string {
	if len(c.Vendor) == 0 {
		return []string{""}
	}
	return slices.Compact(slices.Sorted(slices.Values(c.Vendor)))
}

// list prints the deletions on hold.
func (c approveDeletionsCmd) list(ctx context.Context, a *app.App) error {
	service, end, err := a.Operations(ctx)
	if err != nil {
		return err
	}
	defer end()
	held, unread := c.held(ctx, service)
	if unread != nil && held == nil {
		return app.Advise(unread)
	}
	if c.Data() {
		return errors.Join(c.Write(a, append([]ops.HeldDeletion{}, held...)), unread)
	}
	var rows [][]string
	for _, h := range held {
		rows = append(rows, []string{masking.ID(h.UserID), h.Vendor, h.Since.UTC().Format(time.RFC3339), h.Type})
	}
	if len(rows) == 0 {
		return c.none(ctx, a, service)
	}
	return errors.Join(c.Rows(a, []string{"user", "vendor", "since", "event"}, rows), unread)
}

// none says that no deletion is on hold, and how to end a hold that goes on.
func (c approveDeletionsCmd) none(ctx context.Context, a *app.App, service *ops.Service) error {
	status, err := service.Status(ctx)
	if err != nil {
		return app.Advise(err)
	}
	text := "no deletion is on hold"
	if len(c.Vendor) == 0 && status.HoldsDeletions() {
		text += "; the hold goes on, and later deletions are held: usher approve deletions --drop ends the hold"
	}
	_, err = fmt.Fprintln(a.Stderr, text)
	return err
}

// held returns the held deletions of the vendors, the oldest first. With an error, the list may have
// some of them.
func (c approveDeletionsCmd) held(ctx context.Context, service *ops.Service) (all []ops.HeldDeletion, err error) {
	for _, name := range c.names() {
		list, unread := service.HeldDeletions(ctx, name)
		all, err = append(all, list...), errors.Join(err, unread)
	}
	slices.SortStableFunc(all, func(a, b ops.HeldDeletion) int { return a.Since.Compare(b.Since) })
	return all, err
}
