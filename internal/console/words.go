package console

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
)

// stamp returns a time in HTML: relative, followed by the time itself.
func stamp(now time.Time, at any) template.HTML {
	t, ok := moment(at)
	if !ok {
		return "—"
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s <small>%s</small></time>`, iso(t), ago(now, t), clock(t))) //nolint:gosec // only times
}

// moment returns a time given as a value or a pointer.
func moment(at any) (time.Time, bool) {
	switch t := at.(type) {
	case time.Time:
		return t, !t.IsZero()
	case *time.Time:
		if t != nil {
			return *t, !t.IsZero()
		}
	}
	return time.Time{}, false
}

// ago returns the distance of t from now, in words.
func ago(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case d > -time.Second && d < time.Second:
		return "now"
	case d < 0:
		return "in " + span(-d)
	default:
		return span(d) + " ago"
	}
}

// span returns a duration in its largest unit.
func span(d time.Duration) string {
	switch {
	case d < 100*time.Second:
		return strconv.Itoa(int(d.Seconds())) + " s"
	case d < 100*time.Minute:
		return strconv.Itoa(int(d.Minutes())) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + " h"
	default:
		return strconv.Itoa(int(d.Hours()/24)) + " days"
	}
}

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// clock returns date and time to the second.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// number returns a count with separated thousands.
func number(n any) string {
	digits := fmt.Sprint(n)
	if strings.ContainsAny(digits, ".-") {
		return digits
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return digits
}

// plural returns a count, of any integer type, with its noun.
func plural(n any, thing string) string {
	said := number(n) + " " + thing
	if said != "1 "+thing {
		said += "s"
	}
	return said
}

// words returns an identifier as words.
func words(name string) string { return strings.ReplaceAll(name, "_", " ") }
