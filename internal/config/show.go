package config

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

const redacted = "[redacted]"

// shown is one line of Show.
type shown struct {
	Key      string `json:"key"`
	Value    any    `json:"value"`
	From     string `json:"from"`
	Variable string `json:"variable,omitempty"`
}

// Show writes every setting with its value, where the value came from (default,
// file:line, a variable, flag) and the variable that sets it. Secrets are shown
// as [redacted], and so are passwords in addresses.
func (c Config) Show(w io.Writer, asJSON bool) error {
	var lines []shown
	for _, s := range c.settings() {
		from := c.origins[s.key]
		if from == "" {
			from = "default"
		}
		lines = append(lines, shown{Key: s.key, Value: s.show(), From: from, Variable: s.variable})
	}
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(lines)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tVALUE\tFROM\tVARIABLE")
	for _, line := range lines {
		fmt.Fprintf(table, "%s\t%v\t%s\t%s\n", line.Key, line.Value, line.From, line.Variable)
	}
	return table.Flush()
}

// show returns the value as it may be seen.
func (s setting) show() any {
	switch value := s.value.Interface().(type) {
	case time.Duration:
		return short(value)
	case fmt.Stringer: // Secret, Tokens, Sync, Bytes
		return value.String()
	case string:
		return s.plain(value)
	default:
		return value
	}
}

// short returns d without the parts that are zero: 24h, not 24h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// plain returns text as it may be seen: an address without user and query.
func (s setting) plain(text string) string {
	if !strings.HasSuffix(s.key, "url") {
		return text
	}
	return withoutUsers(text)
}

// Servers is URL as it may be printed: without users, passwords and tokens.
func (n NATS) Servers() string { return withoutUsers(n.URL) }

// withoutUsers cuts users and queries out of addresses that are separated by commas.
func withoutUsers(addresses string) string {
	list := strings.Split(addresses, ",")
	for i, address := range list {
		scheme, rest, ok := strings.Cut(address, "://")
		if !ok {
			scheme, rest = "", address
		}
		if at := strings.LastIndexByte(rest, '@'); at >= 0 {
			rest = redacted + rest[at:]
		}
		if path, _, ok := strings.Cut(rest, "?"); ok {
			rest = path + "?" + redacted
		}
		if scheme != "" {
			rest = scheme + "://" + rest
		}
		list[i] = rest
	}
	return strings.Join(list, ",")
}
