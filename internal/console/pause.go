package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/ops"
)

// longestPause is the longest pause with an end.
const longestPause = 30 * 24 * time.Hour

// pause pauses a vendor, for a time or until resume.
func (c *Console) pause(ctx context.Context, v *visit) (answer, error) {
	var span time.Duration
	if text := v.PostFormValue("for"); text != "" {
		var err error
		if span, err = time.ParseDuration(text); err != nil || span <= 0 || span > longestPause {
			return answer{}, &refusal{http.StatusUnprocessableEntity, "For how long?", "Nothing was done. Give a time such as 30m or 12h, of 30 days at most, or none."}
		}
	}
	name := v.PathValue("vendor")
	_, err := v.service.Pause(ctx, name, span, v.actor())
	return c.halted(v, "paused", err)
}

// resume ends a pause.
func (c *Console) resume(ctx context.Context, v *visit) (answer, error) {
	name := v.PathValue("vendor")
	_, err := v.service.Resume(ctx, name, v.actor())
	return c.halted(v, "resumed", err)
}

// halted returns to the page of the form: the page of the vendor, or the overview.
func (c *Console) halted(v *visit, how string, err error) (answer, error) {
	vendor := v.PathValue("vendor")
	if errors.Is(err, ops.ErrNoConsumers) {
		return answer{}, &refusal{http.StatusNotFound, "Nothing to pause", err.Error()}
	}
	if v.PostFormValue("back") == "vendor" {
		return answer{to: vendorPath(vendor) + "?" + how + "=1"}, err
	}
	return answer{to: root + "?" + how + "=" + vendor}, err
}

// actor returns the visitor, with the reason in the form.
func (v *visit) actor() ops.Actor {
	return ops.Actor{Who: v.who.Name, Why: oneLine(v.PostFormValue("reason"))}
}

// pauseNotice returns the notice about a pause or its end, if the URL has one.
func pauseNotice(v *visit) string {
	for _, how := range []string{"paused", "resumed"} {
		name := v.FormValue(how)
		if slices.ContainsFunc(v.service.Vendors, func(one ops.Vendor) bool { return one.Name == name }) {
			return name + " was " + how + "."
		}
	}
	return ""
}

// oneLine returns a text as a single line without control characters, cut to the length of a
// reason.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)), " ")
	return strings.ToValidUTF8(text[:min(len(text), 500)], "")
}
