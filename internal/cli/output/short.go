package output

import (
	"regexp"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

// longID matches the id of a dead letter: a place and the hash of an event.
var longID = regexp.MustCompile(`^([^. ]+\.[0-9a-f]{8})[0-9a-f]{8,}$`)

// idOfCommand matches such an id in a command, such as usher dead show.
var idOfCommand = regexp.MustCompile(`(usher dead [a-z]+ [^. ]+\.[0-9a-f]{8})[0-9a-f]{8,}\b`)

// fullTime matches a time of RFC 3339 without fractions.
var fullTime = regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)`)

// short returns a value for a table on a terminal: the id of a dead letter with the first eight
// digits of its hash, which every command takes, and times in the zone of now, without the date of today.
func short(value string, now time.Time) string {
	if parts := longID.FindStringSubmatch(value); parts != nil {
		return parts[1]
	}
	value = idOfCommand.ReplaceAllString(value, "$1")
	return fullTime.ReplaceAllStringFunc(value, func(text string) string { return shortTime(text, now) })
}

// shortTime returns a time in the zone of now, without its date if the date is today.
func shortTime(text string, now time.Time) string {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return text
	}
	at = at.In(now.Location())
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format("15:04:05") + zone(at)
	}
	return at.Format("2006-01-02 15:04") + zone(at)
}

// LongTime returns a time with its date, to the second.
func LongTime(at time.Time) string { return at.Format(time.DateTime) + zone(at) }

// zone returns Z for a time in UTC; local times have no zone.
func zone(at time.Time) string {
	if _, offset := at.Zone(); offset == 0 {
		return "Z"
	}
	return ""
}

// isTime reports whether value is a time of short.
func isTime(value string) bool {
	for _, form := range []string{"15:04:05Z", time.TimeOnly, "2006-01-02 15:04Z", "2006-01-02 15:04", time.RFC3339} {
		if _, err := time.Parse(form, value); err == nil {
			return true
		}
	}
	return false
}

// colours holds the words of states that have a colour. Every other value is written plainly.
var colours = map[string]text.Color{
	"ok": text.FgGreen, "serving": text.FgGreen, "done": text.FgGreen, "active": text.FgGreen, "already_done": text.FgGreen,
	"failed": text.FgRed, "refused": text.FgRed, "unreachable": text.FgRed, "on hold": text.FgRed, "dead": text.FgRed, "dead letter": text.FgRed,
	"waiting": text.FgYellow, "queued": text.FgYellow, "held": text.FgYellow, "paused": text.FgYellow, "quarantined": text.FgYellow, "replaying": text.FgYellow,
	"off": text.Faint, "skipped": text.Faint, "superseded": text.Faint,
}

// state matches the state at the begin of a value such as "on hold since 10:00".
var state = regexp.MustCompile(`(?s)^(.*?)(?: (?:since|until) .*|, .*)?$`)

// paint returns a value in the colour of its state. Titles are bold.
func paint(value string, isHead bool) string {
	colour, ok := text.Bold, isHead
	if !isHead {
		colour, ok = colours[state.FindStringSubmatch(value)[1]]
	}
	if !ok || value == "" {
		return value
	}
	return colour.EscapeSeq() + value + text.Reset.EscapeSeq()
}
