package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Storage is the disk for all streams and buckets: a size, or "auto" (StorageAuto). Zero: no limits.
type Storage int64

// StorageAuto lets Usher choose the size.
const StorageAuto Storage = -1

// UnmarshalText reads "auto" or a size.
func (s *Storage) UnmarshalText(text []byte) error {
	if string(text) == "auto" {
		*s = StorageAuto
		return nil
	}
	var b Bytes
	if err := b.UnmarshalText(text); err != nil {
		return errors.New(`neither "auto" nor a size such as 100GiB`)
	}
	*s = Storage(b)
	return nil
}

// String returns the input form of UnmarshalText.
func (s Storage) String() string {
	if s == StorageAuto {
		return "auto"
	}
	return Bytes(s).String()
}

// Limits are sizes of streams and buckets by name: a map in the file; NAME=SIZE separated by commas
// in the environment.
type Limits map[string]Bytes

// limitable are the streams and buckets that can have a limit. TIMERS cannot: a full stream with
// schedules discards old messages.
var limitable = []string{
	"EVENTS", "RESULTS", "HISTORY", "OPEN_REPLAYS", "DEADLETTERS", "AUDIT", "LEASES",
	"ACCOUNTS", "ACCOUNT_INDEX", "EFFECTS", "ACTIVITY_INDEX", "PROFILES", "EMAILS", "OWNERSHIP", "CONTROL",
}

// UnmarshalText reads NAME=SIZE separated by commas, ignoring spaces.
func (l *Limits) UnmarshalText(text []byte) error {
	*l = Limits{}
	for part := range strings.SplitSeq(string(text), ",") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		name, size, _ := strings.Cut(part, "=")
		var b Bytes
		if err := b.UnmarshalText([]byte(size)); err != nil {
			return fmt.Errorf("%s: not NAME=SIZE such as HISTORY=10GiB", strings.TrimSpace(part))
		}
		(*l)[strings.TrimSpace(name)] = b
	}
	return nil
}

// String returns the input form of UnmarshalText.
func (l Limits) String() string {
	var list []string
	for _, name := range sorted(l) {
		list = append(list, name+"="+l[name].String())
	}
	return strings.Join(list, ", ")
}

// checkLimits reports limits of unknown streams.
func (l *loader) checkLimits() {
	for _, name := range sorted(l.config.NATS.Limits) {
		if slices.Contains(limitable, name) {
			continue
		}
		fix := "the names are " + strings.Join(limitable, ", ")
		if near := nearest(strings.ToUpper(name), limitable); near != "" {
			fix = "did you mean " + near + "?"
		}
		if name == "TIMERS" {
			fix = "remove it: a full stream with schedules would discard timers; the stream has one message per waiting user"
		}
		l.fault("nats.limits", fmt.Sprintf("has %q, which is no stream or bucket with a limit", name), fix)
	}
}
