package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/ops"
)

// sendPage is the form for an event of one type, or the event that was sent.
type sendPage struct {
	Types  []string
	Type   string
	Fields []field
	Wrong  string // fault of the event as a whole
	Sent   string // the id of the event
	// Previews are the consequences of an event that was not sent.
	Previews []ops.EventPreview
	UserID   string
}

func (c *Console) sendForm(_ context.Context, v *visit) (answer, error) {
	p, err := newSendPage(v.FormValue("type"))
	for i := range p.Fields {
		if p.Fields[i].Name == "user_id" {
			p.Fields[i].Value = v.FormValue("id") // from the page of a user
		}
	}
	return answer{page: "send", title: "Send", data: p}, err
}

func newSendPage(kind string) (sendPage, error) {
	p := sendPage{Types: events.Types(), Type: kind}
	if !slices.Contains(p.Types, kind) {
		p.Type = p.Types[0]
	}
	var err error
	p.Fields, err = fieldsOf(p.Type)
	return p, err
}

// send stores an event for all vendors, and shows a link to its outcome.
func (c *Console) send(ctx context.Context, v *visit) (answer, error) {
	p, err := newSendPage(v.PostFormValue("type"))
	if err != nil {
		return answer{}, err
	}
	wrong := answer{page: "send", title: "Send", status: http.StatusUnprocessableEntity}
	data, ok := fill(p.Fields, v.PostForm)
	if !ok {
		wrong.data = p
		return wrong, nil
	}
	var e events.Event
	if v.PostFormValue("do") == actionPreview {
		p.Previews, err = v.service.PreviewSend(ctx, p.Type, data)
	} else {
		e, err = v.service.Send(ctx, p.Type, data, v.actor())
	}
	invalid, refused := errors.AsType[*events.InvalidError](err)
	switch {
	case refused:
		if !blame(p.Fields, invalid) {
			p.Wrong = fmt.Sprintf("%s: %s", invalid.Pointer, invalid.Detail)
		}
		wrong.data = p
		return wrong, nil
	case err != nil:
		return answer{}, err
	case p.Previews != nil:
		return answer{page: "send", title: "Send", data: p}, nil
	}
	p.Sent, p.UserID = e.ID(), events.UserID(e)
	return answer{page: "send", title: "Send", data: p}, nil
}
