package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"
)

const redacted = "[redacted]"

// Shown is one setting, as returned by Show.
type Shown struct {
	Key      string `json:"key"`
	Value    any    `json:"value"`
	From     string `json:"from"`
	Variable string `json:"variable,omitempty"`
}

// Text returns the value in one line: JSON for a list or a map, "" for an empty one.
func (s Shown) Text() string {
	switch v := reflect.ValueOf(s.Value); v.Kind() {
	case reflect.Map, reflect.Slice:
		if v.Len() == 0 {
			return ""
		}
		text, err := json.Marshal(s.Value)
		if err != nil {
			return err.Error()
		}
		return string(text)
	default:
		return fmt.Sprint(s.Value)
	}
}

// File returns the path of the file of the settings; empty without a file.
func (c Config) File() string { return c.file }

// ReadAt returns the time at which Load read the settings; zero for a Config that was not loaded.
func (c Config) ReadAt() time.Time { return c.readAt }

// Show returns every setting with value, source (default, file:line, a variable, flag) and
// variable, and the rules of vendors in the file. Secrets, and passwords in URLs, are shown as [redacted].
func (c Config) Show() []Shown {
	var lines []Shown
	rules := c.rules()
	for _, s := range c.settings() {
		from := c.origins[s.key]
		if from == "" {
			from = "default"
		}
		lines = append(lines, Shown{Key: s.key, Value: s.show(), From: from, Variable: s.variable})
	}
	for _, key := range sorted(rules) {
		if s := rules[key]; !s.empty() || c.lines[key] != "" {
			lines = append(lines, Shown{Key: key, Value: s.show(), From: c.lines[key]})
		}
	}
	return lines
}

// show returns the value for display.
func (s setting) show() any {
	switch value := s.value.Interface().(type) {
	case time.Duration:
		return Short(value)
	case fmt.Stringer: // Secret, Tokens, Sync, Bytes
		return value.String()
	case string:
		return s.plain(value)
	default:
		return value
	}
}

// Short returns d without zero parts: 24h, not 24h0m0s.
func Short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// plain returns text for display: a URL, of a proxy too, without user and query.
func (s setting) plain(text string) string {
	if !strings.HasSuffix(s.key, "url") && !strings.HasSuffix(s.key, ".proxy") {
		return text
	}
	return withoutUsers(text)
}

// Servers returns URL for display: without users, passwords and tokens.
func (n NATS) Servers() string { return withoutUsers(n.URL) }

// withoutUsers removes users and queries from URLs separated by commas.
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
