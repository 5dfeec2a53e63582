package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/usherhq/usher/internal/cli/app"
)

// manCmd is usher man.
type manCmd struct {
	Command []string `arg:"" optional:"" help:"The page of one command, such as dead list; of all commands by default."`
}

// Help is shown below the flags.
func (manCmd) Help() string {
	return `Prints a manual page in the form of man, from the same texts as --help.

Examples:
  usher man | man -l -
  usher man dead replay | man -l -
  usher man > /usr/local/share/man/man1/usher.1`
}

// Run prints the page.
func (m manCmd) Run(a *app.App, k *kong.Kong) error {
	at := k.Model.Node
	for _, word := range m.Command {
		child := childOf(at, word)
		if child == nil {
			return app.Usage(fmt.Errorf("usher has no command %s: see usher --help", strings.Join(m.Command, " ")))
		}
		at = child
	}
	var page manPage
	page.head(at, a.Version)
	page.flags("OPTIONS", at.Flags)
	for _, leaf := range leavesOf(at) {
		page.command(leaf)
	}
	_, err := io.WriteString(a.Stdout, page.String())
	return err
}

// leavesOf returns the commands below a node, without groups of commands.
func leavesOf(at *kong.Node) []*kong.Node {
	return slices.DeleteFunc(slices.Clone(at.Leaves(true)), func(n *kong.Node) bool { return n == at })
}

// manPage is the source of a manual page, in the macros of man.
type manPage struct{ strings.Builder }

// head writes name, synopsis and description.
func (p *manPage) head(at *kong.Node, version string) {
	name, about, detail := strings.ReplaceAll(at.FullPath(), " ", "-"), at.Help, at.Detail
	if at.Parent == nil {
		about, detail = "carry out user lifecycle events at SaaS vendors", at.Help
	}
	fmt.Fprintf(p, ".TH %s 1 \"\" \"usher %s\" \"Usher\"\n.SH NAME\n%s \\- %s\n", strings.ToUpper(name), escape(version), name, oneLine(about))
	fmt.Fprintf(p, ".SH SYNOPSIS\n.B %s\n", escape(synopsis(at)))
	p.WriteString(".SH DESCRIPTION\n")
	p.text(detail)
}

// synopsis returns the call of a command.
func synopsis(n *kong.Node) string {
	return strings.Join(strings.Fields("usher "+n.Summary()), " ")
}

// command writes the section of one command.
func (p *manPage) command(n *kong.Node) {
	fmt.Fprintf(p, ".SH %s\n", strings.ToUpper(escape(n.FullPath())))
	fmt.Fprintf(p, ".B %s\n.PP\n%s\n", escape(synopsis(n)), oneLine(n.Help))
	p.text(n.Detail)
	p.flags("", n.Flags)
	for _, argument := range n.Positional {
		p.item("<"+argument.Name+">", argument.Help)
	}
}

// flags writes a list of flags.
func (p *manPage) flags(title string, list []*kong.Flag) {
	if title != "" && len(list) > 0 {
		fmt.Fprintf(p, ".SH %s\n", title)
	}
	for _, flag := range list {
		if flag.Hidden {
			continue
		}
		name := "--" + flag.Name
		if flag.Short != 0 {
			name = "-" + string(flag.Short) + ", " + name
		}
		if !flag.IsBool() {
			name += "=" + strings.Trim(flag.FormatPlaceHolder(), `"`)
		}
		p.item(name, flag.Help)
	}
}

func (p *manPage) item(name, help string) {
	fmt.Fprintf(p, ".TP\n.B %s\n%s\n", escape(name), oneLine(help))
}

// text writes a text of --help, with all lines and columns.
func (p *manPage) text(text string) {
	if text == "" {
		return
	}
	p.WriteString(".PP\n.nf\n")
	for line := range strings.Lines(text) {
		p.WriteString(escape(strings.TrimRight(line, "\n")) + "\n")
	}
	p.WriteString(".fi\n")
}

// oneLine returns a text of one line, escaped.
func oneLine(text string) string { return escape(strings.Join(strings.Fields(text), " ")) }

// escape returns text in which man finds no command.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text)
	if strings.HasPrefix(text, ".") {
		return `\&` + text
	}
	return text
}
