package cli

import "regexp"

// wanted is what the arguments ask for, with help and version as words too.
func wanted(args []string) []string {
	switch {
	case len(args) > 0 && args[0] == "help":
		return append(args[1:len(args):len(args)], "--help")
	case len(args) == 1 && args[0] == "version":
		return []string{"--version"}
	default:
		return args
	}
}

// misused is what the parser says of wrong arguments, without terms of its own.
func misused(text string) string {
	for _, phrase := range [][2]string{
		{`^(-\S+): expected \S+ value but got "EOL" \(<EOL>\)$`, `$1 needs a value`},
		{`^(-\S+): expected \S+ value but got "(-.*)" \((?:short|long) flag\).*$`, `$1 needs a value, and $2 looks like a flag: write $1=$2 where it is the value`},
		{`expected duration but got ("[^"]*").*$`, `want a duration such as 90s, 10m or 24h, not $1`},
		{`expected a valid \d+ bit u?int but got ("[^"]*")$`, `want a whole number, not $1`},
		{`expected an? (?:int|float) but got ("[^"]*").*$`, `want a number, not $1`},
	} {
		text = regexp.MustCompile(phrase[0]).ReplaceAllString(text, phrase[1])
	}
	return text
}
