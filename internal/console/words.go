package console

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

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

// span returns a duration in its largest unit, hours and days to the nearest.
func span(d time.Duration) string {
	switch {
	case d < 100*time.Second:
		return strconv.Itoa(int(d.Seconds())) + " s"
	case d < 100*time.Minute:
		return strconv.Itoa(int(d.Minutes())) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(math.Round(d.Hours()))) + " h"
	default:
		return strconv.Itoa(int(math.Round(d.Hours()/24))) + " days"
	}
}

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
