// Package dead holds the commands of usher dead.
package dead

// Cmd lists the commands of usher dead.
type Cmd struct {
	List   listCmd   `cmd:"" help:"List the dead letters, oldest first."`
	Show   showCmd   `cmd:"" help:"Show one dead letter, with its event."`
	Replay replayCmd `cmd:"" help:"Send dead letters back to their vendors."`
	Drop   dropCmd   `cmd:"" help:"Remove dead letters for good."`
}

// Help is shown below the flags.
func (Cmd) Help() string {
	return `A dead letter is an event that failed for good at one vendor. Its ID is the vendor and the key of
the event; the first digits of the key suffice if they are unambiguous.

Examples:
  usher dead list --vendor lead
  usher dead show lead.3fa9
  usher dead replay lead.3fa9 --dry-run
  usher dead drop lead.3fa9 --reason "test user"`
}
