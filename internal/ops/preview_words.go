package ops

import (
	"fmt"
	"strings"
	"time"
)

// Detail returns the reasons of a preview in words; "" if the word alone says all.
func (p VendorPreview) Detail() string {
	var parts []string
	add := func(format, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf(format, value))
		}
	}
	switch p.Would {
	case WouldSkip:
		add("%s", strings.Trim(p.Reason+": "+p.Action, ": "))
	case WouldDepend:
		add("on event %s before it", p.Behind)
	case WouldWait:
		add("for the event with the key %s", p.Behind)
		if !p.Until.IsZero() {
			add("until %s", p.Until.UTC().Format(time.RFC3339))
		}
	}
	add("account %s", p.AccountID)
	add("found by %s", p.MatchedBy)
	add("writes %s", strings.Join(p.Changed, ", "))
	add("class %s", p.Class)
	add("%s", p.Message)
	add("deletions are on hold: %s", p.Held)
	return strings.Join(parts, "; ")
}

// String returns method, path and body in one line.
func (r PreviewRequest) String() string {
	return strings.TrimSpace(r.Method + " " + r.Path + " " + string(r.Body))
}
