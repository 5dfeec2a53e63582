package cli

import (
	"embed"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
)

//go:embed completion
var completions embed.FS

// completionCmd is usher completion.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: ${enum}."`
}

// Help is shown below the flags.
func (completionCmd) Help() string {
	return `The words come from this usher and from its configuration: commands, flags, values, names of vendors.

Examples:
  source <(usher completion bash)                                    for this bash
  usher completion bash > /etc/bash_completion.d/usher
  usher completion zsh > "${fpath[1]}/_usher"
  usher completion fish > ~/.config/fish/completions/usher.fish`
}

// Run prints the script of the shell.
func (c completionCmd) Run(a *app.App) error {
	text, err := completions.ReadFile("completion/usher." + c.Shell)
	if err != nil {
		return err
	}
	_, err = a.Stdout.Write(text)
	return err
}

// completeCmd is usher __complete, for the scripts of the shells.
type completeCmd struct {
	Words []string `arg:"" optional:"" passthrough:"" help:"The words behind usher, up to the cursor."`
}

// Run prints all words that can follow, with help behind a tab. If Run prints nothing, the shell
// completes names of files.
func (c completeCmd) Run(a *app.App, k *kong.Kong) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	return complete(a.Stdout, k.Model.Node, words, func() []string {
		config, _ := a.Config()
		return a.Catalog.Names(&config)
	})
}

// complete prints all words that can stand at the last place of words.
func complete(w io.Writer, at *kong.Node, words []string, vendors func() []string) error {
	last := words[len(words)-1]
	var open *kong.Value // without a value yet
	given := 0           // positional arguments
	for _, word := range words[:len(words)-1] {
		child := childOf(at, word)
		switch {
		case open != nil:
			open = nil
		case strings.HasPrefix(word, "-"):
			if flag := flagOf(at, word); flag != nil && !flag.IsBool() && !strings.Contains(word, "=") {
				open = flag.Value
			}
		case child != nil:
			at, given = child, 0
		default:
			given++
		}
	}
	name, part, isValue := strings.Cut(last, "=")
	flag := flagOf(at, name)
	switch {
	case open != nil:
		return printValues(w, open, "", last, vendors)
	case isValue && flag != nil:
		return printValues(w, flag.Value, name+"=", part, vendors)
	case strings.HasPrefix(last, "-"):
		return printFlags(w, at, last)
	}
	if len(at.Positional) > 0 {
		return printValues(w, at.Positional[min(given, len(at.Positional)-1)], "", last, vendors)
	}
	for _, child := range at.Children {
		if !child.Hidden && strings.HasPrefix(child.Name, last) {
			if err := printWord(w, child.Name, child.Help); err != nil {
				return err
			}
		}
	}
	return nil
}

// childOf returns the command of a name below a node, or nil.
func childOf(at *kong.Node, name string) *kong.Node {
	for _, child := range at.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// flagOf returns the flag of a word such as --since, --since=1h or -f, or nil.
func flagOf(at *kong.Node, word string) *kong.Flag {
	name, _, _ := strings.Cut(word, "=")
	for _, flag := range flagsOf(at) {
		if name == "--"+flag.Name || flag.Short != 0 && name == "-"+string(flag.Short) {
			return flag
		}
	}
	return nil
}

// flagsOf returns the flags of a command and of the commands above.
func flagsOf(at *kong.Node) []*kong.Flag {
	return slices.Concat(at.AllFlags(true)...)
}

// printFlags prints the flags of a command with the prefix last.
func printFlags(w io.Writer, at *kong.Node, last string) error {
	for _, flag := range flagsOf(at) {
		if name := "--" + flag.Name; strings.HasPrefix(name, last) {
			if err := printWord(w, name, flag.Help); err != nil {
				return err
			}
		}
	}
	return nil
}

// printValues prints the values of a flag or an argument with the prefix part.
func printValues(w io.Writer, v *kong.Value, prefix, part string, vendors func() []string) error {
	var values []string
	switch {
	case v.Enum != "":
		values = v.EnumSlice()
	case isVendor(v):
		values = vendors()
	}
	for _, value := range values {
		if strings.HasPrefix(value, part) {
			if err := printWord(w, prefix+value, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// isVendor reports whether a value is the name of a vendor.
func isVendor(v *kong.Value) bool {
	types := []reflect.Type{reflect.TypeFor[app.VendorFlag](), reflect.TypeFor[app.VendorFlags](), reflect.TypeFor[app.PlaceFlags]()}
	return slices.Contains(types, v.Target.Type()) || v.Name == "vendor"
}

func printWord(w io.Writer, word, help string) error {
	_, err := fmt.Fprintf(w, "%s\t%s\n", word, output.Plain(strings.TrimSuffix(help, "."), ""))
	return err
}
