package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ops"
	"github.com/usherhq/usher/internal/streams"
)

// letterPage is the data of the page of a dead letter.
type letterPage struct {
	letter
	Gone    bool
	Path    string
	UserID  string
	Header  [][2]string
	Body    string
	Shown   bool   // with personal data
	Preview string // of a replay; empty: no preview
	Anyway  string // reason against a replay
	Wrong   string // why the action failed
}

// found returns the dead letter of the path.
func found(ctx context.Context, v *visit) (streams.DeadLetter, error) {
	vendor, kind, key := v.PathValue("vendor"), v.PathValue("type"), v.PathValue("key")
	if strings.ContainsAny(vendor+kind+key, "*> \t\r\n") || strings.Contains(vendor+key, ".") {
		return streams.DeadLetter{}, streams.ErrNoDeadLetter
	}
	return v.service.Streams.DeadLetters.Get(ctx, vendor, kind, key)
}

// page returns the data of the page of a dead letter.
func (v *visit) page(l streams.DeadLetter, shown bool) letterPage {
	p := letterPage{letter: letter{v.service.Letter(l)}, Shown: shown}
	p.Path = p.letter.Path()
	show, header := structure, structureHeader
	switch {
	case shown:
		show, header = func(doc []byte) string { return string(doc) }, func(_, value string) string { return value }
	case v.who.Operator:
		show, header = maskJSON, func(_, value string) string { return maskHeader(value) }
	}
	p.Body = body(l.Payload, show)
	for _, name := range slices.Sorted(maps.Keys(l.Header)) {
		p.Header = append(p.Header, [2]string{name, header(name, strings.Join(l.Header[name], ", "))})
	}
	if e, err := events.Lenient.FromNATS(l.Header, l.Payload); err == nil {
		p.UserID = events.UserID(e)
	}
	if err := notAgain(v.service, l); err != nil {
		p.Anyway = strings.TrimPrefix(err.Error(), "nothing was done: ")
	}
	return p
}

// body returns the body of a message as readable text.
func body(payload []byte, show func([]byte) string) string {
	var pretty bytes.Buffer
	switch {
	case len(payload) == 0:
		return "(the message is empty)"
	case !utf8.Valid(payload):
		return "(these are bytes that are no text: see usher dead show --json)"
	case json.Indent(&pretty, payload, "", "  ") == nil:
		return show(pretty.Bytes())
	default:
		return show(payload)
	}
}

// letter shows one dead letter, or a page without it if the dead letter is gone.
func (c *Console) letter(ctx context.Context, v *visit) (answer, error) {
	l, err := found(ctx, v)
	replayed := v.FormValue("replayed") != ""
	switch {
	case errors.Is(err, streams.ErrNoDeadLetter) && replayed: // the replay ended before the page was requested
		return answer{page: "letter", title: "Dead letter", data: gone(v), notice: "It was sent back to its vendor."}, nil
	case errors.Is(err, streams.ErrNoDeadLetter):
		return answer{page: "letter", title: "Dead letter", data: gone(v), status: http.StatusNotFound}, nil
	case err != nil:
		return answer{}, err
	}
	a := answer{page: "letter", title: "Dead letter", data: v.page(l, false)}
	if replayed {
		a.notice = "It was sent back to its vendor. Its outcome is shown below."
	}
	return a, nil
}

// gone returns the data of a page without the dead letter.
func gone(v *visit) letterPage {
	p := letterPage{Gone: true}
	p.Vendor, p.Type, p.Key = v.PathValue("vendor"), v.PathValue("type"), v.PathValue("key")
	p.Path = p.letter.Path()
	return p
}

// letterState shows the part of the page with the state of a replay. The part reloads itself
// while the replay is in flight.
func (c *Console) letterState(ctx context.Context, v *visit) (answer, error) {
	l, err := found(ctx, v)
	p := gone(v)
	switch {
	case err == nil:
		p = v.page(l, false)
	case !errors.Is(err, streams.ErrNoDeadLetter):
		return answer{}, err
	}
	return answer{page: "letter-state", data: p, bare: true}, nil
}

// letterAction carries out an action on one dead letter.
func (c *Console) letterAction(ctx context.Context, v *visit) (answer, error) {
	l, err := found(ctx, v)
	if errors.Is(err, streams.ErrNoDeadLetter) {
		return answer{page: "letter", title: "Dead letter", data: gone(v), status: http.StatusNotFound}, nil
	}
	if err != nil {
		return answer{}, err
	}
	action, by := v.PostFormValue("do"), v.actor()
	page := v.page(l, action == actionReveal)
	switch action {
	case actionReveal:
		if err := v.service.Reveal(ctx, l, by); err != nil {
			return answer{}, err
		}
		c.deps.Log.Info().Str("who", v.who.Name).Str("action", action).Str("dead_letter", l.ID()).Msg("console: personal data were shown")
	case actionPreview:
		seen, err := previews(ctx, v.service, []streams.DeadLetter{l})
		if err != nil {
			return answer{}, err
		}
		page.Preview = seen[0].Text
	case actionReplay, actionDrop:
		return c.replayOrDrop(ctx, v, page, action, by)
	default:
		return answer{}, &refusal{http.StatusBadRequest, "No such action", "Nothing was done."}
	}
	return answer{page: "letter", title: "Dead letter", data: page}, nil
}

// replayOrDrop carries out an action, and redirects to a page with the outcome.
func (c *Console) replayOrDrop(ctx context.Context, v *visit, p letterPage, action string, by ops.Actor) (answer, error) {
	if action == actionDrop && by.Why == "" {
		return answer{}, errNoReason
	}
	if one := c.actOn(ctx, v, p.DeadLetter, action, by); !one.OK {
		p.Wrong = one.Text
		return answer{page: "letter", title: "Dead letter", data: p, status: http.StatusConflict}, nil
	}
	if action == actionDrop {
		return answer{to: root + "dead?dropped=1"}, nil
	}
	return answer{to: p.Path + "?replayed=1"}, nil
}
