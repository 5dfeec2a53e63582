package console

import (
	"fmt"
	"html/template"
	"regexp"
	"strings"
	"time"
)

const clockForm = "2006-01-02 15:04:05"

// timeInText matches a UTC time in a text, with or without fractions of a second.
var timeInText = regexp.MustCompile(`\b\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?Z| \d\d:\d\d:\d\d UTC)\b`)

// timed returns a text in HTML with each UTC time as an element, so that the script of the pages
// shows the local time.
func timed(text string) template.HTML {
	var out strings.Builder
	last := 0
	for _, at := range timeInText.FindAllStringIndex(text, -1) {
		t, ok := parseTime(text[at[0]:at[1]])
		if !ok {
			continue
		}
		out.WriteString(template.HTMLEscapeString(text[last:at[0]]))
		out.WriteString(string(timeElement(t, clock(t))))
		last = at[1]
	}
	out.WriteString(template.HTMLEscapeString(text[last:]))
	return template.HTML(out.String()) //nolint:gosec // escaped above
}

// parseTime returns a time in one of the forms of timeInText.
func parseTime(text string) (time.Time, bool) {
	for _, form := range []string{time.RFC3339, clockForm + " UTC"} {
		if t, err := time.Parse(form, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// timeElement returns a time in HTML with a text.
func timeElement(t time.Time, text string) template.HTML {
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, iso(t), text)) //nolint:gosec // only times
}

// stamp returns a time in HTML: relative, followed by the time itself.
func stamp(now time.Time, at any) template.HTML {
	t, ok := moment(at)
	if !ok {
		return "—"
	}
	return timeElement(t, fmt.Sprintf("%s <small>%s</small>", ago(now, t), clock(t)))
}

// clockHTML returns date and time in HTML.
func clockHTML(at any) template.HTML {
	t, ok := moment(at)
	if !ok {
		return "—"
	}
	return timeElement(t, clock(t))
}

// dayTime returns the time of day in HTML.
func dayTime(t time.Time) template.HTML { return timeElement(t, t.UTC().Format("15:04:05")+" UTC") }

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

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// clock returns date and time to the second.
func clock(t time.Time) string { return t.UTC().Format(clockForm) + " UTC" }
