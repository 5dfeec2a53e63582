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

// letterPage is all of one dead letter.
type letterPage struct {
	letter
	Gone    bool
	Path    string
	UserID  string
	Header  [][2]string
	Body    string
	Shown   bool   // personal data are
	Preview string // of a replay; empty unless asked for
	Anyway  string // why it is not sent back just so
	Wrong   string // why nothing was done
}

// found is the dead letter that the path names.
func found(ctx context.Context, v *visit) (streams.DeadLetter, error) {
	vendor, kind, key := v.PathValue("vendor"), v.PathValue("type"), v.PathValue("key")
	if strings.ContainsAny(vendor+kind+key, "*> \t\r\n") || strings.Contains(vendor+key, ".") {
		return streams.DeadLetter{}, streams.ErrNoDeadLetter
	}
	return v.desk.Streams.DeadLetters.Get(ctx, vendor, kind, key)
}

// page is what is shown of a dead letter.
func (v *visit) page(l streams.DeadLetter, shown bool) letterPage {
	p := letterPage{letter: letter{l, v.desk.DeadState(l)}, Shown: shown}
	p.Path = p.letter.Path()
	show, header := maskJSON, maskHeader
	if shown {
		show, header = func(doc []byte) string { return string(doc) }, func(s string) string { return s }
	}
	p.Body = body(l.Payload, show)
	for _, name := range slices.Sorted(maps.Keys(l.Header)) {
		p.Header = append(p.Header, [2]string{name, header(strings.Join(l.Header[name], ", "))})
	}
	if e, err := events.FromNATS(l.Header, l.Payload); err == nil {
		p.UserID = events.UserID(e)
	}
	if err := notAgain(v.desk, l); err != nil {
		p.Anyway = strings.TrimPrefix(err.Error(), "nothing was done: ")
	}
	return p
}

// body is the body of a message as a person can read it.
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

// letter shows one dead letter, or that it is gone.
func (c *Console) letter(ctx context.Context, v *visit) (answer, error) {
	l, err := found(ctx, v)
	replayed := v.FormValue("replayed") != ""
	switch {
	case errors.Is(err, streams.ErrNoDeadLetter) && replayed: // it ended before the page was asked for
		return answer{page: "letter", title: "Dead letter", data: gone(v), told: "It was sent back to its vendor."}, nil
	case errors.Is(err, streams.ErrNoDeadLetter):
		return answer{page: "letter", title: "Dead letter", data: gone(v), status: http.StatusNotFound}, nil
	case err != nil:
		return answer{}, err
	}
	a := answer{page: "letter", title: "Dead letter", data: v.page(l, false)}
	if replayed {
		a.told = "It was sent back to its vendor. What comes of it is told below."
	}
	return a, nil
}

// gone is a page about a dead letter that there is no more.
func gone(v *visit) letterPage {
	p := letterPage{Gone: true}
	p.Vendor, p.Type, p.Key = v.PathValue("vendor"), v.PathValue("type"), v.PathValue("key")
	p.Path = p.letter.Path()
	return p
}

// letterState is the part of the page that tells what comes of a replay. It asks
// for itself again while it is under way.
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

// letterDeed does something about one dead letter.
func (c *Console) letterDeed(ctx context.Context, v *visit) (answer, error) {
	l, err := found(ctx, v)
	if errors.Is(err, streams.ErrNoDeadLetter) {
		return answer{page: "letter", title: "Dead letter", data: gone(v), status: http.StatusNotFound}, nil
	}
	if err != nil {
		return answer{}, err
	}
	deed, by := v.PostFormValue("deed"), v.deed()
	page := v.page(l, deed == deedReveal)
	switch deed {
	case deedReveal:
		c.deps.Log.Info().Str("who", v.who.Name).Str("deed", deed).Str("dead_letter", l.ID()).Msg("console: personal data were shown")
	case deedPreview:
		seen, err := previews(ctx, v.desk, []streams.DeadLetter{l})
		if err != nil {
			return answer{}, err
		}
		page.Preview = seen[0].Said
	case deedReplay, deedDrop:
		return c.judged(ctx, v, page, deed, by)
	default:
		return answer{}, &refusal{http.StatusBadRequest, "No such deed", "Nothing was done."}
	}
	return answer{page: "letter", title: "Dead letter", data: page}, nil
}

// judged replays or drops, and leads to where what comes of it is told.
func (c *Console) judged(ctx context.Context, v *visit, p letterPage, deed string, by ops.Deed) (answer, error) {
	if deed == deedDrop && by.Why == "" {
		return answer{}, errNoReason
	}
	if one := c.deedOn(ctx, v, p.DeadLetter, deed, by); !one.OK {
		p.Wrong = one.Said
		return answer{page: "letter", title: "Dead letter", data: p, status: http.StatusConflict}, nil
	}
	if deed == deedDrop {
		return answer{to: root + "dead?dropped=1"}, nil
	}
	return answer{to: p.Path + "?replayed=1"}, nil
}
