package console

import (
	"fmt"
	"time"

	"github.com/usherhq/usher/internal/ops"
)

// phrase is a part of the sentence at the top of the overview, with a link to the page that tells
// more and has the actions.
type phrase struct {
	Text, Link string
	Problem    bool
}

// vendorPath returns the path of the page of a vendor.
func vendorPath(vendor string) string { return root + "vendors/" + vendor }

// headline returns the state of everything in plain words, problems first. held is the number of
// deletions on hold; negative: not known.
func headline(s ops.Status, held int, now time.Time) (list []phrase) {
	dead, fine, deletions := s.Events+s.Webhooks, 0, s.Deletions != nil
	link := root + "deletions"
	var rest []phrase
	for _, v := range s.Vendors {
		dead += v.Dead
		deletions = deletions || v.Deletions != nil
		text, problem := stateText(v, now)
		switch {
		case text == "":
			fine++
		case problem:
			list = append(list, phrase{text, vendorPath(v.Vendor), true})
		default:
			rest = append(rest, phrase{text, vendorPath(v.Vendor), false})
		}
	}
	for _, f := range s.Filling {
		list = append(list, phrase{fmt.Sprintf("%s %d %% full", f.Stream, f.Percent), docPath("operating.md"), true})
	}
	if dead > 0 {
		list = append(list, phrase{plural(dead, "dead letter") + " " + waits(dead), root + "dead", true})
	}
	switch {
	case deletions && held > 0:
		list = append(list, phrase{plural(held, "deletion") + " held", link, true})
	case deletions:
		list = append(list, phrase{"deletions are held", link, true})
	}
	list = append(list, rest...)
	if fine > 0 {
		list = append(list, phrase{Text: plural(fine, "vendor") + " fine"})
	}
	return list
}

func waits(n int) string {
	if n == 1 {
		return "waits"
	}
	return "wait"
}

// stateText returns the state of a vendor in words, and whether the state is a problem; empty for a
// vendor that is fine.
func stateText(v ops.VendorStatus, now time.Time) (text string, problem bool) {
	switch v.State {
	case ops.OnHold:
		return v.Vendor + " on hold" + forSpan(v.Since, now), true
	case ops.Failing:
		return v.Vendor + " fails" + forSpan(v.Since, now), true
	case ops.Stalled:
		return v.Vendor + " has no worker", true
	case ops.Paused:
		text = v.Vendor + " paused"
		if v.Until != nil {
			text += " until " + clock(*v.Until)
		}
		return text, false
	case ops.Off:
		return v.Vendor + " off", false
	default:
		return triedText(v), false
	}
}

// triedText names the users of a vendor that wait after failed tries; empty without any.
func triedText(v ops.VendorStatus) string {
	if v.Failed == nil {
		return ""
	}
	return plural(v.Failed.Users, "user") + " of " + v.Vendor + " " + waits(v.Failed.Users) + " after failed tries"
}

// forSpan returns the time since a moment in words, such as " for 3 min".
func forSpan(since *time.Time, now time.Time) string {
	if since == nil {
		return ""
	}
	return " for " + span(max(0, now.Sub(*since)))
}

// urgency returns the place of a vendor in the overview: problems come first.
func urgency(v ops.VendorStatus) int {
	switch {
	case v.State == ops.OnHold, v.State == ops.Failing, v.State == ops.Stalled:
		return 0
	case v.Deletions != nil:
		return 1
	case v.Dead > 0:
		return 2
	case v.State == ops.Paused, v.State == ops.Off, v.Failed != nil:
		return 3
	default:
		return 4
	}
}
