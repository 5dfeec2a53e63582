package console

import (
	"context"
	"net/http"
	"strings"

	"github.com/usherhq/usher/internal/ops"
)

// eventPage is the data of the page of an event.
type eventPage struct {
	ID, Source, UserID string
	Asked              bool
	Found              []shownEvent
	Letters            []letter // if no event is stored
	Searched           int
}

// shownEvent is an event with its masked payload.
type shownEvent struct {
	ops.EventView
	Body string
}

// event shows an event and its outcome at each vendor, or the form for the id of an event.
func (c *Console) event(ctx context.Context, v *visit) (answer, error) {
	p := eventPage{ID: strings.TrimSpace(v.FormValue("id")), Source: v.FormValue("source"), UserID: v.FormValue("user")}
	a := answer{page: "event", title: "Event"}
	if p.ID == "" {
		a.data = p
		return a, nil
	}
	found, err := v.service.FindEvent(ctx, ops.EventQuery{ID: p.ID, Source: p.Source, UserID: p.UserID})
	if err != nil {
		return answer{}, err
	}
	p.Asked, p.Searched = true, found.Searched
	show := structure
	if v.who.Operator {
		show = maskJSON
	}
	for _, e := range found.Events {
		p.Found = append(p.Found, shownEvent{e, body(e.Payload, show)})
	}
	for _, l := range found.Letters {
		p.Letters = append(p.Letters, letter{v.service.Letter(l)})
	}
	if len(p.Found) == 0 {
		a.status = http.StatusNotFound
	}
	a.data = p
	return a, nil
}
