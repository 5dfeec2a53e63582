package dead

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/mailbox"
	"github.com/usherhq/usher/internal/ops"
)

// filter selects dead letters.
type filter struct {
	Vendor    app.PlaceFlags `help:"Only of this vendor; events: events at fault, for all vendors; webhooks: deliveries that could not become events. May be repeated." placeholder:"NAME"`
	Type      string         `help:"Only of events of this type." placeholder:"TYPE"`
	Class     string         `help:"Only of this class: invalid, permanent, unreadable, prerequisite, exhausted, panic, dropped, conflict, ambiguous, unadopted, rule, profile, overload, expired or record." placeholder:"CLASS"`
	Cause     string         `help:"Only of this cause, as listed by usher dead list --by cause." placeholder:"CAUSE"`
	User      string         `help:"Only of this user id." placeholder:"ID"`
	Course    string         `help:"Only of this course id." placeholder:"ID"`
	OlderThan time.Duration  `help:"Only if last tried longer ago, such as 1h." placeholder:"DURATION"`
	NewerThan time.Duration  `help:"Only if last tried within this time, such as 24h." placeholder:"DURATION"`
}

// Validate returns an error for filters that no dead letter can match.
func (f filter) Validate() error {
	var faults []error
	if f.OlderThan < 0 || f.NewerThan < 0 {
		faults = append(faults, errors.New("neither --older-than nor --newer-than can be negative"))
	}
	if f.Class != "" && !slices.Contains(mailbox.Classes(), f.Class) {
		faults = append(faults, fmt.Errorf("there is no class %s: want one of %s", f.Class, strings.Join(mailbox.Classes(), ", ")))
	}
	// The type of a delivery is the name of its sender.
	if f.Type != "" && !slices.Contains(f.Vendor, ops.Deliveries) && !slices.Contains(events.Types(), f.Type) {
		faults = append(faults, fmt.Errorf("there is no type %s: want one of %s; or a sender, with --vendor %s",
			f.Type, strings.Join(events.Types(), ", "), ops.Deliveries))
	}
	return errors.Join(faults...)
}

// empty reports whether the filter matches all dead letters.
func (f filter) empty() bool { return len(f.flags()) == 0 }

// selected returns the filter at the present time.
func (f filter) selected() ops.DeadFilter {
	d := ops.DeadFilter{Vendors: f.Vendor, Type: f.Type, Class: f.Class, Cause: f.Cause, User: f.User, Course: f.Course}
	if f.OlderThan > 0 {
		d.Before = time.Now().Add(-f.OlderThan)
	}
	if f.NewerThan > 0 {
		d.After = time.Now().Add(-f.NewerThan)
	}
	return d
}

// flags returns the filter as flags of a command.
func (f filter) flags() (list []string) {
	for _, name := range f.Vendor {
		list = append(list, "--vendor", quoted(name))
	}
	for _, one := range [][2]string{
		{"--type", f.Type}, {"--class", f.Class}, {"--cause", f.Cause}, {"--user", f.User}, {"--course", f.Course},
	} {
		if one[1] != "" {
			list = append(list, one[0], quoted(one[1]))
		}
	}
	if f.OlderThan > 0 {
		list = append(list, "--older-than", f.OlderThan.String())
	}
	if f.NewerThan > 0 {
		list = append(list, "--newer-than", f.NewerThan.String())
	}
	return list
}

// quoted returns a text as one word of a shell.
func quoted(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:/_-@", r)
	}) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
