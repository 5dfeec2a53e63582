// Package dead holds the commands of usher dead.
package dead

// Cmd is the commands for dead letters.
type Cmd struct {
	List   listCmd   `cmd:"" help:"List the dead letters, oldest first."`
	Show   showCmd   `cmd:"" help:"Show all of one dead letter, with its event."`
	Replay replayCmd `cmd:"" help:"Send dead letters back to their vendors."`
	Drop   dropCmd   `cmd:"" help:"Remove dead letters for good."`
}

// Help is shown below the flags.
func (Cmd) Help() string {
	return `A dead letter is an event that one vendor could not be made to take. Its ID is the vendor
and the event's key; the first digits of the key suffice where they name only one.

Examples:
  usher dead list --vendor lead
  usher dead show lead.3fa9
  usher dead replay lead.3fa9 --dry-run
  usher dead drop lead.3fa9 --reason "test user"`
}
