package cli

import (
	"testing"

	"github.com/alecthomas/kong"
)

// TestFormatsOfEveryCommand looks for commands with a format of their own: each command that
// prints JSON prints YAML and tables, too.
func TestFormatsOfEveryCommand(t *testing.T) {
	parser, err := kong.New(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	const demo = "demo" // prints its progress, and JSON for tests
	n := 0
	for _, command := range parser.Model.Leaves(false) {
		has := map[string]bool{}
		for _, flag := range command.Flags {
			has[flag.Name] = true
		}
		if !has["json"] || command.Name == demo {
			continue
		}
		if n++; !has["output"] || !has["no-header"] {
			t.Errorf("%s has --json, and does not embed app.Output", command.FullPath())
		}
	}
	if n < 20 {
		t.Errorf("%d commands print data, want them all", n)
	}
}
